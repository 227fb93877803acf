"""What every prior takes and returns, so that the engine and whoever dreams never ask which one it is.

Shape legend of this package: B items, T frames of each (1 = an image), Q levels of codes on h x w positions, K codes of a level;
N = T x h x w x Q tokens of an item, in raster order: frame by frame, row by row, position by position, level by level.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tilework.errors import UserError
from tilework.spec import Plugin, Setting


@dataclass(frozen=True)
class TokenShape:
    """What one item is. `loop`: its frames are a circle, the last is followed by the first."""

    frames: int
    levels: int
    height: int
    width: int
    codes: int
    """Codes of each level, K."""
    classes: int = 0
    """Labels that an item may have, 0 = none."""
    loop: bool = False

    @property
    def tokens(self) -> int:
        """N, the tokens of an item."""
        return self.frames * self.levels * self.height * self.width

    @property
    def item(self) -> tuple[int, int, int, int]:
        """(T, Q, h, w)."""
        return self.frames, self.levels, self.height, self.width


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Raises UserError, in the words of the command's options, for what cannot be."""

    temperature: float = 1.0
    """Logits are divided by it: below 1 likelier, above 1 wilder. More than 0."""
    top_k: int | None = None
    """Only this many likeliest codes of a token; None = all."""
    top_p: float = 1.0
    """Only the likeliest codes that together have this probability, in (0, 1]."""
    guidance: float = 0.0
    """Classifier-free guidance (arXiv 2207.12598, equation 6): logits = (1 + g) with the label - g without it."""
    steps: int | None = None
    """Passes of a prior that draws many tokens at once; None = as many as it thinks right."""
    order: str = "halton"
    """In which order such a prior draws them: a kind of `priors.orders`."""

    def __post_init__(self) -> None:
        if not self.temperature > 0 or self.temperature == float("inf"):
            raise UserError(
                f"--temperature {self.temperature:g} draws nothing",
                why="logits are divided by it, so it is more than 0",
                fix="write --temperature 0.8, or --top-k 1 for the likeliest code every time",
            )
        if self.top_k is not None and self.top_k < 1:
            raise UserError(f"--top-k {self.top_k} leaves no code", why="at least one is drawn", fix="write --top-k 1")
        if not 0 < self.top_p <= 1:
            raise UserError(
                f"--top-p {self.top_p:g} is no probability of (0, 1]",
                why="it is the share of probability that is kept",
                fix="write --top-p 0.9, or leave it out to keep all",
            )
        if not 0 <= self.guidance < float("inf"):
            raise UserError(
                f"--guidance {self.guidance:g} is not 0 or more",
                why="0 is no guidance, and there is no less",
                fix="write --guidance 2",
            )
        if self.steps is not None and self.steps < 1:
            raise UserError(
                f"--steps {self.steps} is no number of passes", why="one is the least", fix="write --steps 8"
            )


@dataclass(frozen=True)
class Loss:
    """What one forward pass measured: `total` (scalar, attached, nats per token that counted) and named detached scalars."""

    total: Tensor
    values: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LabelMix:
    """Items on their way from one label to another: in place of a label's vector a they have (1 - weight) a + weight b."""

    labels: Tensor
    """(B,) int64: of b, -1 = none."""
    weight: Tensor
    """(B, T) float32 in [0, 1], frame by frame: 0 is the item's own label, 1 the other."""


Watch = Callable[[Tensor, Tensor], None]
"""Called while tokens are drawn: tokens (B, T, Q, h, w) and which of them are there (bool, the same shape). May raise
to stop."""


class PriorConfig(Plugin):
    """The settings of a prior; every kind's file has one subclass of this, named `Config`, and one of `Prior`, named `Prior`."""


class Prior(nn.Module, ABC):
    """A distribution over the tokens of an item. `shape` is what it was built for.

    Labels are (B,) int64, -1 = none; a prior without classes ignores them. Random numbers of `sample` and `bits` come from the
    generator that is given, on the CPU, so that a seed is the same everywhere.
    """

    def __init__(self, config: PriorConfig, shape: TokenShape) -> None:
        super().__init__()
        self.config, self.shape = config, shape

    @abstractmethod
    def forward(self, tokens: Tensor, labels: Tensor) -> Loss:
        """tokens (B, T, Q, h, w) int64 -> what is minimised. In training mode labels are left out now and then (guidance), from
        torch's global generator."""

    @abstractmethod
    def bits(self, tokens: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """-log2 of the probability of each token, (B, T, Q, h, w) float32; the sum over an item is what coding it would take.

        Of a prior that draws in parallel this is an upper bound: tokens in a random order, each given those before it."""

    @abstractmethod
    def sample(
        self,
        given: Tensor,
        known: Tensor,
        labels: Tensor,
        sampling: Sampling,
        generator: torch.Generator,
        watch: Watch | None = None,
        mix: LabelMix | None = None,
    ) -> Tensor:
        """Tokens (B, T, Q, h, w) int64: those of `given` where `known` (bool, the same shape), all others drawn.

        Nothing known = a new item; the first frames known = it goes on; both ends known = what lies between; all but a region
        known = repainted. T may differ from `shape.frames` where `any_length` is true. A prior that takes a label for
        the whole item mixes by the weight of the first frame.
        """

    def begin_at(self, vectors: Sequence[Tensor], generator: torch.Generator) -> None:
        """Before the first step of a new run: of each level the vectors (K, D) that its codes have in the autoencoder. What is
        alike there may begin alike here. The generator is on the CPU, and the same on every process."""
        return

    any_length: bool = False
    """Whether `sample` and `bits` take items of any number of frames."""
    sees_both_sides: bool = True
    """Whether a drawn token depends on known ones that come after it in raster order."""

    def passes(self, frames: int, level: int = 0) -> int | None:
        """In how many passes `sample` draws a level of items of so many frames if `Sampling.steps` is not given; None =
        token by token."""
        return None

    def rounds(self, frames: int) -> int:
        """How often those passes are made: once, unless a clip is drawn part by part."""
        return 1

    def settings(self) -> list[Setting]:
        """What may be set while a run goes on; names are paths within the `prior` section."""
        return []

    def set(self, name: str, value: float) -> None:
        """Set one of `settings`."""
        raise NotImplementedError(name)

    def facts(self) -> Mapping[str, Any]:
        """What whoever watches may want to know, as plain values."""
        return {}
