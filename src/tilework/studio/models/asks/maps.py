"""The whole data set: its map, what is near a point, what is found by word, small images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from tilework.errors import UserError
from tilework.explore.dimensions import checked_dimension
from tilework.explore.map import HITS, Found, Neighbours, map_of, nearest, search, whole
from tilework.explore.map import SIDES as THEIRS
from tilework.explore.opened import Side
from tilework.protocol.explore import SIDES, AskKind, ImagesFacts, MapFacts, MapKind, NearestFacts, SearchFacts
from tilework.studio.models.asks.small import small
from tilework.studio.models.opening import Loaded
from tilework.studio.models.serving import Response

_MOST_IMAGES, _MOST_NEAREST = 1024, 64
_RANK = np.array([SIDES.index(side) for side in THEIRS], np.uint8)
"""Sides as answers number them, in the order in which maps do."""
Arrays = dict[str, np.ndarray[Any, Any]]


def kinds_of_map() -> list[MapKind]:
    """Those that can be made here."""
    return ["pca", "umap", "dimensions"] if find_spec("umap") is not None else ["pca", "dimensions"]


def neighbours(model: Loaded, ask: dict[str, Any]) -> Neighbours:
    """The images nearest to a point."""
    count = ask.get("count", 8)
    if not 1 <= count <= _MOST_NEAREST:
        raise UserError(
            f"{count:,} images were asked for", why=f"1 to {_MOST_NEAREST} are possible", fix="ask for less"
        )
    return nearest(model.opened, ask["point"], count, model.image)


def _map(model: Loaded, ask: dict[str, Any]) -> Response:
    opened, how = model.opened, ask["how"]
    images = opened.need_images("a map of the images")
    shares: list[float] = []
    if how == "dimensions":
        found = whole(opened)
        axes = [checked_dimension(opened, ask.get("x", 0)), ask.get("y", 1)]
        if opened.dimensions > 1 or "y" in ask:
            checked_dimension(opened, axes[1])
        xy = np.stack([found.latents[:, d] if d < opened.dimensions else np.zeros(len(found.latents)) for d in axes], 1)
    else:
        made = map_of(opened, how)
        found, xy, shares = made.whole, made.xy, list(made.shares or ())
        how = "dimensions" if made.how == "plane" else how
    arrays: Arrays = {
        "points": xy.astype(np.float32),
        "numbers": found.numbers.astype(np.int32),
        "sides": _RANK[found.sides],
        "labels": found.labels.astype(np.int16),
    }
    total = sum(len(images.side(side)) for side in THEIRS)
    return Response(dict(MapFacts(how=how, share=shares, total=total)), arrays)


def _nearest(model: Loaded, ask: dict[str, Any]) -> Response:
    found = neighbours(model, ask)
    facts, arrays = _listed(model, [(one.side, one.number) for one in found.found])
    arrays["distances"] = np.array([one.distance for one in found.found], np.float32)
    return Response(dict(NearestFacts(**facts)), arrays)


def _search(model: Loaded, ask: dict[str, Any]) -> Response:
    found: list[Found] = search(model.opened, ask["text"], HITS + 1)
    facts, arrays = _listed(model, [(one.side, one.number) for one in found[:HITS]])
    return Response(dict(SearchFacts(**facts, more=len(found) > HITS)), arrays)


def _images(model: Loaded, ask: dict[str, Any]) -> Response:
    numbers: list[int] = ask["numbers"]
    if len(numbers) > _MOST_IMAGES:
        raise UserError(f"{len(numbers):,} images were asked for", why=f"at most {_MOST_IMAGES:,} are sent at once")
    side: Side = ask["side"]
    facts, arrays = _listed(model, [(side, number) for number in numbers])
    return Response(dict(facts), {name: arrays[name] for name in ("thumbs", "labels")})


def _listed(model: Loaded, found: Sequence[tuple[Side, int]]) -> tuple[ImagesFacts, Arrays]:
    """Images of both sides in this order: labels and names, numbers, sides, small images. Raises UserError for a number that a
    side does not have."""
    images = model.opened.need_images("showing images")
    places = np.array([images.positions(side, [number])[0] for side, number in found], np.int64)
    labels, classes = images.store.labels[places], images.store.classes
    facts = ImagesFacts(
        labels=[classes[label] if label >= 0 else None for label in labels],
        names=[images.store.file_of(int(place)) or None for place in places],
    )
    height, width, channels = images.store.shape
    pixels = images.store.gather(places) if len(places) else np.empty((0, height, width, channels), np.uint8)
    return facts, {
        "numbers": np.array([number for _, number in found], np.int32),
        "sides": np.array([SIDES.index(side) for side, _ in found], np.uint8),
        "labels": labels.astype(np.int16),
        "thumbs": small(pixels),
    }


ASKS: Mapping[AskKind, Callable[[Loaded, dict[str, Any]], Response]] = {
    "images": _images,
    "search": _search,
    "map": _map,
    "nearest": _nearest,
}
