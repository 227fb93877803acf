"""What a spec is about, in one line: a recipe's own words, as long as it is still trained on data of the recipe's kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilework.spec.load import read_yaml, recipe_names, recipe_text


def about(spec: Mapping[str, Any]) -> str:
    """The line of a spec. The words of a recipe name its data: on data of another kind they would be wrong, and the data that
    there are take their place."""
    words = spec.get("about")
    if not isinstance(words, str) or not words:
        return ""
    recipe = _recipe_of(words)
    if recipe is None or _kind(recipe) == _kind(spec):
        return words
    where = _where(spec)
    return f"{recipe['name']} on {_kind(spec)}{f': {where}' if where else ''}"


def _recipe_of(words: str) -> Mapping[str, Any] | None:
    """The shipped recipe that names itself so: a run may have another name."""
    shipped = (read_yaml(recipe_text(name), name) for name in recipe_names())
    return next((recipe for recipe in shipped if recipe.get("about") == words), None)


def _kind(spec: Mapping[str, Any]) -> str:
    data = spec.get("data")
    return str(data.get("kind", "")) if isinstance(data, Mapping) else ""


def _where(spec: Mapping[str, Any]) -> str:
    """The files that its data are read from, or the name of its set."""
    found = spec["data"].get("path") or spec["data"].get("id") or ""
    return ", ".join(map(str, found)) if isinstance(found, (list, tuple)) else str(found)
