"""The messages when a run cannot go on: what happened, why, one fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tilework.errors import RunFailure
from tilework.runs.guarding import alarm_text
from tilework.spec import RunSpec


def never_finite(step: int, skipped: int, terms: Sequence[str]) -> RunFailure:
    """Too many skipped steps in a row; names the first term that is not finite."""
    return RunFailure(
        f"step {step:,}: {terms[0] if terms else 'the gradient'} has been infinite or NaN for {skipped} steps in a row",
        why="the learning rate is too high for this loss, or nothing clips the gradient",
        fix="start again with optimizer.clip_norm=1.0 and a smaller optimizer.lr; the last checkpoint holds finite weights",
    )


def not_recovered(step: int, payload: Mapping[str, Any]) -> RunFailure:
    """No rollback has helped; `payload` is that of the finding."""
    count = payload["rollbacks"]
    tried = f", after {count} rollback{'s' * (count > 1)} to earlier weights" if count else ""
    return RunFailure(
        f"step {step:,}: {alarm_text(payload)}{tried}",
        why="the learning rate is too high for this loss, or nothing clips the gradient",
        fix="start again with optimizer.clip_norm=1.0 and a smaller optimizer.lr; the last checkpoint holds the weights of step "
        f"{payload['back_to']:,}, which were sound",
    )


def out_of_memory(spec: RunSpec, step: int, error: Exception) -> RunFailure:
    """Half the batch and twice the accumulation compute the same."""
    batch, accumulate = spec.engine.batch_size, spec.optimizer.accumulate
    return RunFailure(
        f"the device ran out of memory at step {step:,} with engine.batch_size={batch}",
        why=(str(error).splitlines() or [""])[0],
        fix=f"train with engine.batch_size={max(1, batch // 2)} optimizer.accumulate={accumulate * 2}",
    )
