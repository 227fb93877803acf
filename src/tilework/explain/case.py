"""What the metrics of one model are read by: its spec's numbers, and what its run has measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tilework.explain.bounds import WINDOW, Usage
from tilework.explain.facts.latent import LatentSpace
from tilework.explain.facts.subject import Images
from tilework.explain.facts.training import Training
from tilework.metrics import AUTOENCODER, Metrics


@dataclass(frozen=True)
class Values:
    """What a run has measured last, by name; of a recipe nothing."""

    training: Mapping[str, float] = field(default_factory=dict)
    validation: Mapping[str, float] = field(default_factory=dict)
    blank_mse: float | None = None
    """MSE of one mean image in place of every stored original; None where none is stored."""
    blank_images: int = 0
    metrics: Metrics = AUTOENCODER

    def known(self, *names: str) -> dict[str, float]:
        """Those of `names` that were measured; validation's where there is one."""
        both = {**self.training, **self.validation}
        return {name: both[name] for name in names if name in both}


@dataclass(frozen=True)
class Case:
    """An autoencoder and its values."""

    images: Images
    latent: LatentSpace
    training: Training
    values: Values

    def usage(self, *, held_out: bool) -> Usage:
        """By what codes in use are read: of a validation pass its tokens, of training those of its window."""
        if not held_out:
            return Usage(self.latent.codes, float(self.window_tokens))
        counted = self.values.validation.get("tokens")
        if counted is None and self.images.held_out:
            counted = float(self.images.held_out * self.latent.positions)
        return Usage(self.latent.codes, counted)

    @property
    def step_tokens(self) -> int:
        """Tokens of one step, of one level."""
        return self.training.batch * self.latent.positions

    @property
    def window_tokens(self) -> int:
        """Tokens of the steps over which training counts its codes."""
        return WINDOW * self.step_tokens

    def weight(self, term: str) -> float | None:
        """Of a loss term, the newest that is known."""
        for one in self.training.terms:
            if one.name == term:
                return one.weight if one.weight is not None else one.course.start
        return None
