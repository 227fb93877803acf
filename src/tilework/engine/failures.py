"""What a person is told when a run cannot go on: what happened, why, one fix."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tilework.errors import RunFailure
from tilework.spec import RunSpec


def never_finite(step: int, skipped: int, values: Mapping[str, float]) -> RunFailure:
    """Too many skipped steps in a row; names the first term that is not finite."""
    culprits = [k for k, v in values.items() if not math.isfinite(v) and k not in {"loss", "grad_norm"}]
    return RunFailure(
        f"step {step:,}: {culprits[0] if culprits else 'the gradient'} has been infinite or NaN for {skipped} steps in a row",
        why="the learning rate is too high for this loss, or nothing clips the gradient",
        fix="start again with optimizer.clip_norm=1.0 and a smaller optimizer.lr; the last checkpoint holds finite weights",
    )


def out_of_memory(spec: RunSpec, step: int, error: Exception) -> RunFailure:
    """Half the batch and twice the accumulation compute the same."""
    batch, accumulate = spec.engine.batch_size, spec.optimizer.accumulate
    return RunFailure(
        f"the device ran out of memory at step {step:,} with engine.batch_size={batch}",
        why=(str(error).splitlines() or [""])[0],
        fix=f"train with engine.batch_size={max(1, batch // 2)} optimizer.accumulate={accumulate * 2}",
    )
