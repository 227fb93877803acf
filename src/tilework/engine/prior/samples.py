"""Samples of a prior while it learns: drawn from the same seed each time, decoded by the parent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.engine.api import Model
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.engine.compute import Compute
from tilework.engine.tasks.contract import NotFinite, fork_rng
from tilework.errors import UserError
from tilework.priors.contract import Prior, Sampling

MOST, MOST_CLIPS, FEWEST, TOKENS = 16, 6, 2, 4096
"""As many samples as have so many tokens together, within these bounds."""
MOST_SHOWN, BYTES_SHOWN = 24, 2**20
"""Frames of a clip that are shown, and bytes of all of them."""


@dataclass(frozen=True)
class Sampler:
    """Draws the same samples again and again: only the weights differ from time to time."""

    prior: Prior
    parent: Model
    compute: Compute
    seed: int

    @property
    def count(self) -> int:
        """How many samples are drawn."""
        shape = self.prior.shape
        return max(FEWEST, min(MOST if shape.frames == 1 else MOST_CLIPS, TOKENS // shape.tokens))

    @torch.no_grad()
    def drawn(self) -> tuple[Tensor, Tensor]:
        """Tokens (n, T, Q, h, w) and labels (n,), the labels in turn. Changes no random state. Raises NotFinite."""
        shape, device = self.prior.shape, self.compute.device
        labels = torch.arange(self.count) % shape.classes if shape.classes else torch.full((self.count,), -1)
        given = torch.zeros((self.count, *shape.item), dtype=torch.int64, device=device)
        known = torch.zeros_like(given, dtype=torch.bool)
        was_training = self.prior.training
        self.prior.eval()
        try:
            with fork_rng(device), self.compute.autocast():
                generator = torch.Generator().manual_seed(self.seed)
                tokens = self.prior.sample(given, known, labels.to(device), Sampling(), generator)
        except (UserError, RuntimeError) as error:
            if any(not torch.isfinite(p).all() for p in self.prior.parameters()):
                raise NotFinite from error
            raise
        finally:
            self.prior.train(was_training)
        return tokens, labels

    def frames_shown(self) -> int:
        """How many frames of a clip are shown: every k-th, and where it is a loop so that it stays one."""
        shape = self.prior.shape
        height, width = self.image[:2]
        each = self.count * height * width * self.image[2]
        most = max(1, min(MOST_SHOWN, BYTES_SHOWN // max(1, each)))
        if shape.frames <= most:
            return shape.frames
        if shape.loop:
            return max(n for n in range(1, most + 1) if shape.frames % n == 0)
        return -(-shape.frames // -(-shape.frames // most))

    @property
    def image(self) -> tuple[int, int, int]:
        """(H, W, C) of an image of the parent."""
        source: Any = self.parent.spec.data
        return source.size.height, source.size.width, source.channels

    def images(self, tokens: Tensor, *, every_frame: bool = False) -> NDArray[np.uint8]:
        """Tokens (n, T, Q, h, w) -> (n, t, H, W, C) uint8: all frames, or those that are shown."""
        frames = tokens.shape[1]
        shown = frames if every_frame else self.frames_shown()
        step = -(-frames // shown)
        some = tokens[:, ::step]
        flat = some.reshape(-1, *some.shape[2:])
        decoded = [to_uint8(self.parent.decode(part)) for part in torch.split(flat, 64)]
        return np.concatenate(decoded).reshape(*some.shape[:2], *decoded[0].shape[1:])
