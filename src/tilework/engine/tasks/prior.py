"""Priors over tokens: what an autoencoder's codes look like, learnt from the tokens of its own images."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from torch import nn

from tilework.engine.api import load_checkpoint
from tilework.engine.compute import Compute
from tilework.engine.prior.feed import TokenBatch
from tilework.engine.prior.measured import METRICS
from tilework.engine.prior.parent import NoCheckpoint, find_parent, other_parent, settled, vectors_of
from tilework.engine.prior.samples import Sampler
from tilework.engine.prior.tokens import TokenSet, read_tokens
from tilework.engine.prior.validate import ASIDE, HeldOut, Measured, in_bits, validate
from tilework.engine.prior.view import PriorView
from tilework.engine.progress import Progress
from tilework.engine.tasks.contract import Arrays, Data, Judged, Losses, NotFinite, Row, Validation, View, fork_rng
from tilework.engine.tasks.contract import Task as TaskContract
from tilework.errors import UserError
from tilework.priors.contract import Loss, Prior
from tilework.runs.folder import default_root
from tilework.spec import RunSpec, Setting
from tilework.spec.plugins import PRIORS
from tilework.spec.prior import PriorSpec


class Task(TaskContract):
    """A prior, trained on the tokens that its parent makes of its own images."""

    Spec = PriorSpec
    spec: PriorSpec
    metrics = METRICS
    model: Prior
    tokens: TokenSet
    held_out: HeldOut
    newest: Measured | None = None
    """The last validation of this process."""

    # Before the first step -------------------------------------------------------------------------------------------

    @classmethod
    def settled(cls, spec: RunSpec, found_in: Path, runs: Path) -> RunSpec:
        return settled(cast(PriorSpec, spec), found_in, runs)

    @classmethod
    def moved(cls, spec: RunSpec, was: Mapping[str, Any], runs: Path) -> RunSpec:
        own = cast(PriorSpec, spec)
        try:
            return settled(own, runs, runs)
        except NoCheckpoint as error:
            raise other_parent(was, error.run) from None

    def data(self, progress: Progress) -> Data:
        parent = find_parent(self.spec, self.runs or default_root())
        self.tokens = read_tokens(self.spec, self.compute, parent, progress)
        return self.tokens.described()

    def build(self) -> nn.Module:
        kind = PRIORS.module(self.spec.prior.kind).Prior
        self.model = kind(self.spec.prior, self.tokens.shape)
        self.held_out = self.tokens.held_out()
        return self.model

    def start(self, batches: int, progress: Progress) -> Row:
        vectors = vectors_of(self._sampler.parent.network.bottleneck, self.compute.device)
        self.model.begin_at(vectors, torch.Generator().manual_seed(self.spec.seed))
        return Row()

    def describe(self) -> dict[str, Any]:
        shape = self.tokens.shape
        return {
            "prior": self.spec.prior.kind,
            "tokens": shape.tokens,
            "codes": shape.codes,
            "frames": shape.frames,
            "levels": shape.levels,
            "grid": [shape.width, shape.height],
            **self.model.facts(),
        }

    def trial_copy(self, compute: Compute) -> Self:
        made = super().trial_copy(compute)
        vars(made).pop("_sampler", None)  # it draws with the model of the run
        made.newest = None
        return made

    def fewer(self, batch: TokenBatch, items: int) -> TokenBatch:
        return replace(batch, tokens=batch.tokens[:items], labels=batch.labels[:items])

    def hold_out(self, items: int) -> tuple[int, int]:
        every = self.held_out.numbers
        self.held_out = replace(self.held_out, numbers=every[:items])
        return len(self.held_out.numbers), len(every)

    # A step ----------------------------------------------------------------------------------------------------------

    def losses(self, model: nn.Module, batch: TokenBatch, weights: Mapping[str, float]) -> Losses:
        found: Loss = model(batch.tokens, batch.labels)
        own = {name: value for name, value in found.values.items() if name not in ASIDE}
        return Losses(found.total, {"bits": in_bits(found.total.detach()), **own})

    def other_data(self, was: Mapping[str, Any]) -> UserError | None:
        return other_parent(was, self.tokens.parent.run, self.tokens.origin) if was.get("decoder_hash") else None

    # Looking at it ---------------------------------------------------------------------------------------------------

    def validate(self, weights: Mapping[str, float]) -> Measured:
        self.newest = validate(self.compute, self.model, self.held_out)
        return self.newest

    def snapshots(self, found: Validation | None) -> dict[str, Arrays]:
        kinds: dict[str, Arrays] = {}
        with suppress(NotFinite):  # the guard has the word
            tokens, labels = self._sampler.drawn()
            kinds["samples"] = {
                # Of a clip those frames that are shown: enough to be looked at, and the tokens are all there.
                "samples": self._sampler.images(tokens),
                "tokens": tokens.cpu().numpy().astype(np.int32),
                "labels": labels.cpu().numpy(),
            }
        if isinstance(found, Measured) and found.bits is not None:
            kinds["token-bits"] = {"bits": found.bits}
        return kinds

    def view(self, judged: Judged) -> View:
        return PriorView(self._sampler, lambda: self.newest, judged)

    @cached_property
    def _sampler(self) -> Sampler:
        parent = self.tokens.parent
        with fork_rng(self.compute.device):  # a model is made with initial weights before it is given those of a file
            model, _ = load_checkpoint(parent.found.folder, device=str(self.compute.device))
        return Sampler(self.model, model, self.compute, self.spec.seed)

    # Steering --------------------------------------------------------------------------------------------------------

    def settings(self) -> list[Setting]:
        return [replace(own, name=f"prior.{own.name}") for own in self.model.settings()]

    def set(self, name: str, value: float) -> None:
        section, _, rest = name.partition(".")
        if section == "prior":
            self.model.set(rest, value)
