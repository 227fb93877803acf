"""The one metric that decides about a run: `engine.monitor`."""

from __future__ import annotations

from collections.abc import Mapping

from tilework.engine.tasks.contract import Task
from tilework.errors import UserError
from tilework.metrics import Better


def check_monitor(name: str, task: Task) -> None:
    """Raise UserError for a metric that no validation of this task measures, before any data is read."""
    terms = task.weights()
    if not task.metrics.judges(name, terms):
        measured, by_part = task.metrics.judging(terms)
        raise UserError(
            f"engine.monitor is '{name}', which no validation pass measures",
            why=f"it measures {', '.join([*measured, *by_part])}",
            fix="use engine.monitor=loss",
        )


def monitored(name: str, task: Task, metrics: Mapping[str, float]) -> float:
    """The value that decides, turned so that lower is better. Raises UserError where this validation did not measure it: a level
    or a dimension that the model does not have."""
    if name not in metrics:
        raise UserError(
            f"engine.monitor is '{name}', which the held-out pass does not measure",
            why=f"it measures {', '.join(metrics)}",
            fix="use engine.monitor=loss",
        )
    return -metrics[name] if task.metrics.better(name) is Better.HIGHER else metrics[name]
