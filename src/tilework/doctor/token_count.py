"""How many tokens a run trains on: images x positions of the latent grid."""

from __future__ import annotations

import math

from tilework.doctor.case import Case
from tilework.doctor.finding import CannotJudge, Missing


def training_images(case: Case) -> float:
    """Images of the training split. Raises CannotJudge where the run did not record it."""
    if isinstance(known := case.meta.get("train_items"), int):
        return known
    batch = float(case.setting("engine.batch_size", 0)) * float(case.setting("optimizer.accumulate", 1) or 1)
    found = float(case.fact("steps_per_epoch")) * batch
    if not found:
        raise CannotJudge(Missing.FACTS, name="train_items")
    return found


def positions_of(case: Case) -> float:
    """Positions of the latent grid. Raises CannotJudge where neither the run's facts nor a validation give it."""
    model = case.meta.get("model")
    if isinstance(model, dict) and isinstance(model.get("grid"), list):
        return float(math.prod(model["grid"]))
    tokens, held_out = case.known("tokens"), case.meta.get("held_out")
    if tokens > 0 and held_out:
        return tokens / float(held_out)
    if case.setting("encoder.dense") is not None:
        return 1.0
    raise CannotJudge(Missing.FACTS, name="grid")
