"""Little clips, animations, data sets and sketches for tests, made on the spot."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

P5_DOUBLE = Path(__file__).with_name("p5_double.js")
MOVING = "function setup() { createCanvas(40, 30); } function draw() { background(20); fill(240); rect(frameCount, 5, 9, 9); }"


def levels(number: int) -> NDArray[np.uint8]:
    """A frame that shows its number: 8 bars, bright where that bit is set (the lowest on the left)."""
    bits = [255 * (number >> bit & 1) for bit in range(8)]
    return np.repeat(np.repeat(np.array([bits], np.uint8), 48, 0), 8, 1)[:, :, None].repeat(3, 2)


def number_of(pixels: NDArray[np.uint8]) -> int:
    """The number that `levels` wrote, after whatever scaling."""
    row = pixels[pixels.shape[0] // 2].mean(-1)
    at = [int((bit + 0.5) * len(row) / 8) for bit in range(8)]
    return sum(1 << bit for bit, place in enumerate(at) if row[place] > 127)


def clip(
    path: Path,
    frames: list[NDArray[np.uint8]],
    *,
    codec: str = "libx264",
    times: list[int] | None = None,
    aspect: tuple[int, int] = (1, 1),
    key_every: int = 12,
    options: dict[str, str] | None = None,
    rotation: int = 0,
    title: str = "",
) -> Path:
    """A video file of these frames (sides even for h264), at 30 frames a second unless `times` (ms) gives when each is
    shown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    container_options = {"movflags": "faststart"} if path.suffix in {".mp4", ".mov"} else {}
    with av.open(str(path), "w", options=container_options) as out:
        if title:
            out.metadata["title"] = title
        stream = out.add_stream(codec, rate=30)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = key_every
        stream.codec_context.sample_aspect_ratio = Fraction(*aspect)
        stream.bit_rate = 4_000_000
        stream.options = options or {}
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000) if times else Fraction(1, 30)
        if rotation:
            stream.set_display_rotation(rotation)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = times[number] if times else number
            frame.time_base = stream.codec_context.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def animation(
    path: Path, tones: list[int], *, milliseconds: int | list[int] = 100, size: tuple[int, int] = (12, 8)
) -> Path:
    """A GIF, PNG or WebP (by its suffix) whose frames are these greys with a moving white corner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = []
    for number, tone in enumerate(tones):
        image = Image.new("RGB", size, (tone, tone, tone))
        image.putpixel((number % size[0], 0), (255, 255, 255))
        images.append(image)
    more: dict[str, Any] = {"lossless": True} if path.suffix == ".webp" else {}
    images[0].save(path, save_all=True, append_images=images[1:], duration=milliseconds, loop=0, **more)
    return path


def image(path: Path, tone: int, size: tuple[int, int] = (12, 8)) -> Path:
    """An image with a gradient to this grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    row = np.linspace(0, tone, size[0]).astype(np.uint8)
    Image.fromarray(np.repeat(row[None], size[1], 0)).save(path)
    return path


def sketch(folder: Path, script: str = MOVING, *, p5: bool = True) -> Path:
    """A folder with sketch.js and the stand-in for p5."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sketch.js").write_text(script, encoding="utf-8")
    if p5:
        shutil.copy(P5_DOUBLE, folder / "p5.js")
    return folder
