"""Files that the studio makes of a model, and images that pages send to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tilework.errors import UserError
from tilework.explore.files import content
from tilework.explore.shown import Shown
from tilework.protocol.explore import AskKind
from tilework.studio.models.asks.dreams import DREAMED
from tilework.studio.models.asks.latent import encoded, planed, sampled, traversed, walked
from tilework.studio.models.asks.maps import neighbours
from tilework.studio.models.asks.tokens import atlas_of
from tilework.studio.models.opening import Loaded

SHOWN: Mapping[AskKind, Callable[[Loaded, dict[str, Any]], Shown]] = {
    "decode": sampled,
    "encode": encoded,
    "traverse": traversed,
    "plane": planed,
    "walk": walked,
    "nearest": neighbours,
    "atlas": atlas_of,
    **DREAMED,
}
"""What becomes a file, by the same functions as the shell's commands."""


def image(model: Loaded, name: str) -> dict[str, Any]:
    """Read an image that was sent: its size. Raises UserError for what is no image."""
    width, height = model.own(name).size
    return {"width": width, "height": height}


def file(model: Loaded, ask: dict[str, Any], form: str) -> bytes:
    """The bytes of a file of this ask. Raises UserError where none is made of it, and for a film of what does not move."""
    make = SHOWN.get(ask["kind"])
    if make is None:
        raise UserError(f"no file is made of {ask['kind']}", why=f"files are made of {', '.join(SHOWN)}")
    found = make(model, ask)
    if form in {"gif", "mp4"} and found.film() is None:
        raise UserError(f"no {form} is made of {ask['kind']}", why="it does not move", fix="take png or html")
    return content(found, f".{form}")
