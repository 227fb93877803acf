"""Lookup-free quantisation: every channel becomes its sign, and the code is the tuple of bits (arXiv 2310.05737)."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from tilework.bottlenecks.codebook.gradients import straight_through
from tilework.bottlenecks.codebook.ranks import sum_over_ranks, world
from tilework.bottlenecks.contract import Bottleneck, BottleneckConfig, Latent
from tilework.bottlenecks.health.implicit import implicit_stats
from tilework.bottlenecks.repetition import Passes
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


class LFQ(Bottleneck):
    """D channels of one bit each, -1 or 1, so K = 2^D codes and no codebook. In and out (B, D, H, W) or (B, N, D).

        z = sign(x), straight through        code = sum_d 2^d [x_d > 0]

    Losses, unweighted, with T the temperature and p(c|x) = softmax over all K codes of -|x - c|^2 / T:

        commitment = mean over tokens and dimensions of (x - sg z)^2
        entropy    = mean over tokens of H(p(.|x)) - diversity x H(mean over tokens of p(.|x))      (nats)

    The first entropy makes every token decide, the second makes all codes be used (section 3.1 and eq. 4 of the paper). Both are
    exact without N x K probabilities: p(c|x) is a product over channels, so the first is a sum of D binary entropies, and
    the mean over tokens is one matrix product of the probabilities of the first and of the last D/2 bits.

    In several processes the mean is over the tokens of all, so in training every process must make as many forward passes
    as the others (or set diversity=0).
    """

    place: Tensor

    def __init__(self, config: Config | None = None, /, **settings: Any) -> None:
        super().__init__()
        self.config = Config.of(config, settings)
        self.dim = self.in_channels = self.config.dim
        self.levels = 1
        self.codes_per_level = 2**self.dim
        self.passes = Passes()
        self.hold_constants()

    def constants(self) -> dict[str, Tensor]:
        return {"place": 2 ** torch.arange(self.dim, device="cpu")}

    @property
    def bits_per_position(self) -> float:
        return float(self.dim)

    def forward(self, h: Tensor) -> Latent:
        with float32(h):
            x, grid = to_tokens(h, self.dim)
            if not self.training:
                refuse_nonfinite(x)
            z_norm, usable = finite_tokens(x.detach())
            safe = x if usable is None else torch.where(usable[:, None], x, 0.0)
            code = self._code(safe)
            fixed = self._values(code)
            error = mean_over((safe - fixed).square().mean(1), usable)
            return Latent(
                z=from_tokens(straight_through(safe, fixed), grid),
                codes=codes_from_tokens(code.unsqueeze(0), grid),
                losses={"commitment": error, "entropy": self._entropy(x, safe, usable)},
                stats=implicit_stats(code, self.codes_per_level, error, z_norm, usable),
                mean=safe.detach(),
            )

    def _entropy(self, given: Tensor, x: Tensor, usable: Tensor | None) -> Tensor:
        """The loss `entropy` of tokens x (N, D), which are those `given` where these are usable and 0 elsewhere."""
        # |x + 1|^2 - |x - 1|^2 = 4x, so the probability of a 1 is sigmoid(4x / T).
        logits = x * (4 / self.config.temperature)
        ones = torch.sigmoid(logits)
        each = mean_over((F.softplus(logits) - logits * ones).sum(1), usable)
        if self.config.diversity == 0:
            return each
        half = (self.dim + 1) // 2
        low = _patterns(ones[:, :half])
        low = low if usable is None else low * usable.unsqueeze(1)
        count = torch.full((), float(len(x)), device=x.device) if usable is None else usable.sum().float()
        mean = self._over_ranks(_patterns(ones[:, half:]).t() @ low / count.clamp_min(1), count, given)
        entropy = -(mean * mean.clamp_min(torch.finfo(mean.dtype).tiny).log()).sum()
        return each - self.config.diversity * entropy

    def _over_ranks(self, mean: Tensor, count: Tensor, given: Tensor) -> Tensor:
        """The mean over the tokens of all processes, with this one's gradient: averaged over processes that is the true one."""
        if world()[0] == 1 or not self.training:
            return mean
        past = self.passes.again(given)
        if past is None:
            total, tokens = sum_over_ranks([mean.detach() * count, count])
            of_all = total / tokens.clamp_min(1)
            self.passes.note(given, used=of_all)
        else:
            # The processes met in the first pass. In the backward pass they come to it in between their gradients' meetings.
            assert past.used is not None
            of_all = past.used
        return mean + (of_all - mean.detach())

    def infer(self, h: Tensor) -> tuple[Tensor, Tensor]:
        with float32(h):
            x, grid = to_tokens(h, self.dim)
            safe = torch.where(usable_only(x)[:, None], x, 0.0)
            codes = codes_from_tokens(self._code(safe).unsqueeze(0), grid)
            return codes, self.lookup(codes)

    def lookup(self, codes: Tensor) -> Tensor:
        with float32(self.place):
            return from_tokens(self._values(codes.flatten()), (codes.shape[0], *codes.shape[2:]))

    def _code(self, x: Tensor) -> Tensor:
        """(N, D) -> (N,) int64."""
        return ((x.detach() > 0) * self.place).sum(1)

    def _values(self, code: Tensor) -> Tensor:
        """(N,) int64 -> (N, D) float32, -1 or 1."""
        return ((code.unsqueeze(1) & self.place) > 0).float() * 2 - 1


def _patterns(ones: Tensor) -> Tensor:
    """Probabilities (N, b) that each bit is 1 -> (N, 2^b) of every pattern of the b bits, the first bit least significant."""
    found = ones.new_ones(len(ones), 1)
    for bit in range(ones.shape[1]):
        one = ones[:, bit : bit + 1]
        found = torch.cat([found * (1 - one), found * one], 1)
    return found


class Config(BottleneckConfig):
    """Lookup-free quantisation: one bit a channel."""

    kind: Literal["lfq"] = "lfq"
    dim: int = Field(default=10, ge=1, le=20, description="channels D, one bit each; codes K = 2^D")
    diversity: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="factor of the entropy of all tokens together, in the loss `entropy` (nats); 0 = none",
    )
    temperature: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="of the soft assignment in the loss `entropy`; smaller = nearer to signs",
    )

    def build(self) -> Bottleneck:
        return LFQ(self)

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(dim=5, temperature=0.5), cls(dim=1, temperature=1.0), cls(dim=4, diversity=0.0, temperature=1.0)]
