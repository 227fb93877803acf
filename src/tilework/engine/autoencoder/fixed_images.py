"""Training images that stay the same from frame to frame: how they move is how the encoder moves."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from tilework.bottlenecks import Latent
from tilework.data import Batch
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.engine.autoencoder.view import ModelView

MOST, MOST_BYTES = 256, 2 * 2**20
"""As many images as fit into so many bytes, and 16 at least."""


class FixedImages:
    """Up to 256 images of the training split, read once."""

    def __init__(self, view: ModelView) -> None:
        self.view = view
        self._batch: Batch | None = None
        self._thumbs: NDArray[np.uint8] | None = None

    def batch(self) -> Batch:
        """The images on the model's device."""
        if self._batch is None:
            each = int(np.prod(self.view.store.shape))
            self._batch = self.view.fixed(min(MOST, max(16, MOST_BYTES // max(1, each))))
        return self._batch

    @torch.no_grad()
    def latent(self) -> Latent:
        """What the model makes of them now. Raises NotFinite."""
        images = self.batch().images
        with self.view.evaluating() as model:
            found: Latent = model.bottleneck(model.encoder(images))
        return found

    def labels(self) -> NDArray[np.int16]:
        """(P,), -1 where there is none."""
        return self.batch().labels.to(torch.int16).cpu().numpy()

    def thumbnails(self) -> NDArray[np.uint8]:
        """(P, h, w, C), at most about 96 pixels on a side."""
        if self._thumbs is None:
            images = self.batch().images
            side = max(1, max(images.shape[-2:]) // 48)
            self._thumbs = to_uint8(torch.nn.functional.avg_pool2d(images, side) if side > 1 else images)
        return self._thumbs
