"""Priors of every kind, in all their forms, on small shapes: what the conformance suite runs over."""

from __future__ import annotations

import torch

from tilework.priors.contract import Prior, TokenShape
from tilework.spec import PRIORS

SMALL = {"width": 16, "depth": 2, "heads": 2, "dropout": 0.0}
FORMS = {
    "causal": [
        {},
        {"mlp": "swiglu", "positions": "grid", "level_depth": 1, "attention": "window", "window": 1},
        {"positions": "sinusoidal", "labels": False},
        {"pointer": True, "attention": "window", "window": 2},
    ],
    "masked": [
        {},
        {"attention": "factorised", "mlp": "swiglu", "positions": "grid"},
        {"attention": "full", "positions": "sinusoidal", "labels": False},
        {"patch": 2, "window": 2, "whole_frames": 0.5, "tied": True},
        {
            "attention": "factorised",
            "patch": 2,
            "token_width": 6,
            "convolutions": 2,
            "pointer": True,
            "frames_seen": [1, 3],
            "tied": True,
        },
    ],
}
"""Settings of each kind, beside SMALL."""
SHAPES = {
    "image": TokenShape(1, 1, 3, 4, 7, classes=3),
    "levels": TokenShape(1, 3, 2, 3, 5, classes=3),
    "clip": TokenShape(4, 1, 2, 3, 6, classes=2),
    "loop": TokenShape(5, 2, 2, 2, 6, classes=2, loop=True),
}


def built(kind: str, shape: TokenShape, **settings: object) -> Prior:
    """A prior whose weights are so large that everything matters to everything, ready to be asked."""
    module = PRIORS.module(kind)
    torch.manual_seed(0)
    prior: Prior = module.Prior(module.Config(**{**SMALL, **settings}), shape)
    with torch.no_grad():
        for name, weight in prior.named_parameters():
            # Shares count sixteen times: as large as the rest they would leave one code possible.
            weight += (0.02 if name.endswith("shares.weight") else 0.3) * torch.randn_like(weight)
    return prior.eval()


def some(
    shape: TokenShape, count: int = 3, seed: int = 1, frames: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Items and their labels; the last has none."""
    generator = torch.Generator().manual_seed(seed)
    size = (frames or shape.frames, *shape.item[1:])
    tokens = torch.randint(shape.codes, (count, *size), generator=generator)
    labels = (
        torch.randint(max(1, shape.classes), (count,), generator=generator) if shape.classes else torch.zeros(count)
    )
    labels = labels.long()
    labels[-1] = -1
    return tokens, labels


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
