"""NaN and infinity: refused in evaluation, kept out of codebooks and counted in training."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tilework.errors import UserError


def refuse_nonfinite(h: Tensor) -> None:
    """Raise a UserError if any value of `h` is NaN or infinite. Waits for the device: for evaluation only."""
    finite = torch.isfinite(h)
    if not bool(finite.all()):
        bad = int(finite.numel() - finite.sum())
        raise UserError(
            f"the bottleneck was given {bad} of {h.numel()} values that are NaN or infinite",
            why="the encoder's weights or its input are not finite; codes of such values would mean nothing",
            fix="load an earlier checkpoint, and train on with gradient clipping or a lower learning rate",
        )


def count_nonfinite(h: Tensor) -> Tensor:
    """How many values of `h` are NaN or infinite: a scalar on its device."""
    return h.numel() - torch.isfinite(h.detach()).sum()


def finite_tokens(x: Tensor) -> tuple[Tensor, Tensor | None]:
    """The mean norm of tokens (N, D), and which tokens (N,) are usable, or None where the host knows that all are.

    A token whose square overflows float32 is as useless as an infinite one and counts as such. On a GPU the host never
    knows (asking would wait for the device), so the mask is always given there.
    """
    norms = x.norm(dim=1)
    mean = norms.mean()
    if x.device.type == "cpu" and math.isfinite(mean.item()):
        return mean, None
    return mean, torch.isfinite(norms)


def usable_only(x: Tensor) -> Tensor:
    """Which tokens (N, D) are usable, (N,) bool, as `finite_tokens` has it, without asking whether all are."""
    return torch.isfinite(x.norm(dim=1))


def mean_over(each: Tensor, chosen: Tensor | None) -> Tensor:
    """The mean of `each` (N,) over the chosen tokens (N,), None = all; 0 where there is none."""
    if chosen is None:
        return each.sum() / max(len(each), 1)
    return torch.where(chosen, each, 0.0).sum() / chosen.sum().clamp_min(1)
