"""Some files of a set, spread over all of it, opened: one function for each kind of source that reads many files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import cast

import numpy as np
from PIL import UnidentifiedImageError

from tilework.data.contract import SourceConfig
from tilework.data.files.folder import ImageFile
from tilework.data.files.reading import decode_file
from tilework.data.media.depth import Depth
from tilework.data.media.formats import open_image
from tilework.data.media.images import Unreadable
from tilework.spec import Size
from tilework.spec.plugins import SOURCES
from tilework.suggest.facts import Sample

MOST = 96
"""Files that are opened at most: with so many, what one in thirty is like is seen."""
FEWEST = 16
"""Stills that are opened however long that takes, and a quarter as many clips: fewer show little of a set."""
_FRAMES = 4
"""Frames that are kept of a file of several."""
_WHITE = (255, 255, 255)
_SIDE = 128
"""Images may be decoded reduced as long as both sides keep so many pixels."""


def samples(kind: str, files: Sequence[ImageFile], seconds: float) -> list[Sample]:
    """At most `MOST` files, in their order; fewer where the time is over before, but `FEWEST`, spread all the same."""
    end = time.monotonic() + seconds
    still = kind in {"images", "frames"}
    most, fewest = (MOST, FEWEST) if still else (MOST // 8, FEWEST // 4)
    places = np.unique(np.linspace(0, len(files) - 1, min(most, len(files))).round().astype(int)).tolist()
    Random(0).shuffle(places)
    found: dict[int, Sample] = {}
    for place in places:
        found[place] = _OPENED_BY[kind](files[place])
        if len(found) >= fewest and time.monotonic() > end:
            break
    return [found[place] for place in sorted(found)]


def first_items(source: SourceConfig, seconds: float) -> list[Sample]:
    """The first items of a source that has no files to choose from (arrays, idx files, tables)."""
    end = time.monotonic() + seconds
    found = []
    for item in islice(source.items(), MOST):
        height, width = item.pixels.shape[:2]
        found.append(Sample(item.file, (item.pixels,), Size(width, height), label=item.label))
        if time.monotonic() > end:
            break
    return found


def _still(file: ImageFile) -> Sample:
    pixels = decode_file(file, _WHITE, _SIDE, Depth())
    if isinstance(pixels, Unreadable):
        return Sample(file.name, problem=str(pixels))
    height, width = pixels.shape[:2]
    return Sample(
        file.name,
        (pixels,),
        _whole_size(file.path, Size(width, height)) if file.archive is None else Size(width, height),
    )


def _whole_size(path: Path, seen: Size) -> Size:
    """Pixels of the whole image, upright; those that were decoded where its head cannot be read again."""
    try:
        with open_image(path, path.suffix) as image:
            width, height = image.size
    except (OSError, UnidentifiedImageError, ValueError):
        return seen
    return (
        Size(height, width)
        if (width > height) != (seen.width > seen.height) and width != height
        else Size(width, height)
    )


def _animation(file: ImageFile) -> Sample:
    from tilework.data.animation.frames import Broken, animation_frames

    kept, count = [], 0
    try:
        for pixels, _ in animation_frames(file.path, _WHITE):
            count += 1
            # What is kept thins out as the file goes on, so that it is spread over it.
            if count & (count - 1) == 0:
                kept.append(pixels)
    except Broken:
        pass
    except Unreadable as reason:
        return Sample(file.name, problem=str(reason))
    height, width = kept[0].shape[:2]
    return Sample(file.name, tuple(kept[-_FRAMES:]), Size(width, height), count)


def _clip(file: ImageFile) -> Sample:
    from tilework.data.video.container import opened

    try:
        with opened(file.path) as (container, stream):
            rate = float(stream.average_rate or 25)
            lasts = float(container.duration or 0) / 1e6  # microseconds
            frames = stream.frames or max(1, round(lasts * rate))
            size = Size(stream.codec_context.width, stream.codec_context.height)
        settings = {
            "kind": "video",
            "path": str(file.path),
            "size": "128x128",
            "fit": "stretch",
            "every": max(1, frames // _FRAMES),
        }
        source = cast(SourceConfig, SOURCES.parse(settings))
        images = tuple(item.pixels for item in islice(source.items(), _FRAMES))
    except Unreadable as reason:
        return Sample(file.name, problem=str(reason))
    return Sample(file.name, images, size, frames)


_OPENED_BY: dict[str, Callable[[ImageFile], Sample]] = {
    "images": _still,
    "frames": _still,
    "animations": _animation,
    "video": _clip,
}


def spread(found: Sequence[Sample]) -> Iterator[tuple[str, np.ndarray]]:
    """(file, image) of all samples."""
    for sample in found:
        for image in sample.images:
            yield sample.file, image
