"""Exploring what a model has learned: pure functions on an opened model, used by Python, the shell and the studio alike.

opened = explore.open_model("last")
explore.sample(opened, ["seed:3", "validation:0"])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilework.explore.directions import label_means, principal
    from tilework.explore.opened import Images, Opened, open_model
    from tilework.explore.place import place
    from tilework.explore.points import Point, parse

# Imported when first used: to read a point needs no torch.
_WHERE = {
    "Images": "opened",
    "Opened": "opened",
    "Point": "points",
    "label_means": "directions",
    "open_model": "opened",
    "parse": "points",
    "place": "place",
    "principal": "directions",
}
__all__ = ["Images", "Opened", "Point", "label_means", "open_model", "parse", "place", "principal"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"tilework.explore.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
