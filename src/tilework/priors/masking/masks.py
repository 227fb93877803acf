"""Which tokens of an item are hidden in training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tilework.priors.masking.schedule import training_counts


@dataclass(frozen=True)
class Masks:
    """`hidden` (B, P, Q): what the network does not see. `asked` (B, P): positions whose code of `level` (B,) it is asked for."""

    hidden: Tensor
    asked: Tensor
    level: Tensor


def training_masks(shape: torch.Size, device: torch.device) -> Masks:
    """For codes of this shape, (B, P, Q). Random numbers are torch's global ones.

    Levels are drawn one after another, as they were quantised (SoundStorm, arXiv 2305.09636, section 3.1). An item is at a random
    level: lower levels are seen everywhere, this level where it is not hidden, and higher ones not at all, as in a new image; or,
    in half of the items, at a random share of the positions whose level is seen, as in one that is repainted.
    """
    batch, places, levels = shape
    counts = training_counts(batch, places, device)
    order = torch.rand(batch, places, device=device).argsort(1).argsort(1)
    asked = order < counts[:, None]
    if levels == 1:
        return Masks(asked.unsqueeze(2), asked, torch.zeros(batch, dtype=torch.long, device=device))
    level = torch.randint(levels, (batch,), device=device)
    share = torch.rand(batch, device=device) * torch.randint(2, (batch,), device=device)
    deep = ~asked & (torch.rand(batch, places, device=device) < share[:, None])
    number = torch.arange(levels, device=device)
    at, above = number == level[:, None], number > level[:, None]
    hidden = (at[:, None] & asked[..., None]) | (above[:, None] & ~deep[..., None])
    return Masks(hidden, asked, level)
