"""Folders to make proposals for, and how long a step takes where a test does not measure it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

STEP_SECONDS = 0.05
TINY = ("engine.steps=2", "engine.batch_size=2", "engine.threads=1", "engine.start_batches=1", "bottleneck.codes=4",
        "encoder.widths=[8, 8]", "encoder.residual_width=8", "decoder.widths=[8, 8]", "decoder.tail_blocks=1",
        "bottleneck.dim=4")  # fmt: skip
"""Overrides that shrink the run of a proposal to a second."""


def photo(number: int, width: int = 60, height: int = 40) -> Image.Image:
    """An image in colour that is like no other."""
    rough = np.random.default_rng(number).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)


def photos(folder: Path, count: int, labels: int = 0, width: int = 60, height: int = 40) -> Path:
    """A folder of images, in so many class folders."""
    for number in range(count):
        place = folder / f"class{number % labels}" if labels else folder
        place.mkdir(parents=True, exist_ok=True)
        photo(number, width, height).save(place / f"{number:05}.png")
    return folder


def animation(file: Path, frames: int, side: int = 40) -> Path:
    """A GIF whose frames differ."""
    pages = [photo(number, side, side).convert("P") for number in range(frames)]
    file.parent.mkdir(parents=True, exist_ok=True)
    pages[0].save(file, save_all=True, append_images=pages[1:], duration=40, loop=0)
    return file


def clip(file: Path, frames: int, width: int, height: int) -> Path:
    """A video whose frames differ."""
    import av

    file.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(file), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            page = av.VideoFrame.from_image(photo(number, width, height))
            out.mux(stream.encode(page))
        out.mux(stream.encode())
    return file


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step takes so long, and none is made."""
    monkeypatch.setattr("tilework.suggest.pace.step_seconds", lambda spec, images: STEP_SECONDS)
