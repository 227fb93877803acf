"""What was seen at some paths: counts, sizes and colours of a sample, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.spec import Size


@dataclass(frozen=True)
class Looks:
    """What the images that were looked at are like."""

    size: Size
    """Median width and height in pixels."""
    one_size: bool
    one_shape: bool
    """Whether their proportions are the same within a few per cent."""
    colour: bool
    plain: float
    """Share whose pixels are all the same."""
    one_colour: bool
    """Whether all of them together have one colour only."""


@dataclass(frozen=True)
class Facts:
    """What lies at some paths."""

    data: Mapping[str, Any]
    """The source that reads it, as a spec's data section names it: kind and path."""
    things: int
    """Files, clips, animations or sketches."""
    images: int
    """Images or frames that they give: counted of stills, reckoned from a sample of what moves."""
    counted: bool
    """False where the time for looking was over before all was counted: there are more."""
    labels: int
    looks: Looks | None
    """None where nothing is drawn yet (sketches without a browser, or too slow ones)."""
    looked_at: int
    """Files that were opened."""
    left_out: tuple[tuple[str, str], ...] = ()
    """(file, reason) of those that could not be read."""
    beside: str = ""
    """What else lies there, as the catalogue of data sets counts it; empty where there is nothing."""
    undrawn: str = ""
    """Why no sketch can be drawn on this machine, with what helps."""

    @property
    def kind(self) -> str:
        """The kind of its source."""
        return str(self.data["kind"])


@dataclass(frozen=True)
class Sample:
    """One file that was opened, and what it gave."""

    file: str
    images: tuple[NDArray[np.uint8], ...] = ()
    """(H, W, 1 or 3), perhaps reduced."""
    size: Size = Size(0, 0)  # noqa: RUF009 (frozen)
    """Of the whole image, in pixels."""
    frames: int = 1
    """How many frames the file gives."""
    label: str | None = None
    problem: str = ""
    """Why it could not be read; then it has nothing else."""
