"""Muon: the weights of layers are moved by orthogonal steps, everything else by AdamW."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from tilework.engine.device import choose_precision
from tilework.priors.blocks.codes import Logits

QUICKER = 10.0
"""The learning rate of matrices over that of the other weights: 0.02 beside 2e-3."""
_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_MOMENTUM = 0.95
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.AdamW):
    """For each weight W of the first group, as a matrix (m, n), with its gradient G: B <- 0.95 B + G, then
    W <- W - 10 lr sqrt(max(1, m / n)) orthogonal(G + 0.95 B), after W <- (1 - 10 lr weight_decay) W.

    `orthogonal` makes all singular values about 1: a step moves every direction of a layer alike, also those that the gradient
    hardly shows. Other groups move as in AdamW. Source: arXiv 2502.16982, equation 1; the scale of a step is not that of
    equation 4, 0.2 sqrt(max(m, n)). The kernel of a convolution is the matrix of its first dimension by all others.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        every = self.param_groups
        self._move(every[0])
        self.param_groups = every[1:]  # what AdamW moves
        try:
            return super().step(closure)
        finally:
            self.param_groups = every

    def _move(self, group: dict[str, Any]) -> None:
        lr = QUICKER * group["lr"]
        for matrix in group["params"]:
            if matrix.grad is None:
                continue
            state = self.state[matrix]
            if not state:
                state["step"] = torch.zeros(())  # AdamW looks for it wherever there is a state
                state["momentum"] = torch.zeros_like(matrix)
            momentum = state["momentum"].mul_(_MOMENTUM).add_(matrix.grad)
            step = orthogonal((matrix.grad + _MOMENTUM * momentum).flatten(1))
            matrix.mul_(1 - lr * group["weight_decay"])
            scale = math.sqrt(max(1.0, step.shape[0] / step.shape[1]))
            matrix.add_(step.view(matrix.shape).to(matrix), alpha=-lr * scale)


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """(m, n) -> U S V^T of its singular value decomposition U D V^T, S between about 0.7 and 1.2 where D is not far below its
    largest value.

    Newton-Schulz: X <- a X + (b A + c A^2) X with A = X X^T, five times, from X of norm 1; in bf16 where the hardware multiplies
    in it, elsewhere in float32: a CPU without it takes up to forty times as long to emulate it.
    """
    a, b, c = _NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).contiguous().to(_arithmetic(matrix.device.type))
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T.contiguous() if tall else x


@cache
def _arithmetic(device_type: str) -> torch.dtype:
    return torch.bfloat16 if choose_precision("auto", device_type) == "bf16" else torch.float32


def grouped(model: nn.Module, parameters: Sequence[nn.Parameter]) -> list[dict[str, list[nn.Parameter]]]:
    """The two groups: weights of linear layers and convolutions but for those that give logits, and the rest."""
    inner = {
        id(layer.weight)
        for layer in model.modules()
        if isinstance(layer, _LAYERS) and not isinstance(layer, Logits) and layer.weight is not None
    }
    return [{"params": [p for p in parameters if (id(p) in inner) == matrix]} for matrix in (True, False)]
