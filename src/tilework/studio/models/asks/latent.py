"""The latent: points, encoded images, traversals, walks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from tilework.errors import UserError
from tilework.explore.dimensions import kl_terms, statistics
from tilework.explore.directions import label_means, principal
from tilework.explore.encoded import Encoded, encode
from tilework.explore.opened import Through
from tilework.explore.points import parse
from tilework.explore.sampling import Sampled, sample
from tilework.explore.token_images import grid_bits, token_grid
from tilework.explore.traversal import Plane, Traversal, plane, traverse
from tilework.explore.walking import Walk, walk
from tilework.protocol.explore import (
    AskKind,
    DecodeFacts,
    DirectionsFacts,
    EncodeFacts,
    StatisticsFacts,
    TraverseFacts,
    WalkFacts,
)
from tilework.studio.models.opening import Loaded
from tilework.studio.models.serving import Response

_MOST_POINTS, _MOST_ROWS, _MOST_STEPS, _MOST_FRAMES = 64, 64, 33, 600
_MOST_DIRECTIONS = 16

# What is shown, as it also becomes a file ------------------------------------------------------------------------------


def sampled(model: Loaded, ask: dict[str, Any]) -> Sampled:
    """The images at some points."""
    _few(len(ask["points"]), "points", 1, _MOST_POINTS)
    return sample(model.opened, ask["points"], model.image, through=_through(ask))


def encoded(model: Loaded, ask: dict[str, Any]) -> Encoded:
    """An image and its reconstruction."""
    return encode(model.opened, ask["of"], model.image)


def traversed(model: Loaded, ask: dict[str, Any]) -> Traversal:
    """Rows of images."""
    if "dimensions" in ask:
        _few(len(ask["dimensions"]), "dimensions", 1, _MOST_ROWS)
    steps = _few(ask.get("steps", 9), "steps", 2, _MOST_STEPS)
    ends = (ask.get("low"), ask.get("high"))
    named = ask.get("dimensions")
    return traverse(model.opened, ask["point"], named, *ends, steps, model.image, through=_through(ask))


def planed(model: Loaded, ask: dict[str, Any]) -> Plane:
    """A square of images."""
    steps = _few(ask.get("steps", 15), "steps", 2, _MOST_STEPS)
    ends = (ask.get("low"), ask.get("high"))
    across, up = ask["x"], ask["y"]
    return plane(model.opened, ask["point"], across, up, *ends, steps, model.image, through=_through(ask))


def walked(model: Loaded, ask: dict[str, Any]) -> Walk:
    """A way from point to point."""
    _few(len(ask["points"]), "points", 2, _MOST_POINTS)
    frames = _few(ask["frames"], "frames", 2, _MOST_FRAMES)
    how = {name: ask[name] for name in ("how", "ease", "loop", "fps") if name in ask}
    return walk(model.opened, ask["points"], frames, images=model.image, through=_through(ask), **how)


def _through(ask: dict[str, Any]) -> Through:
    return "decoder" if ask.get("through") == "decoder" else "quantiser"


def _few(count: int, what: str, least: int, most: int) -> int:
    if not least <= count <= most:
        raise UserError(f"{count:,} {what} were given", why=f"{least} to {most} are possible", fix="give as many")
    return count


# Answers -----------------------------------------------------------------------------------------------------------------


def _decode(model: Loaded, ask: dict[str, Any]) -> Response:
    found = sampled(model, ask)
    arrays: dict[str, Any] = {"images": found.images, "z": found.latents}
    if found.codes is not None:
        arrays["codes"] = found.codes.astype(np.int32)
    return Response(dict(DecodeFacts(points=[str(point) for point in found.points])), arrays)


def _encode(model: Loaded, ask: dict[str, Any]) -> Response:
    found, where = encoded(model, ask), parse(ask["of"]).origin
    opened, own = model.opened, where.kind == "image"
    kl: float | None = None
    arrays: dict[str, Any] = {"image": found.image, "reconstruction": found.reconstruction, "mean": found.mean}
    if found.sigma is not None:
        arrays["sigma"] = found.sigma
        kl = float(kl_terms(found.mean, found.sigma).sum())
    if found.codes is not None:
        arrays["codes"] = found.codes.astype(np.int32)
    label, name = None, None
    if where.kind == "validation" or where.kind == "train":
        data = opened.need_images(str(where))
        label, name = data.label(where.kind, where.number), data.file(where.kind, where.number) or None
    facts = EncodeFacts(
        of=str(where),
        label=label,
        name=name,
        mse=found.mse,
        psnr=found.psnr,
        kl=kl,
        bits=grid_bits(token_grid(opened.model)) if opened.model.levels else None,
        notes=list(model.own(where.name).notes) if own else [],
    )
    return Response(dict(facts), arrays)


def _traverse(model: Loaded, ask: dict[str, Any]) -> Response:
    found = traversed(model, ask)
    arrays: dict[str, Any] = {"images": found.images, "values": found.values.astype(np.float32)}
    return Response(dict(TraverseFacts(dimensions=list(found.dimensions))), arrays)


def _plane(model: Loaded, ask: dict[str, Any]) -> Response:
    found = planed(model, ask)
    arrays: dict[str, Any] = {
        "images": found.images,
        "xs": found.xs.astype(np.float32),
        "ys": found.ys.astype(np.float32),
    }
    return Response(arrays=arrays)


def _walk(model: Loaded, ask: dict[str, Any]) -> Response:
    found = walked(model, ask)
    return Response(dict(WalkFacts(stops=list(found.stops))), {"images": found.images, "z": found.latents})


def _statistics(model: Loaded, ask: dict[str, Any]) -> Response:
    found = statistics(model.opened)
    arrays: dict[str, Any] = {
        "order": found.order.astype(np.int32),
        "active": found.active.astype(np.uint8),
        "mean": found.mean.astype(np.float32),
        "deviation": found.deviation.astype(np.float32),
    }
    if found.kl is not None and found.sigma is not None:
        arrays |= {"kl": found.kl.astype(np.float32), "sigma": found.sigma.astype(np.float32)}
    kl = float(found.kl.sum()) if found.kl is not None else None
    return Response(dict(StatisticsFacts(images=found.images, kl=kl, active=int(found.active.sum()))), arrays)


def _directions(model: Loaded, ask: dict[str, Any]) -> Response:
    found, means = principal(model.opened), label_means(model.opened)
    images = model.opened.need_images("directions")
    labels = images.store.labels[images.split.train]
    kept, shape = slice(_MOST_DIRECTIONS), model.opened.shape
    arrays = {
        "principal": found.axes[kept].reshape(-1, *shape),
        "deviations": found.deviations[kept],
        "shares": found.shares[kept],
        "means": torch.stack(list(means.values())).reshape(-1, *shape).numpy()
        if means
        else np.empty((0, *shape), "f4"),
        "counts": np.array([(labels == images.store.classes.index(label)).sum() for label in means], np.int32),
    }
    return Response(dict(DirectionsFacts(labels=list(means), images=found.images)), arrays)


ASKS: Mapping[AskKind, Callable[[Loaded, dict[str, Any]], Response]] = {
    "statistics": _statistics,
    "decode": _decode,
    "encode": _encode,
    "traverse": _traverse,
    "plane": _plane,
    "walk": _walk,
    "directions": _directions,
}
