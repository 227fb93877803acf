"""What an image becomes, and what one position of it sees."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from tilework.explain.facts.network import Area
from tilework.explain.facts.subject import Images


@dataclass(frozen=True)
class Quantiser:
    """How codes come to be. Values are None where the bottleneck has no such setting."""

    rule: str | None = None
    """ema, gradient, simvq; None where there is no codebook to learn."""
    decay: float | None = None
    start: str | None = None
    gradient: str | None = None
    revival: float | None = None
    """Share of the mean count below which a code is dead; None = dead codes stay dead."""
    distance: str | None = None
    shared: bool = False
    steps: tuple[int, ...] = ()
    """FSQ: values of each channel."""

    @property
    def averaged_steps(self) -> float | None:
        """Over how many steps a moving average reaches back."""
        return None if self.decay is None or self.rule != "ema" else 1 / (1 - self.decay)


@dataclass(frozen=True)
class LatentSpace:
    """What an image becomes."""

    kind: str
    width: int
    height: int
    dim: int
    levels: int
    """Q; 0 where the latent is continuous."""
    codes: int
    """K of a level; 0 where the latent is continuous."""
    bits: float
    """Of an image's codes; 0 where the latent is continuous."""
    quantiser: Quantiser = field(default_factory=Quantiser)
    codebook_numbers: int = 0
    """Numbers in all codebooks together."""

    @property
    def positions(self) -> int:
        """Of the grid."""
        return self.width * self.height

    @property
    def tokens(self) -> int:
        """Codes of one image, all levels."""
        return self.positions * self.levels

    @property
    def numbers(self) -> int:
        """Numbers of z that the decoder sees."""
        return self.positions * self.dim

    def ratio(self, images: Images) -> float:
        """How many times smaller an image becomes: in bits where it becomes codes, in numbers where it does not."""
        return images.bits / self.bits if self.bits else images.numbers / self.numbers

    @property
    def bits_per_position(self) -> float:
        """Of one position, all levels."""
        return self.levels * math.log2(self.codes) if self.levels else 0.0


class Learns(StrEnum):
    """Does the model learn features or the whole image?"""

    FEATURES = "features"
    """A grid whose positions see a part of the image."""
    WIDE_FEATURES = "wide features"
    """A grid, but each position can see the whole image."""
    WHOLE = "whole image"
    """One vector."""
    GRID = "grid"
    """A grid whose positions see what cannot be counted from its layers."""


@dataclass(frozen=True)
class Locality:
    """What one position of the latent sees of the image, and what it paints."""

    learns: Learns
    sees: Area | None
    """Beyond the image's border too; None where it is everything, or not known."""
    pitch: tuple[int, int] | None
    """Pixels (across, down) from one position to the next."""
    paints: Area | None
    statistics: bool = False
    """A norm looks at the whole map as well."""
    share: float | None = None
    """Of the image's area that the field covers at most, 0 to 1."""
