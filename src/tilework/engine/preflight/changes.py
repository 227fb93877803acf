"""Fixes as changes of the spec, by path."""

from __future__ import annotations

from typing import Any

from tilework.spec import Constant, RunSpec


def lr_change(spec: RunSpec, lr: float) -> dict[str, Any]:
    """Another learning rate: the constant, or where its schedule starts."""
    rounded = float(f"{lr:.1e}")
    schedule = spec.optimizer.lr
    plain = isinstance(schedule, Constant) and schedule.warmup.amount == 0
    if plain:
        return {"optimizer.lr": rounded}
    name = "value" if isinstance(schedule, Constant) else "start"
    if getattr(schedule, name, None) != schedule.bounds[1]:  # its largest value is where it ends
        name = "limit" if hasattr(schedule, "limit") else "end"
    return {f"optimizer.lr.{name}": rounded}


def weight_change(spec: RunSpec, term: str, weight: float) -> dict[str, Any]:
    """Another weight of a loss term, constant from then on."""
    return {f"objective.{term}.weight": float(f"{weight:.1e}")}


def smaller_batch(spec: RunSpec) -> dict[str, Any]:
    """Half the batch and twice the accumulation compute the same."""
    return {
        "engine.batch_size": max(1, spec.engine.batch_size // 2),
        "optimizer.accumulate": spec.optimizer.accumulate * 2,
    }
