"""What a shipped recipe needs before it can start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_EMBEDDED = {"digits", "loops"}
_FETCHED = {"mnist"}
_FAILS = {"gamefactory-v2.1.0": "gamefactory-v2.1.6", "minerl-v1.0": "minerl-v1.0.1"}
"""Recipes that are kept because they fail, to be looked at, and what to train in their place."""


def needs(recipe: Mapping[str, Any]) -> str:
    """What a person must have: nothing ("ready"), a network once, a folder of pictures, weights for LPIPS, a run to build on."""
    pictures = ("ready", "downloads", "your pictures", "a trained run")[rank(recipe)]
    return f"{pictures} + LPIPS weights" if "lpips" in recipe.get("objective", ()) else pictures


def instead(name: str) -> str | None:
    """The recipe to train in the place of one that fails on purpose; None for all others."""
    return _FAILS.get(name)


def rank(recipe: Mapping[str, Any]) -> int:
    """0 for what starts at once, 1 for what fetches its pictures, 2 for what wants yours, 3 for what wants a trained run."""
    if "parent" in recipe:
        return 3
    kind = recipe["data"]["kind"]
    return 0 if kind in _EMBEDDED else 1 if kind in _FETCHED else 2
