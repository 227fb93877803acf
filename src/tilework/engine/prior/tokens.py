"""The tokens of a prior's parent: read from the cache or encoded now, cut into items, divided into sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tilework.engine.compute import Compute
from tilework.engine.encoding import tokens_of
from tilework.engine.prior.baselines import Baselines
from tilework.engine.prior.clips import Frames, Items, items_of
from tilework.engine.prior.feed import Codes, TokenFeed
from tilework.engine.prior.parent import Parent
from tilework.engine.prior.sides import Sides, divided
from tilework.engine.prior.validate import HeldOut
from tilework.engine.progress import Progress
from tilework.engine.tasks.contract import Data
from tilework.priors.contract import TokenShape
from tilework.runs.checkpoints import weights_hash
from tilework.spec.prior import PriorSpec
from tilework.tokens.reading import Tokens

FEW_CLIPS = 3
"""Training clips of a label, below which samples can hardly be anything but copies."""
IN_MEMORY = 256 * 2**20
"""Tokens up to so many bytes are read once and stay in memory."""
_LOOPS = {True: "all", False: "none", "auto": "auto"}


@dataclass(frozen=True)
class TokenSet:
    """The tokens of a parent as a prior's data."""

    spec: PriorSpec
    compute: Compute
    parent: Parent
    tokens: Tokens
    codes: Codes
    frames: Frames
    items: Items
    """Of both sides."""
    sides: Sides
    too_short: int
    """Clips that have no item."""

    @property
    def shape(self) -> TokenShape:
        """What one item is."""
        about = self.tokens.manifest
        labelled = bool((self.codes.labels >= 0).any())
        classes = len(about.classes) if labelled else 0
        return TokenShape(
            self.items.frames, about.levels, about.height, about.width, about.codes, classes, self.items.loop
        )

    @cached_property
    def training(self) -> TokenFeed:
        """Shuffled batches of training items: this process's slice of each."""
        engine, compute = self.spec.engine, self.compute
        return TokenFeed(
            self.codes,
            self.sides.train,
            engine.batch_size,
            seed=self.spec.seed,
            epoch_items=self.spec.data.epoch_items,
            rank=compute.rank,
            world=compute.world,
        )

    def held_out(self) -> HeldOut:
        """What a validation measures, with the plain codes beside it."""
        return HeldOut.of(
            self.codes,
            self.sides.validation,
            self.spec.data.validate_items,
            batch_size=self.spec.engine.batch_size,
            baselines=Baselines.fitted(self.codes, self.sides.train, self.tokens.manifest.codes),
            dims=self.parent.dims,
            seed=self.spec.seed,
        )

    def described(self) -> Data:
        """The same as the engine sees it."""
        about = self.tokens.manifest
        return Data(
            train=self.training,
            items=(len(self.sides.train), len(self.sides.validation)),
            unit="images" if self.items.frames == 1 else "loops" if self.items.loop else "clips",
            content_hash=self._content(),
            facts={
                "classes": list(about.classes),
                "item": asdict(self.shape),
                "split": self.sides.about,
                "parent_weights": weights_hash(self.parent.found.folder),
                **self.origin,
            },
            warnings=tuple(self._warnings()),
            origin=self.origin,
        )

    @cached_property
    def origin(self) -> Mapping[str, Any]:
        """Whose tokens they are."""
        about = self.tokens.manifest
        return {
            "parent": self.parent.run.id,
            "parent_path": str(self.parent.run.path),
            "parent_step": self.parent.step,
            "decoder_hash": about.decoder_hash,
            "codebook_hash": about.codebook_hash,
            "data_hash": about.data_hash,
        }

    def _content(self) -> str:
        """One hash over everything that is trained on: tokens and what is known of them, the decoder and the codebook that they
        are of, and what makes an item."""
        about, spec = self.tokens.manifest, self.spec.data
        settings = spec.model_dump_json(exclude_defaults=True)
        total = hashlib.sha256(f"{about.decoder_hash} {about.codebook_hash} {settings}".encode())
        for shard in about.shards:
            total.update(shard.sha256.encode())
        return total.hexdigest()

    def _warnings(self) -> Iterator[str]:
        if self.too_short:
            yield (
                f"{self.too_short:,} clips have too few frames for data.frames={self.items.frames} and are left out."
                if self.too_short > 1
                else f"one clip has too few frames for data.frames={self.items.frames} and is left out."
            )
        clips = self.sides.clips[0]
        labels = max(1, self.shape.classes)
        if self.items.frames > 1 and clips < FEW_CLIPS * labels:
            yield (
                f"there are {clips:,} clips to learn motion from: with so few, samples will be copies and mixtures of them. "
                "A parent with more drawings of each (data.variants of loops, more files) gives motion that nobody drew."
            )


def read_tokens(spec: PriorSpec, compute: Compute, parent: Parent, progress: Progress) -> TokenSet:
    """The parent's tokens; encoded now where the cache does not have them, `progress` is called.

    Raises UserError for images that cannot be had, and for clips that are not what `data` asks for.
    """
    tokens = tokens_of(
        parent.run,
        runs=parent.run.path.parent,
        which=parent.found.folder.name,
        device=str(compute.device),
        mirror=spec.data.mirror,
        loops=_LOOPS[spec.data.loop],  # type: ignore[arg-type]
        ranks=compute,
        preparing=lambda done: progress.preparing("images", done),
        progress=lambda done, total: progress.preparing("tokens", done, total),
    )
    about = tokens.manifest
    nbytes = len(tokens) * int(np.prod(about.grid.shape)) * about.grid.dtype.itemsize
    rows = np.asarray(tokens.codes) if nbytes <= IN_MEMORY else tokens.codes
    frames = Frames(
        tokens.groups,
        tokens.frames,
        tokens.sides.astype(np.int64),
        tokens.labels,
        tokens.loops,
        about.images.groups // (2 if about.images.mirror else 1),
    )
    items, too_short = items_of(frames, spec.data)
    sides = divided(items, frames, spec.data)
    codes = Codes(rows, tokens.labels, compute.device)
    return TokenSet(spec, compute, parent, tokens, codes, frames, items, sides, too_short)
