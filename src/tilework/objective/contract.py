"""What a loss term sees and gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor, nn

from tilework.metrics import Metric
from tilework.spec import Term


@dataclass(frozen=True)
class Outcome:
    """One forward pass, as loss terms see it; everything is float32.

    - `x` (B, C, H, W) images in [0, 1]; `recon` the same shape.
    - `losses`: what the bottleneck measured itself (see `bottlenecks.contract.Latent.losses`).
    - `inputs`: for each level what was quantised (N, D); `codebooks`: for each level the codes (K, D), which
      `learns_by_gradient` or not.
    """

    x: Tensor
    recon: Tensor
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    inputs: Sequence[Tensor] = ()
    codebooks: Sequence[Tensor] = ()
    learns_by_gradient: bool = False


class LossTerm(nn.Module, ABC):
    """One number per forward pass, mean-reduced over the batch: duplicating the batch does not change it."""

    @abstractmethod
    def forward(self, outcome: Outcome) -> Tensor:
        """Outcome -> scalar float32, before its weight."""


class TermConfig(Term, ABC):
    """Settings of a loss term; `build` makes it, and stops the run here if something that it needs is missing."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """Names in `Outcome.losses` that the bottleneck must give; `learnt_codebooks` asks for codes that learn by gradient."""
    is_reconstruction: ClassVar[bool] = False
    """True where the term compares `recon` with `x`; a run needs at least one of these."""

    metric: ClassVar[Metric | None] = None
    """How its value is shown, for a term that `tilework.metrics` does not list."""

    @abstractmethod
    def build(self) -> LossTerm:
        """A new loss term. Raises UserError (what, why, one fix) before the first step rather than falling back."""
