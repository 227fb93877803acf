"""Batches: from store positions to float images on the device, with nothing decoded and nothing left to chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.data.store.frame_store import FrameStore
from tilework.errors import UserError

# Up to these many bytes of images live on the device whole, as uint8.
RESIDENT_BYTES = {"cpu": 256 * 2**20, "mps": 256 * 2**20, "cuda": 2 * 2**30}


@dataclass(frozen=True)
class Batch:
    """A batch on the device: `images` (B, C, H, W) float32 in [0, 1], `labels` (B,) and `index` (B,) int64.

    `labels` is -1 where there is none; `index` is each image's position in the store.
    """

    images: Tensor
    labels: Tensor
    index: Tensor


class Batches:
    """Batches of the images at `indices` of a frame store, in an order that depends on (seed, epoch) alone.

    The data position of a run is therefore two numbers: `epoch(number, start=k)` gives exactly the batches that
    `epoch(number)` gives from the k-th on. A third lets the batch size change within an epoch: `epoch(number, k, used)` cuts
    the batches from what follows the first `used` images of its order.

    `batch_size` counts images over all `world` processes; process `rank` takes
    its contiguous slice of each batch, so that the slices in rank order are the batch of one process. With `drop_last`
    an incomplete last batch is left out, unless it is the only one. Images are gathered from the memory map, or from a
    uint8 copy on the device where that is small (`keep_on_device`). Raises UserError for an empty set and for a
    `batch_size` that does not divide by `world`.
    """

    def __init__(
        self,
        store: FrameStore,
        indices: NDArray[np.int64],
        batch_size: int,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        shuffle: bool = True,
        rank: int = 0,
        world: int = 1,
        keep_on_device: Literal["auto", "always", "never"] = "auto",
        channels_last: bool = True,
        drop_last: bool = True,
    ) -> None:
        self.store = store
        self.indices = np.asarray(indices, dtype=np.int64)
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        self.rank, self.world = rank, world
        self.device = torch.device(device)
        self.channels_last, self.drop_last = channels_last, drop_last
        self._check()
        size = len(self.indices) * int(np.prod(store.shape))
        fits = size <= RESIDENT_BYTES.get(self.device.type, 0)
        self.resident: Tensor | None = None
        """The images as (N, H, W, C) uint8 on the device, or None where they are read from the memory map."""
        if keep_on_device == "always" or (keep_on_device == "auto" and fits):
            self.resident = torch.from_numpy(store.gather(self.indices)).to(self.device)
        self._labels = torch.from_numpy(store.labels[self.indices])

    def _check(self) -> None:
        if len(self.indices) == 0:
            raise UserError("there is no image to make a batch of", why="this side of the split is empty")
        if self.batch_size % self.world:
            raise UserError(
                f"engine.batch_size={self.batch_size} cannot be shared by {self.world} processes",
                why="the batch is split evenly over all processes",
                fix=f"use engine.batch_size={-(-self.batch_size // self.world) * self.world}",
            )
        if self.drop_last and len(self.indices) < self.world:
            raise UserError(
                f"{len(self.indices)} training images cannot be shared by {self.world} processes",
                why="each process needs at least one",
                fix=f"use at most {len(self.indices)} processes",
            )

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch; the same on every rank."""
        return max(1, self.batches_after(0))

    def batches_after(self, used: int) -> int:
        """Batches in what follows the first `used` images of an epoch."""
        left = max(0, len(self.indices) - used)
        return left // self.batch_size if self.drop_last else -(-left // self.batch_size)

    def order(self, number: int) -> NDArray[np.int64]:
        """Positions within `indices` in the order of epoch `number` (from 0)."""
        if not self.shuffle:
            return np.arange(len(self.indices), dtype=np.int64)
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, number])))
        return rng.permutation(len(self.indices))

    def epoch(self, number: int, start: int = 0, used: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` (from 0) that follow its first `used` images, beginning with batch `start`; this rank's
        slice of each."""
        order = self.order(number)[used:]
        count = self.batches_after(used) if used else self.steps_per_epoch
        plan = [self._slice(order, step) for step in range(start, count)]
        if self.resident is not None:
            return (self._from_device(positions) for positions in plan)
        if self.device.type == "cuda":
            return _one_ahead(plan, self._read, self._finish)
        return (self._finish(self._read(positions)) for positions in plan)

    def _slice(self, order: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        batch = order[step * self.batch_size : (step + 1) * self.batch_size]
        if self.drop_last:  # equal shares on every rank, also of the one batch of a set smaller than a batch
            batch = batch[: len(batch) // self.world * self.world]
        low, high = (len(batch) * r // self.world for r in (self.rank, self.rank + 1))
        return batch[low:high]

    def _from_device(self, positions: NDArray[np.int64]) -> Batch:
        assert self.resident is not None
        if self.device.type == "cpu":
            return self._batch(torch.from_numpy(self.resident.numpy().take(positions, axis=0)), positions)
        return self._batch(self.resident.index_select(0, torch.from_numpy(positions).to(self.device)), positions)

    def _read(self, positions: NDArray[np.int64]) -> tuple[Tensor, NDArray[np.int64]]:
        """Gather from the memory map; into page-locked memory for CUDA, which copies it without waiting."""
        shape = (len(positions), *self.store.shape)
        if self.device.type == "cuda":
            with torch.cuda.device(self.device):  # this thread would else wake the first GPU for every rank
                pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=True)
        else:
            pixels = torch.empty(shape, dtype=torch.uint8)
        self.store.gather(self.indices[positions], out=pixels.numpy())
        return pixels, positions

    def _finish(self, read: tuple[Tensor, NDArray[np.int64]]) -> Batch:
        pixels, positions = read
        return self._batch(self._to_device(pixels), positions)

    def _batch(self, pixels: Tensor, positions: NDArray[np.int64]) -> Batch:
        # One pass, by division and not a product with 1/255, so that each value is the float32 nearest to pixel / 255.
        # On a CPU NumPy does it in this thread: waking torch's other threads for so little costs more than it gains,
        # and many times more where another process wants the same cores.
        if self.device.type == "cpu":
            scaled = torch.from_numpy(np.divide(pixels.numpy(), 255, dtype=np.float32))
        else:
            scaled = pixels.div(255)
        images = scaled.permute(0, 3, 1, 2)  # a view: channels-last as it lies
        if not self.channels_last:
            images = images.contiguous()
        labels = self._labels.index_select(0, torch.from_numpy(positions))
        return Batch(images, self._to_device(labels), self._to_device(torch.from_numpy(self.indices[positions])))

    def _to_device(self, tensor: Tensor) -> Tensor:
        # Only CUDA promises that a source may be let go while its copy is under way.
        return tensor.to(self.device, non_blocking=self.device.type == "cuda")


_Read = tuple[Tensor, NDArray[np.int64]]


def _one_ahead(
    plan: list[NDArray[np.int64]],
    read: Callable[[NDArray[np.int64]], _Read],
    finish: Callable[[_Read], Batch],
) -> Iterator[Batch]:
    """Read the next batch in a thread while the device works on this one; the order is that of `plan`."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tilework-read") as reader:
        coming = reader.submit(read, plan[0]) if plan else None
        for positions in [*plan[1:], None]:
            if coming is None:
                return
            ready = coming.result()
            coming = reader.submit(read, positions) if positions is not None else None
            yield finish(ready)
