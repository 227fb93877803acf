"""What a person is told when a run cannot go on: what happened, why, one fix."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tilework.errors import RunFailure, UserError
from tilework.runs.folder import RunFolder
from tilework.spec import RunSpec


def went_on(run: RunFolder) -> UserError:
    """Two processes resumed one run; the other was quicker."""
    return UserError(
        f"run {run.id} was trained on while this process was getting ready",
        why="another process held it until a moment ago and has saved a newer checkpoint",
        fix=f"resume it again: tilework resume {run.id}",
    )


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
