"""What a run's budget has to become for it to train until a later step."""

from __future__ import annotations

import math


def overrides_until(wanted: int, *, steps: int | None, epochs: int | None, steps_per_epoch: int) -> list[str]:
    """Overrides of `engine.steps` and `engine.epochs` with which neither ends a run before step `wanted`.

    Only what would end it sooner is raised, epochs to the next whole one.
    """
    found = []
    if steps is not None and steps < wanted:
        found.append(f"engine.steps={wanted}")
    if epochs is not None and steps_per_epoch and epochs * steps_per_epoch < wanted:
        found.append(f"engine.epochs={math.ceil(wanted / steps_per_epoch)}")
    return found
