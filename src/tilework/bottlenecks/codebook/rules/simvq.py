"""SimVQ (arXiv 2411.02038, eq. 5): fixed vectors times one learnt matrix, so that every step moves every code.

Differs: the matrix starts as the identity and the vectors where the tokens are, and dead codes come back as elsewhere.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tilework.bottlenecks.codebook.book import Codebook


class Rule(Codebook):
    """Codes are `codes` (S, K, D), a buffer, times `mix` (S, D, D), a parameter."""

    learns_by_gradient = True
    mix: nn.Parameter

    def _hold(self, codes: Tensor) -> None:
        self.register_buffer("codes", codes)
        self.mix = nn.Parameter(codes.new_empty(self.sets, self.dim, self.dim))

    def _reset(self) -> None:
        self.mix.data.copy_(torch.eye(self.dim, dtype=torch.float32, device=self.mix.device))

    def vectors(self, earlier: Tensor | None = None) -> Tensor:
        # Of a copy: `update` may write to the codes before this graph's backward pass.
        codes = self.codes if earlier is None else earlier
        return self._brought_to_norm(codes.clone() @ self.mix)

    def _kept(self, points: Tensor) -> Tensor:
        # Damped least squares: a matrix that has almost lost its rank would ask for huge vectors, which the next step of the
        # optimiser throws far away. inv_ex, because anything that checks for errors waits for a GPU.
        mix = self.mix.detach()
        square = mix @ mix.mT
        small = 1e-6 * square.diagonal(dim1=-2, dim2=-1).mean(-1)
        damping = small[:, None, None] * torch.eye(self.dim, dtype=mix.dtype, device=mix.device)
        inverse: Tensor = torch.linalg.inv_ex(square + damping).inverse
        return points @ mix.mT @ inverse

    def _begun(self, level: int, codes: Tensor, counts: Tensor) -> None:
        self.mix.data[level] = torch.eye(self.dim, device=codes.device)
