"""What every bottleneck takes and returns, so that the rest of tilework never asks which one it is.

Shape legend of this package: B pictures, D dimensions of a code, H and W positions of the grid, N = B x H x W tokens,
K codes of one codebook, Q levels (codebooks applied one after another).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor, nn

from tilework.spec import Plugin


@dataclass(frozen=True)
class Latent:
    """What a bottleneck made of the encoder's output.

    - `z` (B, D, H, W) float32: what the decoder sees.
    - `codes` (B, Q, H, W) int64, or None where nothing is discrete.
    - `losses`: named, differentiable, unweighted, each a mean over batch and positions (duplicating the batch changes none):
      `commitment`, `codebook` are scalars; `kl_per_dim` is (D,), the mean over batch and positions for each dimension.
    - `stats`: named detached tensors, left on their device (no host synchronisation): what is worth logging at each step.
    - `inputs`: for each level what was quantised, (N, D) float32, attached to the graph: for losses between data and codes.
    - `mean` (N, D) detached: where each token lies without its noise, where `z` has noise; before its rounding, where channels
      are rounded (FSQ, LFQ).
    """

    z: Tensor
    codes: Tensor | None = None
    losses: dict[str, Tensor] = field(default_factory=dict)
    stats: dict[str, Tensor] = field(default_factory=dict)
    inputs: tuple[Tensor, ...] = ()
    mean: Tensor | None = None


class Bottleneck(nn.Module, ABC):
    """The layer between encoder and decoder. Always computes in float32, whatever autocast says.

    Usable alone: in training mode `forward` also collects codebook statistics and, unless `deferred` is set, applies them
    at its end ("assign with the old codebook, then update"). A loop that accumulates gradients or runs in several processes
    sets `deferred = True` and calls `update()` once after each optimiser step, on every rank.
    """

    in_channels: int
    """Channels that the encoder must deliver (2 x D for a Gaussian)."""
    dim: int
    """Channels D of `z`, what the decoder takes."""
    levels: int = 0
    """Q; 0 where nothing is discrete."""
    codes_per_level: int = 0
    """K; 0 where nothing is discrete."""
    deferred: bool = False

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Moves to other devices; stays float32 when the model around it becomes half, bfloat16 or double."""

        def kept(tensor: Tensor) -> Tensor:
            changed = fn(tensor)
            same = changed.dtype == tensor.dtype or not tensor.is_floating_point()
            return changed if same else tensor.to(changed.device)

        super()._apply(kept, recurse)  # type: ignore[no-untyped-call]
        return self

    @abstractmethod
    def forward(self, h: Tensor) -> Latent:
        """(B, in_channels, H, W) -> Latent."""

    def decode(self, codes: Tensor) -> Tensor:
        """(B, Q, H, W) int64 -> z (B, D, H, W); equals `forward(...).z` in eval mode exactly."""
        raise TypeError(f"a {type(self).__name__} bottleneck has no codes to decode")

    def codebooks(self) -> tuple[Tensor, ...]:
        """For each level the codes (K, D), attached to the graph where they are learnt by gradient; () where there are none."""
        return ()

    @property
    def wants_start(self) -> bool:
        """True while a codebook waits for `start` (never again once it has happened: the answer is in the state)."""
        return False

    def start(self, points: Tensor, generator: torch.Generator) -> None:
        """Place the codes by encoder outputs `points` (N, D) of many batches. A CPU generator makes it repeatable."""
        return

    def update(self) -> None:
        """Apply the statistics collected since the last call (EMA, revival). Every rank must call it: it communicates."""
        return

    def knobs(self) -> dict[str, float]:
        """Settings that may be turned while a run goes on, and what they stand at."""
        return {}

    def turn(self, name: str, value: float) -> None:
        """Turn one of `knobs`; from the next `update` on."""
        raise KeyError(name)

    def revive(self) -> int:
        """Make every code below the revival bound due at the next `update`; returns how many there are."""
        return 0

    def outer(self, points: Tensor) -> Tensor:
        """(N, d) sums of codes as `codebooks` gives them -> (N, D) of what the decoder sees."""
        return points

    @property
    def bits_per_position(self) -> float:
        """Bits that one grid position carries: levels x log2 K; 0 where nothing is discrete."""
        return 0.0


class BottleneckConfig(Plugin, ABC):
    """Settings of a bottleneck; `build` makes it."""

    @abstractmethod
    def build(self) -> Bottleneck:
        """A new bottleneck; its initial weights come from torch's global generator."""

    @classmethod
    def examples(cls) -> list[Self]:
        """A few small settings, one for each way that this kind can work: the conformance suite runs on every one."""
        return []
