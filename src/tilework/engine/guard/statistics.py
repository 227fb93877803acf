"""Batch statistics that a refused step has touched are put back."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BatchStatistics:
    """The running means and variances of a model's batch norms.

    The stepper refuses a step after its forward pass, when one infinite activation has already made the running statistics
    infinite, for ever: training would go on and every validation image would be NaN.
    """

    def __init__(self, model: nn.Module) -> None:
        self.live = [b for name, b in model.named_buffers() if name.endswith(("running_mean", "running_var"))]
        self.kept = [b.detach().clone() for b in self.live]

    @torch.no_grad()
    def keep(self) -> None:
        """Remember them; call it before a step."""
        if self.live:
            torch._foreach_copy_(self.kept, self.live)

    @torch.no_grad()
    def put_back(self, refused: Tensor) -> None:
        """Put them back where the step was `refused` (a scalar, not 0). Does not wait for the device."""
        bad = refused != 0
        for live, kept in zip(self.live, self.kept, strict=True):
            live.copy_(torch.where(bad, kept, live))
