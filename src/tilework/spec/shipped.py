"""What a shipped recipe needs before it can start."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

_EMBEDDED = {"digits", "loops"}
_FETCHED = {"mnist"}
_FAILS = {"gamefactory-v2.1.0": "gamefactory-v2.1.6", "minerl-v1.0": "minerl-v1.0.1"}
"""Recipes that are kept because they fail, to be looked at, and what to train in their place."""


class Need(StrEnum):
    """What a person must have for a recipe, in the order in which recipes are listed."""

    DOWNLOAD = "download"
    """A network once: it fetches its images."""
    IMAGES = "images"
    """Images of their own."""
    RUN = "run"
    """A trained run to build on."""
    LPIPS = "lpips"
    """Weights for the term `lpips`."""


def needs(recipe: Mapping[str, Any]) -> list[Need]:
    """All that it needs; nothing where it starts at once."""
    found = [] if (where := _origin(recipe)) is None else [where]
    return [*found, Need.LPIPS] if "lpips" in recipe.get("objective", ()) else found


def instead(name: str) -> str | None:
    """The recipe to train in the place of one that fails on purpose; None for all others."""
    return _FAILS.get(name)


def rank(recipe: Mapping[str, Any]) -> int:
    """0 for what starts at once, 1 for what fetches its images, 2 for what wants yours, 3 for what wants a trained run."""
    where = _origin(recipe)
    return 0 if where is None else 1 + list(Need).index(where)


def _origin(recipe: Mapping[str, Any]) -> Need | None:
    """What its images or tokens come from, where they do not come with tilework."""
    if "parent" in recipe:
        return Need.RUN
    kind = recipe["data"]["kind"]
    return None if kind in _EMBEDDED else Need.DOWNLOAD if kind in _FETCHED else Need.IMAGES
