"""The label of an item as a vector; the last row stands for none."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tilework.priors.blocks.heads import Evidence
from tilework.priors.contract import LabelMix


class LabelEmbedding(nn.Module):
    """Labels (B,), -1 = none -> (B, C)."""

    def __init__(self, classes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.classes, self.dropout = classes, dropout
        self.table = nn.Embedding(classes + 1, width)

    def forward(self, labels: Tensor) -> Tensor:
        vectors: Tensor = self.table(self.rows(labels))
        return vectors

    def rows(self, labels: Tensor) -> Tensor:
        """Labels (...) -> rows of a table of labels (...): the last one stands for none."""
        return torch.where(labels < 0, self.classes, labels) if self.classes else torch.zeros_like(labels)

    def left_out(self, labels: Tensor) -> Tensor:
        """In training some labels are left out at random, so that guidance has a model without them."""
        if not (self.classes and self.training and self.dropout):
            return labels
        return labels.masked_fill(torch.rand(labels.shape, device=labels.device) < self.dropout, -1)

    def of_frames(self, labels: Tensor, mix: LabelMix | None, frames: Sequence[int], each: int = 1) -> Tensor:
        """(B, 1, C) of labels that are the same for all frames; mixed, (B, t x each, C) of the `frames` of `each` positions."""
        own: Tensor = self(labels)[:, None]
        if mix is None:
            return own
        weight = mix.weight[:, list(frames), None].to(own)
        mixed: Tensor = torch.lerp(own, self(mix.labels)[:, None], weight)  # which gives both ends exactly
        return mixed.repeat_interleave(each, 1)

    def evidence(
        self, vectors: Tensor, labels: Tensor, mix: LabelMix | None, frames: Sequence[int], nearby: Tensor | None
    ) -> Evidence:
        """Vectors (B, P, C) of positions of these `frames`, with the labels of their items."""
        every = vectors.shape[:2]
        own = self.rows(labels)[:, None].expand(every)
        if mix is None:
            return Evidence(vectors, own, nearby=nearby)
        weight = mix.weight[:, list(frames)].to(vectors).repeat_interleave(every[1] // len(frames), 1)
        return Evidence(vectors, own, self.rows(mix.labels)[:, None].expand(every), weight, nearby)


def with_none(labels: Tensor, mix: LabelMix | None) -> tuple[Tensor, LabelMix | None]:
    """The same items, and once more without labels: what guidance compares them with."""
    if mix is not None:
        none = torch.full_like(mix.labels, -1)
        mix = LabelMix(torch.cat([mix.labels, none]), mix.weight.repeat(2, 1))
    return torch.cat([labels, torch.full_like(labels, -1)]), mix
