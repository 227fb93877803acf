"""A model and the images that it is looked at with: in training, or from a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tilework.data import Batch, Batches, FrameStore, Split
from tilework.engine.autoencoder.model import Autoencoder
from tilework.engine.autoencoder.spread import spread
from tilework.engine.tasks.contract import Judged, NotFinite
from tilework.errors import UserError
from tilework.spec import Size

SHOWN = 16
"""Validation images whose reconstructions are followed."""


@dataclass(frozen=True)
class ModelView:
    """A model with the images of its run. Works on a model in training and on one that was loaded from a checkpoint."""

    model: Autoencoder
    store: FrameStore
    split: Split
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (immutable)
    channels_last: bool = True
    judged: Judged = nullcontext
    """Within `judged()` the model has the weights that are shown."""

    @property
    def grid(self) -> Size:
        """Positions of the latent: 1x1 for a vector."""
        return self.model.grid

    @property
    def positions(self) -> int:
        """How many tokens one image has."""
        return self.grid.width * self.grid.height

    def shown(self, most: int = SHOWN) -> Batch:
        """The validation images that are followed, of every label, group and time; see `spread`."""
        return self._batch(spread(self.store, self.split.validation, most))

    def fixed(self, most: int) -> Batch:
        """As many training images, the same ones at each call, spread over the split."""
        side = self.split.train
        return self._batch(side[np.linspace(0, len(side) - 1, min(most, len(side))).round().astype(np.int64)])

    def _batch(self, chosen: NDArray[np.int64]) -> Batch:
        batches = Batches(
            self.store,
            chosen,
            len(chosen),
            device=self.device,
            shuffle=False,
            drop_last=False,
            keep_on_device="never",
            channels_last=self.channels_last,
        )
        return next(batches.epoch(0))

    @contextmanager
    def evaluating(self) -> Iterator[Autoencoder]:
        """Within this block the model is in evaluation mode, with the weights that are shown. Raises NotFinite."""
        was_training = self.model.training
        self.model.eval()
        try:
            with self.judged():
                yield self.model
        except UserError as error:  # Bottlenecks refuse values that are not finite.
            raise NotFinite from error
        finally:
            self.model.train(was_training)
