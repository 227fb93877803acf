"""Finite scalar quantisation: every channel is rounded to a few levels, and the code is the tuple (arXiv 2309.15505)."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator
from torch import Tensor

from tilework.bottlenecks.codebook.gradients import straight_through
from tilework.bottlenecks.contract import Bottleneck, BottleneckConfig, Latent
from tilework.bottlenecks.health.implicit import implicit_stats
from tilework.bottlenecks.tokens import (
    codes_from_tokens,
    finite_tokens,
    float32,
    from_tokens,
    mean_over,
    refuse_nonfinite,
    to_tokens,
    usable_only,
)
from tilework.errors import Refused

_MOST_CODES = 2**22


class FSQ(Bottleneck):
    """D = len(levels) channels; channel d takes one of levels[d] values in [-1, 1]. No codebook exists anywhere.

    With L levels, reach = (L - 1)/2 x 1.001 and, for even L, a shift of half a level (section 3.1 and appendix A.1):

        b = reach tanh(x + shift) - offset        z = round(b) / floor(L/2)

    straight through the rounding; the tanh keeps its own gradient. The code is the mixed-radix number of the digits,
    first channel least significant. In and out (B, D, H, W) or (B, N, D).

    Loss, unweighted, and not in the paper, which has none:

        commitment = mean over tokens and channels of max(0, |x + shift| - edge)^2        edge = artanh((L - 2) / (2 reach)) + 1

    The outermost level begins one unit before `edge`: the loss is 0 for whatever the levels can distinguish. Beyond it
    the tanh has no gradient left, and an encoder that was driven there as a whole gives one code to every image and
    never comes back.
    """

    radix: Tensor
    middle: Tensor
    reach: Tensor
    shift: Tensor
    offset: Tensor
    place: Tensor
    edge: Tensor

    def __init__(self, config: Config | None = None, /, **settings: Any) -> None:
        super().__init__()
        self.steps = Config.of(config, settings).levels
        self.dim = self.in_channels = len(self.steps)
        self.levels = 1
        self.codes_per_level = math.prod(self.steps)
        self.hold_constants()

    def constants(self) -> dict[str, Tensor]:
        steps = self.steps
        radix = torch.tensor(steps, device="cpu")
        # Slightly wider than (L-1)/2, so that the outermost levels are reached at a finite input.
        reach = (radix - 1).float() * 1.001 / 2
        offset = (radix % 2 == 0).float() / 2
        return {
            "radix": radix,
            "middle": radix // 2,
            "reach": reach,
            "offset": offset,
            "shift": torch.atanh(offset / reach),
            "edge": torch.atanh((radix - 2) / (2 * reach)) + 1,
            "place": torch.tensor([math.prod(steps[:d]) for d in range(len(steps))], device="cpu"),
        }

    @property
    def bits_per_position(self) -> float:
        return math.log2(self.codes_per_level)

    def forward(self, h: Tensor) -> Latent:
        with float32(h):
            x, grid = to_tokens(h, self.dim)
            if not self.training:
                refuse_nonfinite(x)
            z_norm, usable = finite_tokens(x.detach())
            safe = x if usable is None else torch.where(usable[:, None], x, 0.0)
            bounded = self._bounded(safe)
            code = self._code(bounded)
            z = straight_through(bounded / self.middle, self._values(code))
            off = bounded.detach() / self.middle, z.detach()
            error = F.mse_loss(*off) if usable is None else mean_over((off[0] - off[1]).square().mean(1), usable)
            stats = implicit_stats(code, self.codes_per_level, error, z_norm, usable)
            codes = codes_from_tokens(code.unsqueeze(0), grid)
            beyond = ((safe + self.shift).abs() - self.edge).clamp_min(0).square().mean(1)
            losses = {"commitment": mean_over(beyond, usable)}
            mean = bounded.detach() / self.middle
            return Latent(z=from_tokens(z, grid), codes=codes, losses=losses, stats=stats, mean=mean)

    def infer(self, h: Tensor) -> tuple[Tensor, Tensor]:
        with float32(h):
            x, grid = to_tokens(h, self.dim)
            safe = torch.where(usable_only(x)[:, None], x, 0.0)
            codes = codes_from_tokens(self._code(self._bounded(safe)).unsqueeze(0), grid)
            return codes, self.lookup(codes)

    def unquantised(self, h: Tensor) -> Tensor:
        with float32(h):
            x, grid = to_tokens(h, self.dim)
            return from_tokens(self._bounded(x) / self.middle, grid)

    def lookup(self, codes: Tensor) -> Tensor:
        return from_tokens(self._values(codes.flatten()), (codes.shape[0], *codes.shape[2:]))

    def _bounded(self, x: Tensor) -> Tensor:
        """(N, D) -> (N, D): each channel within the reach of its levels, one unit apart."""
        return self.reach * torch.tanh(x + self.shift) - self.offset

    def _code(self, bounded: Tensor) -> Tensor:
        """(N, D) -> (N,) int64."""
        digits = bounded.detach().round().long() + self.middle
        return (digits * self.place).sum(1)

    def _values(self, code: Tensor) -> Tensor:
        """(N,) int64 -> (N, D) float32 in [-1, 1]."""
        digits = code.unsqueeze(1).div(self.place, rounding_mode="floor") % self.radix
        return (digits - self.middle).float() / self.middle


class Config(BottleneckConfig):
    """Finite scalar quantisation."""

    kind: Literal["fsq"] = "fsq"
    levels: tuple[int, ...] = Field(
        default=(8, 6, 5),
        min_length=1,
        max_length=64,
        description="levels of each channel, 2 to 256 (5 or more is advised); codes K = their product, dim = how many",
    )

    @field_validator("levels")
    @classmethod
    def _in_range(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        wrong = [n for n in levels if not 2 <= n <= 256]
        if wrong:
            raise Refused(
                f"a channel has 2 to 256 levels, not {wrong[0]}", fix="write 5 or more, for example [8, 5, 5, 5]"
            )
        if math.prod(levels) > _MOST_CODES:
            raise Refused(
                f"{math.prod(levels)} codes are more than {_MOST_CODES}", fix="write fewer channels or levels"
            )
        return levels

    @property
    def dim(self) -> int:
        """Channels D that the encoder delivers: one for each entry of `levels`."""
        return len(self.levels)

    def build(self) -> Bottleneck:
        return FSQ(self)

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(levels=(8, 6, 5)), cls(levels=(5, 3)), cls(levels=(2, 4, 7, 256))]
