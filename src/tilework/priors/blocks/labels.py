"""The label of an item as a vector; the last row stands for none."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tilework.priors.contract import LabelMix


class LabelEmbedding(nn.Module):
    """Labels (B,), -1 = none -> (B, C). In training, labels are left out at random, so that guidance has a model without them."""

    def __init__(self, classes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.classes, self.dropout = classes, dropout
        self.table = nn.Embedding(classes + 1, width)

    def forward(self, labels: Tensor) -> Tensor:
        if not self.classes:
            labels = torch.zeros_like(labels)
        else:
            labels = torch.where(labels < 0, self.classes, labels)
            if self.training and self.dropout:
                left_out = torch.rand(labels.shape, device=labels.device) < self.dropout
                labels = labels.masked_fill(left_out, self.classes)
        vectors: Tensor = self.table(labels)
        return vectors

    def of_frames(self, labels: Tensor, mix: LabelMix | None, frames: Sequence[int], each: int = 1) -> Tensor:
        """(B, 1, C) of labels that are the same for all frames; mixed, (B, t x each, C) of the `frames` of `each` positions."""
        own: Tensor = self(labels)[:, None]
        if mix is None:
            return own
        weight = mix.weight[:, list(frames), None].to(own)
        mixed: Tensor = torch.lerp(own, self(mix.labels)[:, None], weight)  # which gives both ends exactly
        return mixed.repeat_interleave(each, 1)


def with_none(labels: Tensor, mix: LabelMix | None) -> tuple[Tensor, LabelMix | None]:
    """The same items, and once more without labels: what guidance compares them with."""
    if mix is not None:
        none = torch.full_like(mix.labels, -1)
        mix = LabelMix(torch.cat([mix.labels, none]), mix.weight.repeat(2, 1))
    return torch.cat([labels, torch.full_like(labels, -1)]), mix
