"""The arrays of a model that is none: points and codes that turn with the steps, and noise for images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.protocol.frame import ViewHeader

Arrays = dict[str, NDArray[Any]]
PROBE = 32
"""Images of the fixed probe."""
MOST_DECODED = 512
"""Codes of all levels up to which each is decoded."""


class Scene:
    """By default like rqvae-digits: 1,024 points, two levels of 16 codes, 16 images of 28x28. Without levels no codes."""

    def __init__(self, points: int = 1024, levels: int = 2, codes: int = 16, side: int = 28, shown: int = 16) -> None:
        self.points, self.levels, self.codes, self.side, self.shown = points, levels, codes, side, shown
        random = np.random.default_rng(0)
        self.homes = random.normal(size=(codes, 2)).astype(np.float32)
        # Noise is drawn once and turned over: making it anew would be what limits the frames.
        self.noise = 0.15 * random.normal(size=(2 * points, 2)).astype(np.float32)
        self.decoded = levels * codes <= MOST_DECODED
        many = (levels * codes if self.decoded else 0) + shown + PROBE
        self.drawn = random.integers(0, 256, (8, many, side, side, 1)).astype(np.uint8)

    @property
    def view(self) -> ViewHeader:
        """What a header holds of these arrays."""
        return {
            "kind": "plane", "dim": 2, "levels": self.levels, "codes": self.codes if self.levels else 0, "grid": [1, 1],
            "variance": None, "points_of": "window", "points_fixed": 0, "fixed": False,
            "classes": [str(digit) for digit in range(10)],
        }  # fmt: skip

    def motion(self, turn: float, number: int, revived: NDArray[np.int32]) -> Arrays:
        """The model turned by so much, in the frame of this number: 64 points are new in each."""
        spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32)
        places, first = self.homes @ spin, np.arange(self.points) % self.codes
        shift = number * 64 % self.points
        found: Arrays = {
            "points": places[first] + self.noise[shift : shift + self.points],
            "labels": (first % 10).astype(np.int16),
        }
        if not self.levels:
            return found
        shape = (self.levels, self.codes)
        usage, idle = np.full(shape, 1 / self.codes, np.float32), np.zeros(shape, np.int32)
        usage[-1, 3], idle[-1, 3] = 0, 4000
        levels = range(self.levels)
        return found | {
            "assigned": np.stack([first * (1 + 6 * level) % self.codes for level in levels], 1).astype(np.int32),
            "codes": np.stack([places * 0.2**level for level in levels]).astype(np.float32),
            "usage": usage,
            "idle": idle,
            "revived": revived,
        }

    def images(self, number: int) -> Arrays:
        """What is decoded for the frame of this number."""
        these = self.drawn[number % len(self.drawn)]
        found: Arrays = {"originals": self.drawn[0][: self.shown], "recon": these[: self.shown]}
        if not self.levels:
            return found
        nearest = (np.arange(4 * self.codes).reshape(self.codes, 4) % PROBE).astype(np.int32)
        found |= {"thumbs": these[-PROBE:], "nearest": nearest}
        if not self.decoded:
            return found
        decoded = these[self.shown : -PROBE].reshape(self.levels, self.codes, self.side, self.side, 1)
        return found | {"decoded": decoded}

    def kept(self, number: int, *, first: bool) -> Arrays:
        """What the timeline keeps of it beside `motion`."""
        found = {name: array[:8] for name, array in self.images(number).items() if name in {"originals", "recon"}}
        return found if first else {"recon": found["recon"]}
