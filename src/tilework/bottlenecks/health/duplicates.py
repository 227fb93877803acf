"""Codes that are exactly the same point: all but one of them can never be chosen."""

from __future__ import annotations

import torch
from torch import Tensor

from tilework.bottlenecks.codebook.counter import row_keys


def duplicate_codes(codes: Tensor) -> int:
    """How many of codes (K, D) repeat an earlier one exactly."""
    return len(codes) - len(torch.unique(row_keys(codes)))
