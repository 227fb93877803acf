"""What describes a run as a whole: facts for its store, and the plan for whoever watches it begin."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tilework.engine.parts import Parts
from tilework.engine.progress import Plan
from tilework.runs.folder import RunFolder


def parameter_count(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def facts(parts: Parts) -> dict[str, Any]:
    """What the run store holds of the run as a whole."""
    budget, compute = parts.budget, parts.compute
    return {
        "task": parts.spec.task,
        "unit": parts.data.unit,
        "train_items": parts.data.items[0],
        "held_out": parts.data.items[1],
        "model": parts.task.describe(),
        "metrics": parts.task.metrics.as_list(),
        "total_steps": budget.total_steps,
        "total_epochs": budget.total_epochs,
        "steps_per_epoch": budget.steps_per_epoch,
        "parameters": parameter_count(parts.model),
        "device": str(compute.device),
        "precision": compute.precision,
        "processes": compute.world,
        "content_hash": parts.data.content_hash,
        **({"from_run": parts.spec.from_run.model_dump(mode="json")} if parts.spec.from_run else {}),
        **parts.data.facts,
        "torch": torch.__version__,
    }


def plan(parts: Parts, run: RunFolder, resumed_at: int) -> Plan:
    """What is about to run."""
    training, validation = parts.data.items
    return Plan(
        run=run,
        spec=parts.spec,
        train=training,
        validation=validation,
        steps=parts.budget.total_steps,
        steps_per_epoch=parts.budget.steps_per_epoch,
        model=parts.task.describe(),
        parameters=parameter_count(parts.model),
        device=str(parts.compute.device),
        precision=parts.compute.precision,
        processes=parts.compute.world,
        resumed_at=resumed_at,
        metrics=parts.task.metrics,
        unit=parts.data.unit,
        epochs=parts.budget.total_epochs,
    )


def which_ends(parts: Parts) -> str:
    """Which of `engine.steps` and `engine.epochs` ends the run, where both are given and differ; else empty."""
    engine, budget = parts.spec.engine, parts.budget
    if engine.steps is None or engine.epochs is None:
        return ""
    by_epochs = round(budget.clock.step(engine.epochs))
    if by_epochs < engine.steps:
        return f"engine.epochs={engine.epochs} ends the run at step {by_epochs:,}, before engine.steps={engine.steps} would"
    if by_epochs == engine.steps:
        return ""
    passed = budget.clock.epochs(engine.steps)
    return f"engine.steps={engine.steps} ends the run after {passed:,.2f} epochs, before engine.epochs={engine.epochs} would"
