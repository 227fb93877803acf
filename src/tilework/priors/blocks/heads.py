"""What a hidden token may be: what the network makes of it, how frequent codes are under its label, and the codes around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tilework.priors.blocks.codes import CodeEmbedding, CodeHead, Logits
from tilework.priors.blocks.nearby import UNKNOWN

_QUICK = 16.0
"""Shares of codes are learnt so many times faster than other weights: a code that its label never has is to be ruled out within a
hundred steps of an optimiser that moves every weight by the same small amount."""
_NEVER = -1e4


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of tokens (...): from it their codes are predicted."""

    vectors: Tensor
    """(..., C)."""
    label: Tensor
    """(...) int64: rows of a table of labels."""
    other: Tensor | None = None
    weight: Tensor | None = None
    """(...): the share of the `other` label in it, for items between two labels."""
    nearby: Tensor | None = None
    """(..., Q, J) int64: known codes around it."""

    def at(self, index: Any) -> Evidence:
        """Of some of the tokens: a mask over the first dimensions, or a tuple of indices."""

        def cut(x: Tensor | None) -> Tensor | None:
            return None if x is None else x[index]

        return Evidence(self.vectors[index], self.label[index], cut(self.other), cut(self.weight), cut(self.nearby))


class Judged(nn.Module):
    """What every head can be asked."""

    @torch.no_grad()
    def right(self, seen: Evidence, codes: Tensor, level: int) -> Tensor:
        """Whether the likeliest code is the one that is there: (N,) float32, 0 or 1."""
        likeliest: Tensor = self(seen, level).argmax(-1)
        return (likeliest == codes).float()


class PlainHead(Judged, CodeHead):
    """`Evidence` of tokens (...) of level q -> logits (..., K) float32, from its vectors alone."""

    def forward(self, seen: Evidence, level: int) -> Tensor:  # type: ignore[override]
        return super().forward(seen.vectors, level)

    def loss(self, seen: Evidence, codes: Tensor, level: int) -> Tensor:
        """-ln of the probability of each code (N,), from the evidence of N tokens: (N,) float32."""
        return F.cross_entropy(self(seen, level), codes, reduction="none")


class MixtureHead(Judged):
    """`Evidence` of tokens (...) of level q -> logits (..., K) float32.

    With `around` = J > 0 a pointer mixture (arXiv 1609.07843, equations 5 to 7; there the pointer attends to words, here each
    place around the token has a weight of its own): P(k) = g_0 softmax(logits)_k + sum over the known places j that hold k of
    g_j, where g = softmax of J + 1 products with the vector. Tokens of images repeat those beside them, of clips those before
    them: so a copy need not be learnt for each code.
    """

    def __init__(
        self, levels: int, codes: int, width: int, labels: int, around: int, tied: CodeEmbedding | None = None
    ) -> None:
        super().__init__()
        self.head = CodeHead(levels, codes, width, tied)
        self.codes, self.levels = codes, levels
        self.shares = nn.Embedding(labels * levels, codes)
        self.gates = nn.ModuleList(Logits(width, around + 1) for _ in range(levels if around else 0))

    def start(self) -> None:
        """First weights: every code as likely as any other, no place more than another."""
        for weight in (self.shares.weight, *self.gates.parameters()):
            nn.init.zeros_(weight)

    def forward(self, seen: Evidence, level: int) -> Tensor:
        logits = self._own(seen, level)
        if seen.nearby is None:
            return logits
        codes = seen.nearby[..., level, :]
        gate = self._gate(seen.vectors, codes, level)
        chance = (logits.log_softmax(-1) + gate[..., :1]).exp()
        chance = chance.scatter_add(-1, codes.clamp(min=0), gate[..., 1:].exp())  # e^_NEVER = 0 where there is none
        return chance.clamp(min=torch.finfo(chance.dtype).tiny).log()

    def loss(self, seen: Evidence, codes: Tensor, level: int) -> Tensor:
        """-ln of the probability of each code (N,), from the evidence of N tokens: (N,) float32."""
        logits = self._own(seen, level)
        own = logits.log_softmax(-1).gather(-1, codes[:, None])
        if seen.nearby is None:
            return -own[:, 0]
        around = seen.nearby[:, level]
        gate = self._gate(seen.vectors, around, level)
        copied = gate[:, 1:].masked_fill(around != codes[:, None], _NEVER)
        # Rounded, a sum of probabilities may be a little over 1.
        return -torch.cat([own + gate[:, :1], copied], 1).logsumexp(1).clamp(max=0)

    def _own(self, seen: Evidence, level: int) -> Tensor:
        logits: Tensor = self.head(seen.vectors, level)
        shares = self.shares(seen.label * self.levels + level)
        if seen.other is not None and seen.weight is not None:
            other = self.shares(seen.other * self.levels + level)
            shares = torch.lerp(shares, other, seen.weight[..., None].to(shares))
        found: Tensor = logits + _QUICK * shares
        return found

    def _gate(self, vectors: Tensor, around: Tensor, level: int) -> Tensor:
        """ln g, (..., J + 1) float32: nothing for a place whose code is not known."""
        raw = self.gates[level](vectors).float()
        places = raw[..., 1:].masked_fill(around == UNKNOWN, _NEVER)
        return torch.cat([raw[..., :1], places], -1).log_softmax(-1)
