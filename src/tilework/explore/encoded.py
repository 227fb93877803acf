"""An image as a model sees it: where it lies in the latent space, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.engine.autoencoder.error import error_of, psnr
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.explore.opened import Opened, Pixels
from tilework.explore.place import Named, image_of
from tilework.explore.points import Origin, parse
from tilework.explore.sampling import title_of
from tilework.explore.sheet import table
from tilework.explore.shown import Shown


@dataclass(frozen=True, eq=False)
class Encoded(Shown):
    """One image (H, W, C) uint8 and its reconstruction; `mean` (D, h, w), of a Gaussian latent also `sigma` (D, h, w); of a
    model with codes `codes` (Q, h, w). `mse` is the mean over pixels in [0, 1], `psnr` the same in dB."""

    model: str
    name: str
    image: Pixels
    reconstruction: Pixels
    mean: NDArray[np.float32]
    sigma: NDArray[np.float32] | None
    codes: NDArray[np.int64] | None
    mse: float

    @property
    def psnr(self) -> float:
        return psnr(self.mse)

    def sheet(self) -> Image.Image:
        return table([np.stack([self.image, self.reconstruction])], heads=("image", "reconstruction"))

    def title(self) -> str:
        return f"{self.name} through {self.model}"

    def facts(self) -> tuple[tuple[str, str], ...]:
        return (("MSE", f"{self.mse:.5f}"), ("PSNR", f"{self.psnr:.2f} dB"))


def encode(opened: Opened, origin: Origin | str, images: Named | None = None) -> Encoded:
    """Encode the image that an origin names (`validation:3`, `image:photo.png`) and decode it again.

    Raises UserError for what is no image, and as `place` does.
    """
    where = origin if isinstance(origin, Origin) else parse(origin).origin
    image = image_of(opened, where, images)
    mean, sigma = opened.encode(image[None])
    codes = opened.codes(mean)
    exact = opened.values(mean)
    return Encoded(
        title_of(opened),
        where.name or str(where),
        image,
        to_uint8(exact)[0],
        mean[0].numpy(),
        None if sigma is None else sigma[0].numpy(),
        None if codes is None else codes[0].numpy(),
        error_of(exact[0], image),
    )
