"""Codes in and out: one table of vectors for all levels, and one layer of logits for each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_APART = 0.1
"""What each code has of its own at the beginning: codes in one place would stay one."""


class CodeEmbedding(nn.Module):
    """Codes (..., Q) -> vectors (..., Q, C): one look-up, level q from its own rows. `extra`: further codes of each level."""

    first: Tensor

    def __init__(self, levels: int, codes: int, width: int, extra: int = 0) -> None:
        super().__init__()
        self.table = nn.Embedding(levels * (codes + extra), width)
        self.register_buffer("first", torch.arange(levels) * (codes + extra), persistent=False)

    @torch.no_grad()
    def begin_at(self, vectors: Sequence[Tensor], generator: torch.Generator) -> None:
        """Rows as large as they are (N(0, 1)), as far apart as the vectors (K, D) of each level: these, turned at random."""
        width = self.table.weight.shape[1]
        for level, given in enumerate(vectors):
            centred = (given - given.mean(0)).float().cpu()
            wide, narrow = max(width, given.shape[1]), min(width, given.shape[1])
            turn = torch.linalg.qr(torch.randn(wide, narrow, generator=generator, device="cpu"))[0]
            turned = centred @ (turn if narrow == width else turn.T)
            turned = turned / turned.std().clamp(min=1e-12)
            turned += _APART * torch.randn(turned.shape, generator=generator, device="cpu")
            self.vectors(level, len(given)).copy_(turned)

    def forward(self, codes: Tensor) -> Tensor:
        vectors: Tensor = self.table(codes + self.first)
        return vectors

    def of_level(self, codes: Tensor, level: int) -> Tensor:
        """Codes (...) of one level -> (..., C)."""
        vectors: Tensor = self.table(codes + self.first[level])
        return vectors

    def vectors(self, level: int, codes: int) -> Tensor:
        """(K, C): those of a level, without the extra ones."""
        begin = int(self.first[level])
        return self.table.weight[begin : begin + codes]

    def summed(self, codes: Tensor) -> Tensor:
        """Codes (..., Q) -> the sum over the levels (..., C), as residual quantisation means it."""
        vectors: Tensor = self(codes)
        return vectors.squeeze(-2) if vectors.shape[-2] == 1 else vectors.sum(-2)


class Logits(nn.Linear):
    """A linear layer whose outputs are logits: Muon leaves it to AdamW."""


class CodeHead(nn.Module):
    """Norm and logits: hidden vectors (..., C) of level q -> (..., K) float32.

    `tied`: logits are products with the vectors by which codes come in, divided by sqrt(C), so that to repeat a code
    need not be learnt for each.
    """

    def __init__(self, levels: int, codes: int, width: int, tied: CodeEmbedding | None = None) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.levels = nn.ModuleList(Logits(width, codes) for _ in range(levels))
        self.codes, self.tied = codes, () if tied is None else (tied,)  # a tuple: its weights are not this module's
        if tied is not None:
            self.out = nn.Linear(width, width)
            for layer in self.levels:
                layer.register_parameter("weight", None)

    def forward(self, hidden: Tensor, level: int) -> Tensor:
        layer, x = self.levels[level], self.norm(hidden)
        if not self.tied:
            untied: Tensor = layer(x)
            return untied.float()
        vectors = self.tied[0].vectors(level, self.codes)
        logits: Tensor = (self.out(x) * vectors.shape[1] ** -0.5) @ vectors.T
        return logits.float() + layer.get_parameter("bias")
