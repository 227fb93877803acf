"""In which order a masked prior draws positions: a plug-in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from tilework.spec import Plugin


class Order(ABC):
    """The order for a batch of items of T frames of h x w positions; P = T x h x w, in raster order."""

    needs_drawn: ClassVar[bool] = False
    """Whether it looks at what would be drawn: every missing token is then drawn in each pass, and most are thrown away."""

    def __init__(self, batch: int, frames: int, height: int, width: int, generator: torch.Generator) -> None:
        self.batch, self.grid, self.generator = batch, (frames, height, width), generator

    @abstractmethod
    def scores(self, log_probability: Tensor | None, left: float) -> Tensor:
        """(B, P) float32, on the CPU: the highest of those that are missing are drawn now.

        `log_probability` (B, P) of the tokens that would be drawn, where `needs_drawn`; `left`: the share of passes to come.
        """

    @abstractmethod
    def new_level(self) -> None:
        """Another level of codes begins, with all positions missing again."""


class OrderConfig(Plugin):
    """An order has no settings. Every file has one subclass of this, named `Config`, and one of `Order`, named `Order`."""
