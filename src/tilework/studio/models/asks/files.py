"""Files that the studio makes of a model, and images that pages send to it."""

from __future__ import annotations

from typing import Any

from tilework.errors import UserError
from tilework.studio.models.opening import Loaded


def image(model: Loaded, name: str) -> dict[str, Any]:
    """Read an image that was sent: its size. Raises UserError for what is no image."""
    width, height = model.own(name).size
    return {"width": width, "height": height}


def file(model: Loaded, ask: dict[str, Any], form: str) -> bytes:
    """The bytes of a file of this ask."""
    raise UserError(f"no {form} can be made of {ask['kind']}")
