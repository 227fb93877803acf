"""What every bottleneck takes and returns, so that the rest of tilework never asks which one it is.

Shape legend of this package: B images, D dimensions of a code, H and W positions of the grid, N = B x H x W tokens,
K codes of one codebook, Q levels (codebooks applied one after another).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn

from tilework.bottlenecks.tokens import check_codes
from tilework.errors import UserError
from tilework.spec import BOTTLENECKS, Plugin, Setting


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


@dataclass(frozen=True)
class Note:
    """A fact about a bottleneck that a person may want to know: a stable code, its values, and the sentence they belong in."""

    code: str
    values: Mapping[str, float]
    sentence: str

    @property
    def text(self) -> str:
        """The sentence with its values."""
        return self.sentence.format(**self.values)


class Bottleneck(nn.Module, ABC):
    """The layer between encoder and decoder. Always computes in float32, whatever autocast is set to.

    Usable alone: in training mode `forward` also collects codebook statistics and, unless `deferred` is set, applies them
    at its end ("assign with the old codebook, then update"). A loop that accumulates gradients or runs in several processes
    sets `deferred = True` and calls `update()` once after each optimiser step, on every rank.

    Inside a block under activation checkpointing (torch.utils.checkpoint, of either kind) the pass that is repeated in the
    backward pass uses the codes of the first one and collects nothing. Made on the meta device, it gets memory by `to_empty`
    and values by `load_state_dict` or `reset_parameters`.
    """

    in_channels: int
    """Channels that the encoder must deliver (2 x D for a Gaussian)."""
    dim: int
    """Channels D of `z`, what the decoder takes."""
    levels: int = 0
    """Q; 0 where nothing is discrete."""
    codes_per_level: int = 0
    """K; 0 where nothing is discrete."""
    learns_by_gradient: bool = False
    """Whether the optimiser moves what `codebooks` gives."""
    deferred: bool = False

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Moves to other devices; stays float32 when the model around it becomes half, bfloat16 or double."""

        def kept(tensor: Tensor) -> Tensor:
            changed = fn(tensor)
            same = changed.dtype == tensor.dtype or not tensor.is_floating_point()
            return changed if same else tensor.to(changed.device)

        super()._apply(kept, recurse)  # type: ignore[no-untyped-call]
        # `to_empty` moves without values, and no state_dict brings these back.
        self.hold_constants()
        return self

    # Values that nobody loads ------------------------------------------------------------------------------------------

    def constants(self) -> dict[str, Tensor]:
        """Tensors by name that follow from the settings, made on the CPU whatever the default device: buffers, but no state."""
        return {}

    def hold_constants(self, device: torch.device | None = None) -> None:
        """Make `constants` anew, as buffers on `device`; None = where they are, at first on the default device."""
        for name, value in self.constants().items():
            held = self._buffers.get(name)
            place = device or (torch.get_default_device() if held is None else held.device)
            self.register_buffer(name, value.to(place), persistent=False)

    def reset_parameters(self) -> None:
        """Begin anew, as torch's layers do: all state as the constructor leaves it, drawn from torch's global generator.

        For a layer that was made on the meta device and got memory by `to_empty`, where no state is loaded.
        """
        self.hold_constants()

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        # With assign=True a layer leaves the meta device by its state alone.
        if any(getattr(self, name).is_meta for name in self.constants()):
            self.hold_constants(torch.device("cpu"))

    @abstractmethod
    def forward(self, h: Tensor) -> Latent:
        """(B, in_channels, H, W) -> Latent."""

    # The trained layer: what is exported -------------------------------------------------------------------------------

    @abstractmethod
    def infer(self, h: Tensor) -> tuple[Tensor | None, Tensor]:
        """(B, in_channels, H, W) -> codes (B, Q, H, W) int64 or None, z (B, D, H, W): what `forward` gives in eval mode, exactly.

        A pure function of weights and input that `torch.export` follows: refuses no value, changes no state, needs no gradient.
        """

    def posterior(self, h: Tensor) -> tuple[Tensor, Tensor] | None:
        """(B, in_channels, H, W) -> mean and standard deviation of a latent with noise, (B, D, H, W) each; None of others."""
        return None

    def unquantised(self, h: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> z (B, D, H, W) as the decoder would see it if nothing were replaced by codes.

        In the space of `infer`'s z: whatever bounds, scales or projects a token beside the choice of its code still does.
        """
        return h

    def lookup(self, codes: Tensor) -> Tensor:
        """(B, Q, H, W) int64 in 0..K-1 -> z (B, D, H, W), unchecked; equals `forward(...).z` in eval mode exactly."""
        raise TypeError(f"a {type(self).__name__} bottleneck has no codes to decode")

    def decode(self, codes: Tensor) -> Tensor:
        """`lookup` of codes that may come from anywhere: raises UserError for those that this bottleneck does not have.

        Where there are several levels, fewer of them give the coarser value that these stand for.
        """
        if self.levels:
            codes = check_codes(codes, self.levels, self.codes_per_level, type(self).__name__.lower(), fewer=True)
        return self.lookup(codes)

    # Codes, where there are any ----------------------------------------------------------------------------------------

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

    def update(self, refused: Tensor | None = None) -> None:
        """Apply the statistics collected since the last call (EMA, revival). Every rank must call it: it communicates.

        `refused`: a scalar, not 0 where the optimiser's step was refused (the same on every rank): they are dropped then.
        """
        return

    def outer(self, points: Tensor) -> Tensor:
        """(N, d) sums of codes as `codebooks` gives them -> (N, D) of what the decoder sees."""
        return points

    # While a run goes on -----------------------------------------------------------------------------------------------

    def settings(self) -> list[Setting]:
        """What may be changed while a run goes on, and what it stands at."""
        return []

    def set(self, name: str, value: float) -> None:
        """Change one of `settings`, from the next `update` on; raises KeyError for any other name."""
        raise KeyError(name)

    @property
    def can_revive(self) -> bool:
        """Whether `revive` has anything to act on as things are set."""
        return False

    def revive(self) -> int:
        """Make every code below the revival bound due at the next `update`; returns how many there are."""
        return 0

    def health(self) -> dict[str, Tensor]:
        """Measured of every code, each (Q, K) on its device: `idle`, steps without a token; `revived_ago`, steps since its
        revival (-1: not known, or long over), where codes can be revived. {} where there is no codebook."""
        return {}

    def code_gradient(self) -> Tensor | None:
        """Right after a backward pass: the L2 norm of each code's gradient (S, K), S the number of different codebooks; None
        where codes are no parameters."""
        return None

    def notes(self) -> list[Note]:
        """What a person may want to know, for example about the start of the codebook."""
        return []

    @property
    def bits_per_position(self) -> float:
        """Bits that one grid position carries: levels x log2 K; 0 where nothing is discrete."""
        return 0.0


class BottleneckConfig(Plugin, ABC):
    """Settings of a bottleneck; `build` makes it."""

    @classmethod
    def of(cls, config: Self | None, settings: Mapping[str, Any]) -> Self:
        """`config` as it is, or else one made of `settings` by name, as a bottleneck's constructor is given them.

        Raises UserError for what a spec would refuse too.
        """
        kind = cls.model_fields["kind"].default
        if config is None:
            config = BOTTLENECKS.parse({"kind": kind, **settings})  # type: ignore[assignment]
        elif settings:
            raise UserError(
                f"bottleneck of kind {kind}: a Config and {', '.join(settings)} were both given",
                fix="give one of them: a Config holds every setting",
            )
        if not isinstance(config, cls):
            raise UserError(
                f"a bottleneck of kind {kind} was given {type(config).__name__}",
                why="it takes its settings by name, or its own Config",
                fix=f"name each setting: {', '.join(name for name in cls.model_fields if name != 'kind')}",
            )
        return config

    @abstractmethod
    def build(self) -> Bottleneck:
        """A new bottleneck; its initial weights come from torch's global generator."""

    @classmethod
    def examples(cls) -> list[Self]:
        """A few small settings, one for each way that this kind can work: the conformance suite runs on every one."""
        return []
