"""Folders of images with a fault, made from a healthy set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import tilework
from tilework.data import prepare
from tilework.engine.autoencoder.model import source_of

Images = NDArray[np.uint8]
"""(N, H, W, C)."""
Spoil = Callable[[Images], Images]


def dark(images: Images) -> Images:
    """Nothing is brighter than a sixteenth."""
    return images // 16


def enlarged(images: Images) -> Images:
    """A sixteenth of the pixels, smoothly enlarged."""
    x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    small = torch.nn.functional.interpolate(x, scale_factor=0.25, mode="area")
    large = torch.nn.functional.interpolate(small, size=x.shape[-2:], mode="bicubic", antialias=True)
    found: Images = large.clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy()
    return found


def repeated(images: Images) -> Images:
    """One of eight images, eight times."""
    return images[np.arange(len(images)) // 8 * 8]


def folder_of(recipe: str, overrides: tuple[str, ...], spoil: Spoil, out: Path) -> tuple[str, ...]:
    """Write the images of a recipe, spoiled, as PNG files; the overrides that train on them."""
    store = prepare(source_of(tilework.recipe(recipe, *overrides)))  # type: ignore[arg-type]
    images = spoil(store.gather(np.arange(min(len(store), 1500))))
    out.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(out / f"{number:05}.png")
    height, width = images.shape[1:3]
    return ("data.kind=images", f"data.path={out}", f"data.size={width}x{height}", f"data.channels={images.shape[-1]}")
