"""Positions in a random order, another for each item and level."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from tilework.priors.orders import contract


class Order(contract.Order):
    """Uniform over all orders."""

    def __init__(self, batch: int, frames: int, height: int, width: int, generator: torch.Generator) -> None:
        super().__init__(batch, frames, height, width, generator)
        self.new_level()

    def scores(self, log_probability: Tensor | None, left: float) -> Tensor:
        return self._scores

    def new_level(self) -> None:
        frames, height, width = self.grid
        self._scores = torch.rand(self.batch, frames * height * width, generator=self.generator, device="cpu")


class Config(contract.OrderConfig):
    """No order at all."""

    kind: Literal["random"] = "random"
