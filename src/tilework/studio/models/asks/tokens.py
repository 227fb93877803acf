"""Tokens: images of them, what each level and each cell does, the codes of a level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tilework.errors import UserError
from tilework.explore.code_atlas import code, ordered
from tilework.explore.code_vectors import similar
from tilework.explore.counted import MOST_IMAGES, token_set
from tilework.explore.place import image_of
from tilework.explore.points import parse
from tilework.explore.reach import Field, field, receptive
from tilework.explore.shown_atlas import Atlas, atlas
from tilework.explore.tiles import tiles
from tilework.explore.token_images import levels, paint, token_grid
from tilework.protocol.explore import AskKind, AtlasFacts, CodeFacts, FieldFacts, LevelsFacts
from tilework.studio.models.opening import Loaded
from tilework.studio.models.serving import Response


def atlas_of(model: Loaded, ask: dict[str, Any]) -> Atlas:
    """Every code of a level, or those of them that were asked for; what is not shown of it is not decoded."""
    most = ask.get("most", MOST_IMAGES)
    if not 1 <= most <= MOST_IMAGES:
        raise UserError(f"{most:,} images cannot be counted", why=f"1 to {MOST_IMAGES:,} can")
    size = token_grid(model.opened.model).size
    first, count = ask.get("first", 0), ask.get("count", size)
    if not (0 <= first < size and count >= 1):
        raise UserError(f"there are no {count} codes from {first} on", why=f"a level has {size:,} codes")
    return atlas(model.opened, ask["level"], most=most, only=slice(first, min(first + count, size)))


def _paint(model: Loaded, ask: dict[str, Any]) -> Response:
    return Response(arrays={"image": paint(model.opened, np.array(ask["codes"], np.int64), ask.get("levels"))})


def _levels(model: Loaded, ask: dict[str, Any]) -> Response:
    image = _image(model, ask["of"]) if "of" in ask else None
    found = levels(model.opened, np.array(ask["codes"], np.int64), image)
    unknown = [None] * len(found.bits)
    facts = LevelsFacts(
        bits=found.bits.tolist(),
        mse=unknown if found.mse is None else found.mse.tolist(),
        psnr=unknown if found.psnr is None else found.psnr.tolist(),
    )
    return Response(dict(facts), {"images": found.images})


def _field(model: Loaded, ask: dict[str, Any]) -> Response:
    return _area(field(model.opened, np.array(ask["codes"], np.int64), ask["y"], ask["x"]))


def _receptive(model: Loaded, ask: dict[str, Any]) -> Response:
    return _area(receptive(model.opened, _image(model, ask["of"]), ask["y"], ask["x"]))


def _area(found: Field) -> Response:
    return Response(dict(FieldFacts(box=list(found.box or ()))), {"field": found.strength})


def _palette(model: Loaded, ask: dict[str, Any]) -> Response:
    if "like" not in ask:
        order = ordered(atlas_of(model, ask), "similarity")
        return Response(arrays={"order": order.astype(np.int32)})
    found = similar(model.opened, ask["level"], ask["like"])
    return Response(arrays={"order": found.codes.astype(np.int32), "distances": found.distance})


def _atlas(model: Loaded, ask: dict[str, Any]) -> Response:
    found = atlas_of(model, ask)
    part = np.arange(found.grid.size)[found.only]
    facts = AtlasFacts(
        first=int(part[0]),
        codes=found.grid.size,
        tokens=found.tokens,
        cell=[found.size.height, found.size.width],
        margin=found.size.margin,
    )
    arrays: dict[str, Any] = {"tiles": found.painted.of(part), "colours": found.colours[part]}
    if found.counts is not None:
        arrays["counts"] = found.counts[part].astype(np.int32)
    return Response(dict(facts), arrays)


def _code(model: Loaded, ask: dict[str, Any]) -> Response:
    opened, level, number = model.opened, ask["level"], ask["code"]
    found = code(opened, level, number)
    among = token_set(opened, "train", MOST_IMAGES) if opened.images is not None else None
    arrays: dict[str, Any] = {
        "tile": tiles(opened, level, np.array([number]), among, 1)[0],
        "near": found.near.codes.astype(np.int32),
        "distances": found.near.distance,
    }
    if found.positions is not None:
        arrays |= {
            "positions": found.positions.astype(np.int32),
            "patches": found.patches,
            "numbers": found.images.astype(np.int32),
            "cells": found.cells.astype(np.int16),
        }
    return Response(dict(CodeFacts(tokens=found.count, of=among.count if among is not None else 0)), arrays)


def _image(model: Loaded, origin: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return image_of(model.opened, parse(origin).origin, model.image)


ASKS: Mapping[AskKind, Callable[[Loaded, dict[str, Any]], Response]] = {
    "paint": _paint,
    "levels": _levels,
    "field": _field,
    "receptive": _receptive,
    "palette": _palette,
    "atlas": _atlas,
    "code": _code,
}
