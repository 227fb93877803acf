"""Which task a spec is of, and with it which sections it may have."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from tilework.errors import UserError
from tilework.spec.plugins import AUTOENCODER, TASKS

if TYPE_CHECKING:
    from tilework.spec.model import RunSpec


def task_class(task: str) -> type[Any]:
    """The class `Task` of a task's file. Raises UserError for one that leaves a question of the engine unanswered."""
    found: type[Any] = TASKS.module(task).Task
    lacking = sorted(getattr(found, "__abstractmethods__", ()))
    if getattr(found, "Spec", None) is None:
        lacking.append("Spec")
    if lacking:
        raise UserError(
            f"the task {task} lacks {', '.join(lacking)}",
            why="the engine asks every task for these; tilework.engine.tasks.contract defines each",
            fix=f"add {lacking[0]} to the class Task in {TASKS.module(task).__name__}",
        )
    return found


def spec_class(raw: Any) -> type[RunSpec]:
    """The settings class for a raw spec. Raises UserError for a task that does not exist."""
    task = raw.get("task", AUTOENCODER) if isinstance(raw, dict) else AUTOENCODER
    if not isinstance(task, str) or task not in TASKS.kinds:
        close = difflib.get_close_matches(str(task).lower(), TASKS.kinds, n=1)
        raise UserError(
            f"there is no task {task!r}",
            why=f"the tasks are {', '.join(TASKS.kinds)}",
            fix=f"write task: {close[0] if close else TASKS.kinds[0]}, or leave it out for an autoencoder",
        )
    found: type[RunSpec] = task_class(task).Spec
    return found


def sections_elsewhere(raw: dict[str, Any], spec: type[RunSpec]) -> dict[str, str]:
    """Keys of a raw spec that are sections of another task than its own, each with that task."""
    unknown = set(raw) - set(spec.model_fields)
    found: dict[str, str] = {}
    for task in TASKS.kinds if unknown else ():
        known = getattr(getattr(TASKS.module(task).Task, "Spec", None), "model_fields", {})
        found |= {key: task for key in sorted(unknown & set(known)) if key not in found}
    return found
