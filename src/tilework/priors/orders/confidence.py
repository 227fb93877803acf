"""The surest tokens first (MaskGIT, arXiv 2202.04200, section 3.2)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from tilework.priors.orders import contract

_NOISE = 4.5
"""Scale of the Gumbel noise in the first pass, falling to 0 in the last: without it only the commonest token is ever sure."""


class Order(contract.Order):
    """By the log-probability of what was drawn, with Gumbel noise that fades."""

    needs_drawn: ClassVar[bool] = True

    def scores(self, log_probability: Tensor | None, left: float) -> Tensor:
        if log_probability is None:
            raise ValueError("the order by confidence looks at what was drawn")
        even = torch.rand(log_probability.shape, generator=self.generator, device="cpu").clamp(1e-9, 1 - 1e-7)
        return log_probability.cpu() - (-even.log()).log() * _NOISE * left

    def new_level(self) -> None:
        """Nothing to forget."""


class Config(contract.OrderConfig):
    """The surest first."""

    kind: Literal["confidence"] = "confidence"
