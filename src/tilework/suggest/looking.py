"""Looking at some paths: which source reads them, how much there is, and what a sample of it is like."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from tilework.data.catalogue.detect import detect
from tilework.data.contract import SourceConfig
from tilework.errors import UserError
from tilework.spec import Size
from tilework.spec.plugins import SOURCES
from tilework.suggest.facts import Facts, Looks, Sample
from tilework.suggest.listing import listed
from tilework.suggest.samples import first_items, samples

if TYPE_CHECKING:
    from tilework.data.sources import sketches as sketch_source

SECONDS = 4.0
"""So long are files listed at most, and so long are samples opened."""
_COLOURED, _SHARE = 12, 0.005
"""A pixel is coloured where its channels differ by more than the first; an image is, where more than the second share are."""
_FEW = 0.05
"""A set is one of colour where more than this share of its images are."""


@dataclass(frozen=True)
class Looked:
    """What was seen, and the images by which it was."""

    facts: Facts
    images: tuple[NDArray[np.uint8], ...] = ()
    """(H, W, 1 or 3) uint8 of any size, spread over the set."""


def look(paths: Sequence[str], seconds: float = SECONDS) -> Looked:
    """What lies at `paths`, in a time that does not grow with how much it is. Nothing is written.

    Raises UserError where there is nothing to learn from, where it cannot be read, or where all of it is one colour.
    """
    found = detect(paths)
    settings = dict(found.settings)
    kind = settings["kind"]
    given = [settings["path"]] if isinstance(settings.get("path"), str) else list(settings.get("path", ()))
    if kind == "sketches":
        from tilework.suggest.sketches import sketch_samples

        drawer = cast("sketch_source.Config", SOURCES.parse(settings))
        sketches, undrawn = drawer.sketches(), ""
        total, whole, things = len(sketches), True, len(sketches)
        labels = len({one.label for one in sketches} - {None})
        try:
            opened = sketch_samples(drawer, sketches, seconds)
        except UserError as error:  # a spec can be made all the same, for a machine that has a browser
            opened, undrawn = [], f"{error.what}; {error.fix}"
        if not opened:  # none could be, or all need longer than this
            images = total * drawer.frames
            return Looked(Facts(settings, total, images, True, labels, None, 0, beside=found.note, undrawn=undrawn))
    elif kind in {"images", "frames", "animations", "video"}:
        there = listed(kind, given, seconds)
        if not there.files:
            raise _gone(given)
        opened = samples(kind, there.files, seconds)
        total, whole, labels = len(there.files), there.whole, there.labels if kind == "images" else 0
        things = there.groups if kind == "frames" else total
    else:
        source = cast(SourceConfig, SOURCES.parse(settings))
        opened = first_items(source, seconds)
        known = source.expected() or _first_axis(source)
        total, whole = known or len(opened), known is not None
        things, labels = total, len({one.label for one in opened} - {None})
    good = [one for one in opened if not one.problem]
    if not good:
        raise _none_readable(given, opened, total)
    shown = tuple(image for one in good for image in one.images)
    facts = Facts(
        data=settings,
        things=things,
        images=round(total * sum(one.frames for one in good) / len(opened)),
        counted=whole,
        labels=labels,
        looks=_looks(good, shown),
        looked_at=len(opened),
        left_out=tuple((one.file, one.problem) for one in opened if one.problem),
        beside=found.note,
    )
    return Looked(facts, shown)


def _looks(good: Sequence[Sample], images: Sequence[NDArray[np.uint8]]) -> Looks:
    sizes = Counter(one.size for one in good)
    widths, heights = np.array([one.size for one in good], dtype=float).T
    shapes = widths / heights
    size = next(iter(sizes)) if len(sizes) == 1 else Size(int(np.median(widths)), int(np.median(heights)))
    plain = [bool((image == image[0, 0]).all()) for image in images]
    colours = {tuple(image[0, 0].tolist()) for image in images}
    return Looks(
        size=size,
        one_size=len(sizes) == 1,
        one_shape=bool(np.abs(np.log(shapes / np.median(shapes))).max() < 0.06),
        colour=float(np.mean([_is_coloured(image) for image in images])) > _FEW,
        plain=float(np.mean(plain)),
        one_colour=all(plain) and len(colours) == 1,
    )


def _is_coloured(image: NDArray[np.uint8]) -> bool:
    if image.shape[2] == 1:
        return False
    apart = image.max(axis=2).astype(np.int16) - image.min(axis=2)
    return float((apart > _COLOURED).mean()) > _SHARE


def _first_axis(source: SourceConfig) -> int | None:
    """How many images an array holds, as its head gives it; None where there is no array."""
    path = str(getattr(source, "path", ""))
    if not path.endswith(".npy"):
        return None
    return len(np.load(path, mmap_mode="r", allow_pickle=False))


def _gone(paths: Sequence[str]) -> UserError:
    where = ", ".join(paths)
    missing = [path for path in paths if not os.path.lexists(path)]
    return UserError(
        f"{missing[0]} is not there any more" if missing else f"there is nothing to learn from in {where} any more",
        why="it was there a moment ago: a drive may have been taken away, or another program moves files",
        fix="mount or wait for it, and run the same command again",
    )


def _none_readable(paths: Sequence[str], opened: Sequence[Sample], total: int) -> UserError:
    missing = [path for path in paths if not os.path.lexists(path)]
    if missing:
        return _gone(paths)
    tried = f"none of the {len(opened)} files that were opened" if len(opened) < total else f"none of the {total} files"
    where = ", ".join(paths)
    return UserError(
        f"{tried} in {where} can be read" if total > 1 else f"the only file in {where} cannot be read",
        why=f"{opened[0].file}: {opened[0].problem}" if opened else "it gives no images",
        fix="give a folder with whole images, clips or animations, or with sketches that draw in a browser",
    )
