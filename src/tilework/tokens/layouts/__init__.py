"""How tokens lie in a folder, one file each.

`npz` and `parquet` hold them; `llamagen` and `jsonl` are what other projects' trainers read, written beside `npz` shards.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from tilework.errors import UserError


def names() -> tuple[str, ...]:
    """The layouts."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__)))


def module(layout: str) -> ModuleType:
    """The file of a layout. Raises UserError for one that is not there."""
    if layout not in names():
        raise UserError(
            f"there is no layout '{layout}'",
            why=f"the layouts are {', '.join(names())}",
            fix="leave --layout out for npz",
        )
    return importlib.import_module(f"{__name__}.{layout}")


def storage(layout: str) -> ModuleType:
    """The file of the layout that holds the shards: its own, or `npz` for what is written beside them."""
    found = module(layout)
    return found if hasattr(found, "read") else module("npz")
