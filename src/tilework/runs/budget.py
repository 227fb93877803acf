"""What a run's budget has to become for it to train until a later step."""

from __future__ import annotations

import math


def overrides_until(
    wanted: int,
    *,
    steps: int | None,
    epochs: int | None,
    steps_per_epoch: int,
    ends: tuple[int, float] = (0, 0.0),
) -> list[str]:
    """Overrides of `engine.steps` and `engine.epochs` with which neither ends a run before step `wanted`.

    Only what would end it sooner is raised, epochs to the next whole one. `ends` is the step at which the run ends now and the
    epochs that have passed there: only what comes behind it has `steps_per_epoch`, where the batch size was another before.
    """
    found = []
    if steps is not None and steps < wanted:
        found.append(f"engine.steps={wanted}")
    if epochs is not None and steps_per_epoch:
        needed = math.ceil(round(ends[1] + (wanted - ends[0]) / steps_per_epoch, 9))
        if epochs < needed and wanted > ends[0]:
            found.append(f"engine.epochs={needed}")
    return found
