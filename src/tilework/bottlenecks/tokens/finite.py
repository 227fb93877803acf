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
    """The mean norm of usable tokens (N, D), 0 where there is none, and which (N,) these are; None where the host knows that
    there are tokens and that all are usable.

    A token whose square overflows float32 is as useless as an infinite one and counts as such. On a GPU the host never
    knows (asking would wait for the device), so the mask is always given there.
    """
    norms = x.norm(dim=1)
    if x.device.type == "cpu":
        mean = norms.mean()
        if math.isfinite(mean.item()):
            return mean, None
    usable = torch.isfinite(norms)
    return mean_over(norms, usable), usable


def any_usable(usable: Tensor | None) -> bool:
    """Whether any token is usable, given the result of `finite_tokens`; on a GPU, where asking would wait, whether
    there is any."""
    return usable is None or (bool(usable.any()) if usable.device.type == "cpu" else len(usable) > 0)


def finite_rows(x: Tensor) -> Tensor | None:
    """Which tokens (N, D) are finite, (N,), however large; None where the host knows that there are tokens and that all are."""
    if x.device.type == "cpu" and len(x) and math.isfinite(x.sum().item()):
        return None
    return torch.isfinite(x).all(1)


def usable_only(x: Tensor) -> Tensor:
    """Which tokens (N, D) are usable, (N,) bool, as `finite_tokens` has it, without asking whether all are."""
    return torch.isfinite(x.norm(dim=1))


def mean_over(each: Tensor, chosen: Tensor | None) -> Tensor:
    """The mean of `each` (N,) over the chosen tokens (N,), None = all; 0 where there is none."""
    if chosen is None:
        return each.sum() / max(len(each), 1)
    return torch.where(chosen, each, 0.0).sum() / chosen.sum().clamp_min(1)


def mean_row(rows: Tensor, chosen: Tensor | None) -> Tensor:
    """The mean of (N, ...) over the chosen tokens (N,), (...); None = all, of which there are some; 0 where none is chosen."""
    if chosen is None:
        return rows.mean(0)
    mask = chosen.view(-1, *[1] * (rows.ndim - 1))
    return torch.where(mask, rows, 0.0).sum(0) / chosen.sum().clamp_min(1)
