"""All images of a run in two dimensions, what lies near a point, and finding images by word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.errors import UserError
from tilework.explore.cloud import cloud
from tilework.explore.components import components
from tilework.explore.opened import Images, Opened, Pixels, Side
from tilework.explore.place import Named, place
from tilework.explore.points import Point
from tilework.explore.sampling import refuse_many, title_of
from tilework.explore.sheet import table
from tilework.explore.shown import Shown

MOST = 20_000
HITS = 200
SIDES: tuple[Side, Side] = ("train", "validation")


@dataclass(frozen=True, eq=False)
class Whole:
    """Encoded images of both sides: `latents` (n, D*h*w), `sides` (n,) 0 = training, 1 = validation, `numbers` within the side,
    `labels` (n,) into the store's classes, -1 = none."""

    latents: NDArray[np.float32]
    sides: NDArray[np.int64]
    numbers: NDArray[np.int64]
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LatentMap:
    """`xy` (n, 2) float32, one point for each image of `whole`; `shares` of the variance along both axes, where it is PCA.

    `how` is `plane` where the latent has no more than two dimensions and is shown as it is.
    """

    whole: Whole
    xy: NDArray[np.float32]
    how: Literal["plane", "pca", "umap"]
    shares: tuple[float, float] | None


@dataclass(frozen=True)
class Found:
    """An image by its side and number within it, its label and the file that it came from."""

    side: Side
    number: int
    label: str | None
    file: str
    distance: float = 0.0
    """Euclidean distance in the latent space, where it was looked for by a point."""

    @property
    def origin(self) -> str:
        """The same as the beginning of a point."""
        return f"{self.side}:{self.number}"


@dataclass(frozen=True, eq=False)
class Neighbours(Shown):
    """The images nearest to a point, nearest first: `found` (n) and their `images` (n, H, W, C) uint8."""

    model: str
    point: str
    found: tuple[Found, ...]
    images: Pixels

    def sheet(self) -> Image.Image:
        return table([self.images], heads=[f"{one.distance:.2f}" for one in self.found])

    def title(self) -> str:
        return f"nearest to {self.point} in the latent space of {self.model}"

    def facts(self) -> tuple[tuple[str, str], ...]:
        return tuple((one.origin, f"distance {one.distance:.3f}, label {one.label}") for one in self.found)


def whole(opened: Opened, most: int = MOST) -> Whole:
    """Encode images of both sides, evenly spread and at most `most` in all; each side has its share. Kept while it is open.

    Raises UserError where the images are not there.
    """
    images = opened.need_images("a map of the images")

    def make() -> Whole:
        sizes = [len(images.side(side)) for side in SIDES]
        share = min(1.0, most / sum(sizes))
        parts = [cloud(opened, side, max(2, round(share * size))) for side, size in zip(SIDES, sizes, strict=True)]
        numbers = np.concatenate([part.numbers for part in parts])
        sides = np.repeat([0, 1], [len(part.numbers) for part in parts])
        labels = np.concatenate([images.store.labels[images.side(part.side)[part.numbers]] for part in parts])
        return Whole(np.concatenate([part.latents for part in parts]), sides, numbers, labels)

    return opened.once(f"whole {most}", make)


def map_of(opened: Opened, how: Literal["pca", "umap"] = "pca", most: int = MOST) -> LatentMap:
    """Every image as a point in the plane: the first two principal components of the latents, or UMAP (arXiv 1802.03426).

    A latent of one or two dimensions is shown as it is. Both are the same at every call: UMAP is seeded. Raises UserError where
    the images are not there, and for UMAP where the package is not installed.
    """
    if how not in ("pca", "umap"):
        raise UserError(f"there is no map '{how}'", why="a map is pca or umap", fix="write pca or umap")
    reducer = _umap() if how == "umap" and opened.dimensions > 2 else None
    found = whole(opened, most)

    def make() -> LatentMap:
        latents = found.latents
        if opened.dimensions <= 2:
            flat = np.pad(latents, ((0, 0), (0, 2 - latents.shape[1])))
            return LatentMap(found, flat, "plane", None)
        if reducer is not None:
            return LatentMap(found, np.asarray(reducer.fit_transform(latents), np.float32), "umap", None)
        opened.between()
        made = components(latents, 2)
        first, second = (*made.shares.tolist(), 0.0)[:2]
        return LatentMap(found, made.of(latents, 2).astype(np.float32), "pca", (first, second))

    return opened.once(f"map {how} {most}", make)


def nearest(
    opened: Opened, point: Point | str, count: int = 12, images: Named | None = None, most: int = MOST
) -> Neighbours:
    """The `count` images whose latents are nearest to a point, by Euclidean distance. Raises UserError as `place` does."""
    refuse_many(count)
    found = whole(opened, most)
    z = place(opened, point, images).flatten().numpy()
    square = np.concatenate(
        [((part - z) ** 2).sum(1) for part in np.array_split(found.latents, 1 + len(found.latents) // 2048)]
    )
    order = np.argsort(square, kind="stable")[:count]
    data = opened.need_images("neighbours")
    hits = [
        _found(data, SIDES[found.sides[i]], int(found.numbers[i]), float(np.sqrt(square[i]))) for i in order.tolist()
    ]
    positions = np.array([data.positions(hit.side, [hit.number])[0] for hit in hits])
    return Neighbours(title_of(opened), str(point), tuple(hits), data.store.gather(positions))


def search(opened: Opened, text: str, most: int = HITS) -> list[Found]:
    """Images whose label is `text`, then those whose file's name contains it; capitals do not matter; validation images first.

    Raises UserError where the images are not there.
    """
    data = opened.need_images("searching")
    wanted = text.strip().casefold()
    if not wanted:
        return []
    store = data.store
    classes = [n for n, label in enumerate(store.classes) if label.casefold() == wanted]
    files = [n for n, name in enumerate(store.file_names) if wanted in name.casefold()]
    hits: list[Found] = []
    for by_label in (True, False):
        for side in reversed(SIDES):
            positions = data.side(side)
            labelled = np.isin(store.labels[positions], classes)
            matches = labelled if by_label else np.isin(store.file_numbers[positions], files) & ~labelled
            hits += [_found(data, side, int(n)) for n in np.flatnonzero(matches)[: max(0, most - len(hits))]]
    return hits


def _found(images: Images, side: Side, number: int, distance: float = 0.0) -> Found:
    return Found(side, number, images.label(side, number), images.file(side, number), distance)


def _umap() -> Any:
    try:
        from umap import UMAP
    except ImportError:
        raise UserError(
            "this map needs UMAP, and it is not installed",
            why="it is an extra: it brings a compiler along",
            fix="pip install 'tilework[umap]', or take the map by principal components",
        ) from None
    return UMAP(n_components=2, random_state=0)
