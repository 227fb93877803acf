"""Codes as numbers: how often each occurs, and the refusal of those that a model does not have."""

from __future__ import annotations

import torch
from torch import Tensor

from tilework.errors import UserError


def occurrences(flat: Tensor, size: int) -> Tensor:
    """How often each of 0..size-1 occurs in flat (N,) int64 (`size` itself is left out): (size,) float32."""
    if flat.device.type == "cpu":
        return torch.bincount(flat, minlength=size)[:size].float()
    # bincount waits for a GPU to learn the size of its answer.
    ones = torch.ones_like(flat, dtype=torch.float32)
    return ones.new_zeros(size + 1).index_add_(0, flat, ones)[:size]


def check_codes(codes: Tensor, levels: int, size: int, kind: str, *, fewer: bool = False) -> Tensor:
    """Codes as int64; refuses all but whole numbers in 0..size-1, (B, Q, H, W) or (B, Q, N), Q = `levels` or less (`fewer`)."""
    if codes.is_floating_point() or codes.is_complex() or codes.dtype == torch.bool:
        raise UserError(
            f"codes are of type {str(codes.dtype).removeprefix('torch.')}",
            why="a code is the number of a vector, so it is a whole number",
            fix="give integers, as the bottleneck's `codes` are",
        )
    codes = codes.long()
    fits = codes.ndim in (3, 4) and (codes.shape[1] == levels or (fewer and 1 <= codes.shape[1] < levels))
    if not fits:
        raise UserError(
            f"codes of shape {tuple(codes.shape)} do not fit {kind} with {levels} level{'s' * (levels > 1)}",
            why="codes are (B, Q, H, W) or (B, Q, N), one layer for each level",
            fix=f"give {levels} layer{'s' * (levels > 1)} on the second axis",
        )
    if codes.numel() == 0:
        return codes
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= size:
        raise UserError(
            f"codes run from {low} to {high}, but there are 0 to {size - 1}",
            why="they come from another model, or were changed",
            fix="use codes of the model that decodes them",
        )
    return codes
