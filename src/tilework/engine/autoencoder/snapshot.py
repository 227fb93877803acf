"""What an autoencoder keeps for its report to show over time: reconstructions, code usage, the latent map."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tilework.bottlenecks import Bottleneck
from tilework.engine.autoencoder.validate import Measured


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """(B, C, H, W) in [0, 1] -> (B, H, W, C) uint8, rounded; values outside the range are cut off."""
    scaled = images.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.ascontiguousarray(scaled.permute(0, 2, 3, 1).cpu().numpy())


@torch.no_grad()
def reconstructions(model: nn.Module, images: Tensor) -> dict[str, NDArray[Any]]:
    """Originals and reconstructions (n, H, W, C) uint8, in evaluation mode."""
    was_training = model.training
    model.eval()
    recon, _ = model(images)
    model.train(was_training)
    return {"originals": to_uint8(images), "reconstructions": to_uint8(recon)}


def usage(validation: Measured) -> dict[str, NDArray[Any]] | None:
    """Counts (Q, K) of the held-out pass and its number of tokens; None where nothing is discrete."""
    if validation.counts is None:
        return None
    return {"counts": validation.counts, "tokens": validation.counts[0].sum(keepdims=True)}


def latent_map(validation: Measured, bottleneck: Bottleneck) -> dict[str, NDArray[Any]] | None:
    """Points (n, 2), their labels, codes (Q, K, 2) and counts; None where the latent is not one 2-D vector."""
    if validation.points is None or validation.labels is None:
        return None
    books = [c.detach().float().cpu().numpy() for c in bottleneck.codebooks()]
    found: dict[str, NDArray[Any]] = {"points": validation.points, "labels": validation.labels}
    if books and validation.counts is not None:
        found |= {"codes": np.stack(books), "counts": validation.counts}
    return found
