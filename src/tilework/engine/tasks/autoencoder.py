"""Image autoencoders: images in, the same images out, through whatever bottleneck the spec names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from tilework.bottlenecks import Latent
from tilework.bottlenecks.health import flat_stats
from tilework.data import Batch
from tilework.engine.autoencoder import snapshot
from tilework.engine.autoencoder.fitting import problems
from tilework.engine.autoencoder.images import ImageData, read_images
from tilework.engine.autoencoder.model import Autoencoder, build_model, check_tokens, outcome, source_of
from tilework.engine.autoencoder.probe import Probe
from tilework.engine.autoencoder.start import start_codes
from tilework.engine.autoencoder.usage_window import UsageWindow
from tilework.engine.autoencoder.validate import Measured, validate
from tilework.engine.autoencoder.view import ModelView
from tilework.engine.compute import Compute
from tilework.engine.progress import Progress
from tilework.engine.tasks.contract import Arrays, Data, Judged, Losses, Row, Validation, View, fork_rng
from tilework.engine.tasks.contract import Task as TaskContract
from tilework.errors import UserError
from tilework.metrics import AUTOENCODER, Metrics
from tilework.objective import TermConfig
from tilework.objective.total import Objective
from tilework.spec import AutoencoderSpec, RunSpec, Schedule, Setting

_MANY = 0.25
"""Share of a codebook whose revival in one step makes the loss jump."""


class Task(TaskContract):
    """Encoder, bottleneck and decoder, trained by the terms of `objective` on the images of `data`."""

    Spec = AutoencoderSpec
    spec: AutoencoderSpec
    model: Autoencoder
    images: ImageData
    objective: Objective

    def __init__(self, spec: RunSpec, compute: Compute) -> None:
        super().__init__(spec, compute)
        own = [term.metric for term in self._terms.values() if term.metric is not None]
        self.metrics = Metrics((*AUTOENCODER, *own)) if own else AUTOENCODER

    # Before the first step -------------------------------------------------------------------------------------------

    @classmethod
    def problems(cls, spec: RunSpec) -> list[UserError]:
        return problems(cast(AutoencoderSpec, spec))

    def data(self, progress: Progress) -> Data:
        self.images = read_images(self.spec, self.compute, progress)
        return self.images.described()

    def build(self) -> nn.Module:
        self.model = build_model(self.spec)
        check_tokens(self.spec, self.model, len(self.images.split.train))
        self.objective = Objective(self._terms)
        self._try_out()
        self.window = UsageWindow()
        return self.model

    def placed(self) -> None:
        self.objective.to(self.compute.device)
        self.model.bottleneck.deferred = True

    def compile(self) -> None:
        self.model.encoder.compile()
        self.model.decoder.compile()

    @torch.no_grad()
    def _try_out(self) -> None:
        """Two blank images through the model: every loss term must find what it needs, and the shape must come back."""
        source = source_of(self.spec)
        x = torch.zeros(2, source.channels, source.size.height, source.size.width)
        self.model.eval()
        recon, latent = self.model(x)
        self.model.train()
        if recon.shape != x.shape:
            raise UserError(
                f"decoder gives images of {recon.shape[-1]}x{recon.shape[-2]}x{recon.shape[1]}, "
                f"but data.size and data.channels are {source.size} and {source.channels}",
                why="encoder and decoder do not mirror each other",
                fix="leave decoder.widths out, so that it mirrors the encoder",
            )
        self.objective.check(latent.losses, self.model.bottleneck.learns_by_gradient)
        self.objective.rehearse(outcome(x, recon, latent, self.model.bottleneck))

    def start(self, batches: int, progress: Progress) -> Row:
        if self.model.bottleneck.wants_start:
            progress.preparing("codes", 0)
        points = start_codes(self.compute, self.model, self.images.same_on_every_process(), batches, self.spec.seed)
        return Row(events=(("codes-started", {"points": points}),) if points else ())

    def describe(self) -> dict[str, Any]:
        bottleneck = self.model.bottleneck
        return {
            "bottleneck": self.spec.bottleneck.kind,
            "grid": [self.model.grid.width, self.model.grid.height],
            "levels": bottleneck.levels,
            "codes": bottleneck.codes_per_level,
        }

    @property
    def _terms(self) -> Mapping[str, TermConfig]:
        return cast(Mapping[str, TermConfig], self.spec.objective)

    def trial_copy(self, compute: Compute) -> Self:
        made = super().trial_copy(compute)
        made.window = UsageWindow()
        return made

    def fewer(self, batch: Batch, items: int) -> Batch:
        return replace(batch, images=batch.images[:items], labels=batch.labels[:items], index=batch.index[:items])

    def hold_out(self, items: int) -> tuple[int, int]:
        split = self.images.split
        fewer = split.validation[:items]
        self.images = replace(self.images, split=replace(split, validation=fewer))
        return len(fewer), len(split.validation)

    # A step ----------------------------------------------------------------------------------------------------------

    def weights(self) -> Mapping[str, Schedule]:
        return {name: term.weight for name, term in self._terms.items()}

    def about_term(self, term: str) -> str:
        text = type(self._terms[term]).__doc__ or ""
        return text.strip().splitlines()[0] if text else ""

    def losses(self, model: nn.Module, batch: Batch, weights: Mapping[str, float]) -> Losses:
        bottleneck = self.model.bottleneck
        recon, latent = cast(tuple[Tensor, Latent], model(batch.images))
        total, values = self.objective(outcome(batch.images, recon, latent, bottleneck), weights)
        stats = flat_stats(latent.stats, bottleneck.levels)
        return Losses(total, {**values, **stats}, latent, tuple(latent.losses.values()) or (recon,))

    def after_step(self, kept: Sequence[Latent], refused: Tensor | None = None) -> None:
        self.model.bottleneck.update(refused)
        counts = [latent.stats["counts"] for latent in kept if "counts" in latent.stats]
        if counts:
            self.window.add(sum(counts[1:], start=counts[0]))

    def expects_jump(self, values: Mapping[str, float]) -> bool:
        """Codes that come back in numbers are new to the decoder."""
        revived = sum(v for name, v in values.items() if name.startswith("revived."))
        return revived > 0 and revived >= _MANY * self.model.bottleneck.codes_per_level

    def row(self, values: Mapping[str, float]) -> Row:
        revived = sum(v for name, v in values.items() if name.startswith("revived."))
        return Row(self.window.metrics(), (("revived", {"codes": int(revived)}),) if revived else ())

    def state(self) -> Any:
        return self.window.state()

    def restore(self, state: Any) -> None:
        self.window.restore(state, self.compute.device)

    # Looking at it ---------------------------------------------------------------------------------------------------

    def validate(self, weights: Mapping[str, float]) -> Measured:
        return validate(self.compute, self.model, self.objective, self.images.validation, weights)

    def snapshots(self, found: Validation | None) -> dict[str, Arrays]:
        kinds: dict[str, Arrays | None] = {"reconstructions": snapshot.reconstructions(self.model, self._shown)}
        if isinstance(found, Measured):
            kinds |= {"usage": snapshot.usage(found), "latent": snapshot.latent_map(found, self.model.bottleneck)}
        return {kind: arrays for kind, arrays in kinds.items() if arrays is not None}

    def view(self, judged: Judged) -> View:
        return Probe(self._view(judged), self.window)

    def _view(self, judged: Judged = nullcontext) -> ModelView:
        images = self.images
        layout = self.spec.engine.channels_last
        return ModelView(self.model, images.store, images.split, self.compute.device, layout, judged)

    @cached_property
    def _shown(self) -> Tensor:
        return self._view().shown().images

    # Steering --------------------------------------------------------------------------------------------------------

    def settings(self) -> list[Setting]:
        return [replace(own, name=f"bottleneck.{own.name}") for own in self.model.bottleneck.settings()]

    def set(self, name: str, value: float) -> None:
        section, _, rest = name.partition(".")
        if section == "bottleneck":
            self.model.bottleneck.set(rest, value)
        elif section == "objective" and value > 0:
            self._rehearse(rest)

    def _rehearse(self, term: str) -> None:
        """A loss term that had no weight so far meets two blank images before it meets the run."""
        if term in self.objective.terms:
            return
        source, device = source_of(self.spec), self.compute.device
        x = torch.zeros(2, source.channels, source.size.height, source.size.width, device=device)
        was_training = self.model.training
        self.model.eval()
        try:
            # With gradients: some terms ask whether the codes have any.
            with fork_rng(device), torch.enable_grad():
                recon, latent = self.model(x)
                try:
                    self.objective(outcome(x, recon, latent, self.model.bottleneck), {term: 1.0})
                except UserError:
                    if term in self.objective.terms:
                        del self.objective.terms[term]
                    raise
        finally:
            self.model.train(was_training)

    def do(self, command: str) -> dict[str, Any] | None:
        if command != "revive":
            return None
        if not self.model.bottleneck.can_revive:
            raise UserError(
                "codes of this run cannot be revived", fix="start a run with bottleneck.revival.enabled=true"
            )
        return {"codes": self.model.bottleneck.revive()}
