"""The label of an item as a vector; the last row stands for none."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
