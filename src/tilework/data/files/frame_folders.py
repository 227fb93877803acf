"""Whether a folder of images is one of animations, frame by frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from tilework.data.files.natural import natural_key
from tilework.data.media.depth import Depth
from tilework.data.media.extensions import IMAGES
from tilework.data.media.images import Unreadable, decode
from tilework.data.media.twins import grey, thumbnails

_ALIKE_LEVELS = 12.0
"""Frames of an animation that follow each other differ by less in the grey levels of their thumbnails; photographs by more."""


def are_frames(files: Sequence[Path]) -> bool:
    """Whether images are the numbered frames of animations: numbered on in each folder, and each like the one before it.

    Numbers alone are no sign: cameras number photographs too.
    """
    folders: dict[Path, list[Path]] = {}
    for file in files:
        if file.suffix.lower() in IMAGES:
            folders.setdefault(file.parent, []).append(file)
    if any(len(inside) < 3 or not _numbered(inside) for inside in folders.values()):
        return False
    differences = [
        gap
        for inside in list(folders.values())[:4]
        for one, next_ in islice(pairwise(sorted(inside, key=lambda f: natural_key(f.name))), 6)
        if (gap := _difference(one, next_)) is not None
    ]
    return bool(differences) and float(np.median(differences)) < _ALIKE_LEVELS


def _numbered(files: Sequence[Path]) -> bool:
    found = [re.fullmatch(r"(.*?)([0-9]+)", file.stem) for file in files]
    numbers = [int(match[2]) for match in found if match]
    stems = {match[1] for match in found if match}
    return len(numbers) == len(files) and len(stems) == 1 and max(numbers) - min(numbers) < 4 * len(numbers)


def _difference(one: Path, other: Path, bits: int | None = None) -> float | None:
    depth = Depth(bits)
    try:
        both = [decode(file, at_least=64, depth=depth) for file in (one, other)]
    except Unreadable:
        return None
    if (fewer := depth.unused()) is not None:  # almost black as they stand, and then all images are alike
        return _difference(one, other, fewer)
    small = [thumbnails(grey(pixels[None]))[0].astype(np.float64) for pixels in both]
    return float(np.abs(small[0] - small[1]).mean())
