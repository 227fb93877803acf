"""A prior that was opened for dreaming, with the autoencoder that its tokens belong to.

Shape legend of this package: n items of T frames (1 = an image) of Q levels of codes on h x w cells; images are (H, W, C) uint8.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.dream.corpus import Corpus, encoded
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.errors import UserError
from tilework.explore.opened import Opened, Pixels
from tilework.explore.token_grid import TokenGrid
from tilework.explore.token_images import token_grid
from tilework.priors.contract import Prior, TokenShape

_AT_ONCE = 128


@dataclass(frozen=True)
class Dreamer:
    """A prior and the autoencoder whose tokens it draws. `parent` has the images where they are there."""

    prior: Prior
    parent: Opened
    name: str
    """The id of the prior's run."""
    step: int
    classes: tuple[str, ...] = ()
    """What the labels are called, in their order."""
    stride: int = 1
    """Frames of a clip from one frame of an item to the next."""
    reading: Callable[[Opened], Corpus] = field(default=encoded, repr=False, compare=False)
    """How the tokens that the prior learned from are had."""

    @property
    def shape(self) -> TokenShape:
        """What one item is."""
        return self.prior.shape

    @property
    def moves(self) -> bool:
        """Whether an item is a clip."""
        return self.shape.frames > 1

    @property
    def grid(self) -> TokenGrid:
        """The tokens of one frame."""
        return token_grid(self.parent.model)

    @property
    def title(self) -> str:
        """The prior by its run and step, and whose tokens it draws."""
        return f"{self.name}, step {self.step:,}, over tokens of {self.parent.name}"

    @property
    def corpus(self) -> Corpus:
        """The tokens that the prior learned from, with those held out; read once. Raises UserError where they are gone."""
        return self.parent.once(f"corpus of {self.name}", lambda: self.reading(self.parent))

    def label(self, name: str | int) -> int:
        """The number of a label. Raises UserError for one that the prior does not know."""
        if self.shape.classes == 0:
            raise UserError(
                f"{self.name} knows no labels, so not '{name}' either",
                why="it was trained without them",
                fix="leave --label out, or train a prior with prior.labels=true on images with labels",
            )
        known = self.classes or tuple(map(str, range(self.shape.classes)))
        if str(name) in known:
            return known.index(str(name))
        close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.4)
        listed = ", ".join(known[:12]) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
        raise UserError(
            f"{self.name} knows no label '{name}'",
            why=f"its labels are {listed}",
            fix=f"write {close[0] if close else known[0]}",
        )

    def label_name(self, number: int) -> str | None:
        """What a label is called; None for no label."""
        if number < 0:
            return None
        return self.classes[number] if number < len(self.classes) else str(number)

    def latents(self, codes: NDArray[np.int64] | Tensor) -> Tensor:
        """Codes (..., Q, h, w) -> what the decoder sees of each, (..., D, h, w) float32 on the CPU."""
        given = torch.as_tensor(codes)
        flat = given.reshape(-1, *given.shape[-3:])
        lookup, device = self.parent.model.network.bottleneck.lookup, self.parent.model.device
        with torch.no_grad():
            parts = [lookup(part.to(device)).float().cpu() for part in torch.split(flat, _AT_ONCE)]
        z = torch.cat(parts)
        return z.reshape(*given.shape[:-3], *z.shape[1:])

    def decode(self, codes: NDArray[np.int64] | Tensor) -> Pixels:
        """Codes (..., Q, h, w) -> images (..., H, W, C) uint8."""
        return self._decoded(torch.as_tensor(codes), 3)

    def decode_latents(self, latents: Tensor) -> Pixels:
        """What the decoder sees (..., D, h, w) -> images (..., H, W, C) uint8."""
        return self._decoded(latents, 3)

    def _decoded(self, given: Tensor, axes: int) -> Pixels:
        flat = given.reshape(-1, *given.shape[-axes:])
        made = []
        for part in torch.split(flat, _AT_ONCE):
            self.parent.between()
            made.append(to_uint8(self.parent.model.decode(part)))
        images = np.concatenate(made)
        found: Pixels = images.reshape(*given.shape[:-axes], *images.shape[1:])
        return found

    def encode(self, pixels: Pixels) -> NDArray[np.int64]:
        """Images (n, H, W, C) uint8 of the model's size -> codes (n, Q, h, w)."""
        parts = [
            self.parent.model.codes(pixels[start : start + _AT_ONCE]).cpu().numpy()
            for start in range(0, len(pixels), _AT_ONCE)
        ]
        return np.concatenate(parts)


def refuse_another_shape(prior: TokenShape, grid: TokenGrid, name: str, parent: str) -> None:
    """Raise UserError where a prior draws tokens that its autoencoder does not have."""
    if (prior.levels, prior.height, prior.width, prior.codes) == (grid.levels, grid.height, grid.width, grid.size):
        return
    own = TokenGrid(prior.levels, prior.height, prior.width, prior.codes).words
    raise UserError(
        f"{name} is no prior for the tokens of {parent}",
        why=f"it draws {own}, and {parent} has {grid.words}",
        fix=f"train one with `tilework train motion-prior parent={parent}`",
    )
