"""The images of a run: the frame store, its split, and the batches of each side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tilework.data import Batches, FrameStore, Split, prepare, split_by
from tilework.data.contract import SourceConfig
from tilework.engine.autoencoder.model import source_of
from tilework.engine.compute import Compute
from tilework.engine.progress import Progress
from tilework.engine.tasks.contract import Data
from tilework.errors import UserError
from tilework.runs.leak import FACT
from tilework.spec import AutoencoderSpec


@dataclass(frozen=True)
class ImageData:
    """The frame store of a run and how it is split; makes the batches of this process."""

    spec: AutoencoderSpec
    compute: Compute
    store: FrameStore
    split: Split

    @cached_property
    def training(self) -> Batches:
        """Shuffled batches of the training split: this process's slice of each."""
        engine, compute = self.spec.engine, self.compute
        return Batches(
            self.store,
            self.split.train,
            engine.batch_size,
            seed=self.spec.seed,
            device=compute.device,
            rank=compute.rank,
            world=compute.world,
            keep_on_device=engine.data_on_device,
            channels_last=engine.channels_last,
        )

    @cached_property
    def validation(self) -> Batches:
        """The validation split in order, whole on every process."""
        engine = self.spec.engine
        return Batches(
            self.store,
            self.split.validation,
            engine.batch_size,
            seed=self.spec.seed,
            device=self.compute.device,
            shuffle=False,
            drop_last=False,
            keep_on_device=engine.data_on_device,
            channels_last=engine.channels_last,
        )

    def same_on_every_process(self) -> Batches:
        """Training batches that are the same on every process, for the start of the codes."""
        return Batches(
            self.store,
            self.split.train,
            self.spec.engine.batch_size,
            seed=self.spec.seed,
            device=self.compute.device,
            keep_on_device="never",
            channels_last=self.spec.engine.channels_last,
        )

    def described(self) -> Data:
        """The same as the engine sees it."""
        return Data(
            train=self.training,
            items=(len(self.split.train), len(self.split.validation)),
            unit="images",
            content_hash=self.store.content_hash,
            facts={
                "classes": list(self.store.classes),
                FACT: self._leak_counts(),
                "split": self.split.summary,
            },
            warnings=tuple(self._warnings()),
        )

    def _leak_counts(self) -> dict[str, Any] | None:
        """What training gives away of the held-out side, by the images that the two really read: not by what a split promises."""
        leak, held_out = self.split.leak, self.split.validation
        counts = {"examined": len(held_out)} if leak is None else leak.counts()
        read_by_both = int(np.isin(held_out, self.split.train).sum())
        if read_by_both:
            share = read_by_both / len(held_out)
            counts["identical"] = max(counts.get("identical", 0), round(share * counts["examined"]))
        elif leak is None:
            return None
        return {"by": self.split.by, **counts}

    def _warnings(self) -> list[str]:
        found = []
        if self.store.skipped:
            found.append(_left_out(self.store.skipped, self.store.count))
        if fewer := source_of(self.spec).shortfall(self.store.count):
            found.append(f"{fewer}.")
        # What training gives away of the held-out images is a fact: it is worded wherever their metrics are shown.
        return found


def read_images(spec: AutoencoderSpec, compute: Compute, progress: Progress) -> ImageData:
    """The images of a spec, prepared and split; the main process of each machine prepares them, the others then find them.

    Raises UserError for a source that cannot be read.
    """
    source = source_of(spec)
    with compute.first_on_this_machine():
        try:
            store = prepare(source, progress=_counted(source, progress))
        except UserError:
            if spec.note:  # What a recipe notes about its images helps exactly where they cannot be had.
                progress.message(spec.note.strip())
            raise
    return ImageData(spec, compute, store, split_by(store, source.split, source.duplicates))


def _counted(source: SourceConfig, progress: Progress) -> Callable[[int], None]:
    """Reports how many images are prepared, of how many. That is asked for with the first one only: most sources have
    been prepared before, and to count a large folder takes its time."""
    total: list[int] = []

    def report(done: int) -> None:
        if not total:
            total.append(source.expected() or 0)
        progress.preparing("images", done, total[0] if done <= total[0] else 0)

    return report


def _left_out(skipped: Sequence[tuple[str, str]], count: int) -> str:
    named = "; ".join(f"{Path(file).name}: {reason}" for file, reason in skipped[:3])
    more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"{len(skipped):,} of {count + len(skipped):,} images could not be used and are left out ({named}{more})."
