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


def training_masks(
    shape: torch.Size, device: torch.device, *, frames: int = 1, before: tuple[int, ...] = (), whole_frames: float = 0.0
) -> Masks:
    """For codes of this shape, (B, P, Q), of so many frames. Random numbers are torch's global ones.

    In half of the items the frames `before` are seen whole, as they are where the frames between them are drawn. In the share
    `whole_frames` of the items frames are hidden as a whole (and one of them in part).

    Levels are drawn one after another, as they were quantised (SoundStorm, arXiv 2305.09636, section 3.1). An item is at a random
    level: lower levels are seen everywhere, this level where it is not hidden, and higher ones not at all, as in a new image; or,
    in half of the items, at a random share of the positions whose level is seen, as in one that is repainted.
    """
    batch, places, levels = shape
    shown = torch.zeros(batch, places, dtype=torch.bool, device=device)
    if before:
        given = torch.zeros(frames, dtype=torch.bool, device=device)
        given[list(before)] = True
        # At least one frame is to be predicted.
        if not bool(given.all()):
            half = torch.rand(batch, device=device) < 0.5
            shown = half[:, None] & given.repeat_interleave(places // frames)
    free = (~shown).sum(1)
    counts = torch.minimum(training_counts(batch, places, device) * free // places, free).clamp(min=1)
    asked = _order(batch, places, frames, whole_frames, device).masked_fill(shown, 2).argsort(1).argsort(1)
    asked = asked < counts[:, None]
    if levels == 1:
        return Masks(asked.unsqueeze(2), asked, torch.zeros(batch, dtype=torch.long, device=device))
    level = torch.randint(levels, (batch,), device=device)
    share = torch.rand(batch, device=device) * torch.randint(2, (batch,), device=device)
    deep = shown | (~asked & (torch.rand(batch, places, device=device) < share[:, None]))
    number = torch.arange(levels, device=device)
    at, above = number == level[:, None], number > level[:, None]
    hidden = (at[:, None] & asked[..., None]) | (above[:, None] & ~deep[..., None])
    return Masks(hidden, asked, level)


def _order(batch: int, places: int, frames: int, whole_frames: float, device: torch.device) -> Tensor:
    """(B, P) on [0, 1]: the lowest are hidden first; of some items all of a frame before the next frame."""
    each = torch.rand(batch, places, device=device)
    if frames == 1 or not whole_frames:
        return each
    together = torch.rand(batch, frames, device=device).argsort(1).repeat_interleave(places // frames, 1)
    chosen = torch.rand(batch, device=device) < whole_frames
    return torch.where(chosen[:, None], (together + each) / frames, each)
