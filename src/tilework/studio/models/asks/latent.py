"""The latent: points, encoded images, directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from tilework.errors import UserError
from tilework.explore.directions import label_means, principal
from tilework.explore.place import place
from tilework.explore.points import Point, parse
from tilework.protocol.explore import AskKind, DecodeFacts, DirectionsFacts
from tilework.studio.models.opening import Loaded
from tilework.studio.models.serving import Answer

_MOST_POINTS = 64
_MOST_DIRECTIONS = 16


def decode(model: Loaded, ask: dict[str, Any]) -> Answer:
    """The images at some points."""
    points = _points(ask["points"], 1)
    z = torch.stack([place(model.opened, point, model.image) for point in points])
    arrays = {"images": model.opened.decode(z, ask.get("through", "quantiser")), "z": z.numpy()}
    codes = model.opened.codes(z) if ask.get("through", "quantiser") == "quantiser" else None
    if codes is not None:
        arrays["codes"] = codes.numpy().astype(np.int32)
    return Answer(dict(DecodeFacts(points=[str(point) for point in points])), arrays)


def directions(model: Loaded, ask: dict[str, Any]) -> Answer:
    """Principal directions and the means of labels."""
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
    return Answer(dict(DirectionsFacts(labels=list(means), images=found.images)), arrays)


def _points(texts: list[str], least: int) -> list[Point]:
    if not least <= len(texts) <= _MOST_POINTS:
        raise UserError(f"{len(texts)} points were given", why=f"{least} to {_MOST_POINTS} are possible")
    return [parse(text) for text in texts]


ASKS: Mapping[AskKind, Callable[[Loaded, dict[str, Any]], Answer]] = {"decode": decode, "directions": directions}
