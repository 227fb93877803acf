"""Whether a folder is one of sketches, or one of something else in which sketches lie too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tilework.data.sketch.beginnings import below
from tilework.data.sketch.parts import PAGES, SCRIPTS

_IMAGES_TO_A_SKETCH = 20
"""A sketch has some images of itself beside it; where there are more for each, it is the images that were meant."""


@dataclass(frozen=True)
class Sketches:
    """How many sketches there are, and how many of the other files are not theirs."""

    count: int
    others: int

    @property
    def are_meant(self) -> bool:
        """Whether the sketches are what the folder is for."""
        return self.count > 0 and self.others <= _IMAGES_TO_A_SKETCH * self.count


def sketches_among(folder: Path, files: Sequence[Path], images: Sequence[Path]) -> Sketches:
    """Weigh the sketches in `folder` against its images, clips and animations; those that a sketch reads count as its own."""
    if not any(file.suffix.lower() in SCRIPTS | PAGES for file in files):
        return Sketches(0, len(images))
    found = list(below(folder))
    reading = {one.file.parent for one in found if any(script.uses_images for script in one.texts)}
    others = [file for file in images if reading.isdisjoint(file.parents)]
    return Sketches(len(found), len(others))
