"""What several models made of the same, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.explore.opened import Pixels, Side


@dataclass(frozen=True)
class Seen:
    """What one of the models made of it."""

    name: str
    step: int
    kind: str
    """Its bottleneck."""
    image: Pixels
    """(H, W, C) uint8."""
    mse: float | None = None
    """Mean squared error on [0, 1]; None where there is no image to compare with, like the three that follow."""
    psnr: float | None = None
    """dB."""
    bits: float | None = None
    """Bits of the tokens at log2 K each; None for a continuous latent too."""
    kl: float | None = None
    """KL divergence of this image's posterior from the prior, in nats; None where the latent is not Gaussian too."""
    beta: float | None = None
    """The weight of the KL divergence at the end of its schedule; None where there is none."""
    side: Side | None = None
    """On which side of this model's own split the image is; None where it is on neither, or not known."""


@dataclass(frozen=True, eq=False)
class Compared:
    """The same through several models."""

    what: str
    """What it is: a point as text, "image" or "tokens"."""
    original: Pixels | None
    """(H, W, C) uint8; None where no image was encoded."""
    models: tuple[Seen, ...]
    settings: Mapping[str, tuple[Any, ...]]
    """Settings that are not the same for all, `section.key` -> each one's value; None where a model does not have it."""

    def title(self) -> str:
        """What it is, in one line."""
        return f"{self.what} through {len(self.models)} models"

    def facts(self) -> tuple[tuple[str, str], ...]:
        """(name, value) of what was measured, and of the settings that differ."""
        seen = [(s.name, " · ".join(f"{name} {value}" for name, value in numbers(s).items())) for s in self.models]
        differ = [(name, " | ".join(map(text_of, values))) for name, values in self.settings.items()]
        return (*seen, *differ)

    def error(self, number: int) -> NDArray[np.float32] | None:
        """(H, W): the absolute error of model `number` (from 0) on [0, 1], the mean over colours; None without an original."""
        return None if self.original is None else difference(self.models[number].image, self.original)

    def between(self, one: int, other: int) -> NDArray[np.float32]:
        """(H, W): the absolute difference of two models' images on [0, 1], the mean over colours."""
        return difference(self.models[one].image, self.models[other].image)


def numbers(seen: Seen) -> dict[str, str]:
    """What was measured of one model, by its name; what does not apply is left out."""
    found: dict[str, str] = {"step": f"{seen.step:,}", "bottleneck": seen.kind}
    if seen.mse is not None and seen.psnr is not None:
        found |= {"MSE": f"{seen.mse:.5f}", "PSNR": f"{seen.psnr:.2f} dB"}
    if seen.bits is not None:
        found["bits"] = f"{seen.bits:,.0f}"
    if seen.beta is not None:
        found["beta"] = f"{seen.beta:g}"
    if seen.kl is not None:
        found["KL"] = f"{seen.kl:,.2f} nats"
    if seen.side is not None:
        found["this image"] = "trained on" if seen.side == "train" else "held out"
    return found


def text_of(value: Any) -> str:
    """A setting as a recipe writes it; a dash where the model does not have it."""
    if value is None:
        return "-"
    if isinstance(value, list):
        return f"[{', '.join(map(text_of, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def difference(one: Pixels, other: Pixels) -> NDArray[np.float32]:
    """(H, W): the absolute difference of two images (H, W, C) uint8 on [0, 1], the mean over colours."""
    found: NDArray[np.float32] = np.abs(one.astype(np.float32) - other).mean(-1) / np.float32(255)
    return found
