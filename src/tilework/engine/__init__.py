"""The engine: trains a run from its spec, keeps it safe, and hands back models.

`train` and `resume` are imported when they are asked for: whoever only opens a model needs no trainer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilework.engine.launch import resume, train


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tilework.engine import launch

    return getattr(launch, name)


__all__ = ["resume", "train"]
