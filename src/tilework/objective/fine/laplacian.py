"""How much fine detail images have: blurred ones have less of it than their originals, noisy ones more."""

from __future__ import annotations

from torch import Tensor


def laplacian(images: Tensor) -> Tensor:
    """The discrete Laplacian of images (B, C, H, W): (B, C, H - 2, W - 2), 4 x a pixel minus its four neighbours.

    Its gain rises from 0 at an even area to 8 at a checkerboard, so nearly all that it sees lies in the upper half of the
    frequencies. The border is left out, where a Fourier transform would see the jump from one side of the image to the other.
    Empty where an image has fewer than three pixels on a side.
    """
    height, width = max(0, images.shape[2] - 2), max(0, images.shape[3] - 2)
    inner = images[:, :, 1 : 1 + height, 1 : 1 + width]
    beside = images[:, :, 1 : 1 + height, :width] + images[:, :, 1 : 1 + height, 2 : 2 + width]
    above = images[:, :, :height, 1 : 1 + width] + images[:, :, 2 : 2 + height, 1 : 1 + width]
    return 4 * inner - beside - above


def laplacian_energy(images: Tensor) -> Tensor:
    """Mean square of the Laplacian of images (B, C, H, W): scalar; 0 where no pixel has four neighbours."""
    found = laplacian(images)
    return found.square().mean() if found.numel() else images.new_zeros(())
