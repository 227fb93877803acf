"""How much of the originals' fine detail reconstructions have: blurred ones have less than there was, noisy ones more."""

from __future__ import annotations

from torch import Tensor


def laplacian_energy(images: Tensor) -> Tensor:
    """Mean square of the discrete Laplacian of images (B, C, H, W): scalar, on the same scale for any size.

    4 x minus its four neighbours, at the pixels that have all four (0 where no pixel has): the filter's gain rises from 0 at an
    even area to 8 at a checkerboard, so nearly all that it sees lies in the upper half of the frequencies. The border is left
    out, where a Fourier transform would see the jump from one side of the image to the other.
    """
    inner = images[..., 1:-1, 1:-1]
    if not inner.numel():
        return images.new_zeros(())
    beside = images[..., 1:-1, :-2] + images[..., 1:-1, 2:] + images[..., :-2, 1:-1] + images[..., 2:, 1:-1]
    return (4 * inner - beside).square().mean()
