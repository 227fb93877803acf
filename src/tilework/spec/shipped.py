"""What a shipped recipe needs before it can start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_EMBEDDED = {"digits", "loops"}
_FETCHED = {"mnist"}


def needs(recipe: Mapping[str, Any]) -> str:
    """What a person must have: nothing ("ready"), a network once, a folder of pictures, weights for LPIPS."""
    pictures = ("ready", "downloads", "your pictures")[rank(recipe)]
    return f"{pictures} + LPIPS weights" if "lpips" in recipe["objective"] else pictures


def rank(recipe: Mapping[str, Any]) -> int:
    """0 for what starts at once, 1 for what fetches its pictures, 2 for what wants yours."""
    kind = recipe["data"]["kind"]
    return 0 if kind in _EMBEDDED else 1 if kind in _FETCHED else 2
