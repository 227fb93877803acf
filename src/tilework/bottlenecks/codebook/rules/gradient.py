"""Codes that are weights: the optimiser moves them by the gradient of the codebook loss (arXiv 1711.00937, eq. 3)."""

from __future__ import annotations

from torch import Tensor, nn

from tilework.bottlenecks.codebook.book import Codebook
from tilework.bottlenecks.codebook.collected import Collected
from tilework.bottlenecks.codebook.gradients import straight_through


class Rule(Codebook):
    """Codes are parameters; for cosine they are compared at norm 1 and brought back to it after every step."""

    learns_by_gradient = True

    def _hold(self, codes: Tensor) -> None:
        self.codes = nn.Parameter(codes)

    def vectors(self, earlier: Tensor | None = None) -> Tensor:
        codes = self.codes if earlier is None else straight_through(self.codes, earlier)
        # Of a copy: `update` may write to the codes before this graph's backward pass.
        return self._brought_to_norm(codes.clone()) if self.unit else codes

    def code_gradient(self) -> Tensor | None:
        return None if self.codes.grad is None else self.codes.grad.detach().norm(dim=-1)

    def _learn(self, seen: Collected) -> None:
        if self.unit:
            self.codes.copy_(self._brought_to_norm(self.codes))
