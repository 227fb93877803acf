"""How far what was decoded is from the image: MSE and PSNR, for training, validation and every single image."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def error_of(made: Tensor, image: NDArray[np.uint8]) -> float:
    """Mean squared error on [0, 1] of what the decoder gave (C, H, W) against (H, W, C) uint8: as validation measures it."""
    wanted = torch.from_numpy(np.divide(image, 255, dtype=np.float32)).permute(2, 0, 1)
    return float((made.float().cpu() - wanted).square().mean())


def psnr(mse: float) -> float:
    """10 log10(1 / MSE) in dB, for a mean squared error on [0, 1]; infinite for none, NaN for one that is not finite.

    >>> psnr(0.001), psnr(0.0), psnr(math.inf)
    (30.0, inf, nan)
    """
    if not math.isfinite(mse):
        return math.nan
    return math.inf if mse <= 0 else -10 * math.log10(mse)
