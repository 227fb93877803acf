"""The exponential moving average codebook: each code is the mean of the tokens it won, recent ones weighing more.

arXiv 1711.00937 appendix A.1, arXiv 1906.00446. With counts c and sums s of one step's tokens, per code,

    n <- g n + (1 - g) c        m <- g m + (1 - g) s
    n' = (n + e) / (sum n + K e) * sum n        code = m / n'

n starts at 1 with m at the code (or, from k-means, m = mean x n): a count that starts at 0 makes unused codes explode.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tilework.bottlenecks.codebook import revival
from tilework.bottlenecks.codebook.book import Codebook, decay_towards
from tilework.bottlenecks.codebook.collected import Collected
from tilework.spec import Setting


class Rule(Codebook):
    """Codes follow the moving averages of their tokens; no gradient reaches them. `total` (S, K, D) holds the sums m."""

    keeps_counts = True
    total: Tensor

    def _hold(self, codes: Tensor) -> None:
        self.register_buffer("codes", codes)
        self.register_buffer("total", torch.empty_like(codes))

    def _reset(self) -> None:
        self.total.copy_(self.codes)

    def vectors(self, earlier: Tensor | None = None) -> Tensor:
        return self.codes if earlier is None else earlier

    def _sums(self, indices: Tensor, inputs: Sequence[Tensor], counted: Tensor | None) -> Tensor:
        room = self.codes.new_zeros(self.sets, self.k + 1, self.dim)
        index = indices if counted is None else torch.where(counted, indices, self.k)
        for level, x in enumerate(inputs):
            room[self.set_of(level)].index_add_(0, index[level], x.detach())
        return room[:, :-1]

    def _learn(self, seen: Collected) -> None:
        assert seen.sums is not None
        decay_towards(self.total, seen.sums, self.decay)
        means = self._brought_to_norm(codes_of(self.count, self.total, self.epsilon))
        moving = known(self.count, self.epsilon).unsqueeze(-1)
        self.codes.copy_(torch.where(moving, means, self.codes))

    def _moved(self, who: Tensor, points: Tensor, counts: Tensor, real: Tensor) -> None:
        revival.put(self.total, who, points * counts.unsqueeze(-1), real)

    def _begun(self, level: int, codes: Tensor, counts: Tensor) -> None:
        self.total[level] = codes * counts[:, None]

    def settings(self) -> list[Setting]:
        decay = Setting(
            name="decay",
            label="code decay",
            value=self.decay,
            low=0.5,
            high=0.9999,
            scale="linear",
            help="share of the old moving average kept at each step",
        )
        return [decay, *super().settings()]

    def set(self, name: str, value: float) -> None:
        if name == "decay":
            self.decay = value
        else:
            super().set(name, value)


def known(counts: Tensor, epsilon: float) -> Tensor:
    """Which codes have won enough of late to have a mean: counts n (S, K) -> (S, K) bool.

    The others stay where they are: with n near e the smoothing pulls a code to 0, which under cosine is no code at all and
    would be nearest to every token in no code's direction.
    """
    return counts > 100 * epsilon


@torch.no_grad()
def codes_of(counts: Tensor, sums: Tensor, epsilon: float) -> Tensor:
    """Counts n (S, K) and sums m (S, K, D) -> codes (S, K, D), with the smoothing of the counts above."""
    total = counts.sum(-1, keepdim=True)
    smoothed = (counts + epsilon) * (total / (total + counts.shape[-1] * epsilon))
    return sums / smoothed.unsqueeze(-1)
