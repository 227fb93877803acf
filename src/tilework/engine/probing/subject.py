"""What probes look at: a copy of a model, a bounded number of its images, and its loss terms."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import cast

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tilework.bottlenecks.tokens import refuse_nonfinite
from tilework.data import FrameStore, Split
from tilework.engine.autoencoder.model import Autoencoder
from tilework.engine.autoencoder.view import ModelView
from tilework.engine.probing.grid import TokenGrid
from tilework.engine.probing.left_out import NotMeasured, Why
from tilework.errors import UserError
from tilework.objective import TermConfig
from tilework.objective.total import Objective
from tilework.spec import AutoencoderSpec

FEWEST, MOST = 8, 64
"""Images of a side that are looked at: all probes of a small model together then take a second or two."""
MOST_PIXELS = 2**21
OPERATIONS = 2e10
"""Floating-point operations of one pass over the images of a side. A bound on seconds would give other numbers on another
machine, and with them other findings."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained autoencoder as probes see it. `of` makes one; `model` is its own copy, in evaluation mode and without
    gradients."""

    spec: AutoencoderSpec
    model: Autoencoder
    step: int
    weights: Mapping[str, float]
    """The weight of every loss term at this step."""
    view: ModelView | None = None
    """The copy with the images of the run; None where these are not there, and `missing` gives the reason."""
    missing: str = ""
    _made: dict[str, Objective] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        spec: AutoencoderSpec,
        model: Autoencoder,
        step: int,
        weights: Mapping[str, float],
        images: tuple[FrameStore, Split] | None = None,
        missing: str = "",
    ) -> Subject:
        """A subject with a copy of the model as it is now, on the same device."""
        own = copied(model)
        place = device_of(own)
        view = ModelView(own, *images, place, spec.engine.channels_last) if images is not None else None
        return cls(spec, own, step, weights, view, missing)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return device_of(self.model)

    @cached_property
    def grid(self) -> TokenGrid:
        """How tokens lie on the images. Raises NotApplicable for a latent vector."""
        return TokenGrid.of(self.model.grid, self.images.store.size)

    @property
    def images(self) -> ModelView:
        """The view with images. Raises NotMeasured where there are none."""
        if self.view is None:
            raise NotMeasured(Why.IMAGES, self.missing)
        return self.view

    @cached_property
    def held_out(self) -> Tensor:
        """Validation images (n, C, H, W) in [0, 1], spread over the split."""
        return self.images.shown(self._count).images

    @cached_property
    def trained(self) -> Tensor:
        """Training images (n, C, H, W) in [0, 1], spread over the split."""
        return self.images.fixed(self._count).images

    @cached_property
    def recon(self) -> Tensor:
        """What comes back of `held_out`, (n, C, H, W) float32. Raises NotMeasured where that is not finite."""
        return self.reconstruct(self.held_out)

    def reconstruct(self, x: Tensor) -> Tensor:
        """(n, C, H, W) -> the same as it comes back, float32, unclipped. Raises NotMeasured where that is not finite."""
        return reconstruct(self.model, x)

    def objective(self) -> Objective:
        """The loss terms, made at the first call. Raises NotMeasured where one lacks what it needs."""
        if "objective" not in self._made:
            terms = cast(Mapping[str, TermConfig], self.spec.objective)
            try:
                self._made["objective"] = Objective(terms).to(self.device)
            except UserError as error:
                raise NotMeasured(Why.TERMS, error.what) from error
        return self._made["objective"]

    @cached_property
    def _count(self) -> int:
        """How many images of a side are looked at."""
        view = self.images
        height, width, channels = view.store.shape
        one = torch.zeros(1, channels, height, width, device=self.device)
        with FlopCounterMode(display=False) as counter:
            self.reconstruct(one)
        by_work = OPERATIONS / max(1, counter.get_total_flops())
        return int(max(FEWEST, min(MOST, by_work, MOST_PIXELS / (height * width))))


def copied(model: Autoencoder) -> Autoencoder:
    """The same model with tensors of its own: in evaluation mode, its parameters without gradients."""
    made = copy.deepcopy(model).eval().requires_grad_(False)
    made.bottleneck.deferred = True
    for parameter in made.parameters():
        parameter.grad = None
    return made


def device_of(model: torch.nn.Module) -> torch.device:
    """Where a model is."""
    return next((tensor.device for tensor in chain(model.parameters(), model.buffers())), torch.device("cpu"))


@torch.no_grad()
def reconstruct(model: Autoencoder, x: Tensor) -> Tensor:
    """(n, C, H, W) -> the same as it comes back, float32, unclipped. Raises NotMeasured where that is not finite."""
    try:
        recon = model(x)[0].float()
        refuse_nonfinite(recon)
    except UserError as error:  # Bottlenecks refuse what is not finite.
        raise NotMeasured(Why.NOT_FINITE, error.what) from error
    return cast(Tensor, recon)
