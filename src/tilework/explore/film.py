"""Images one after another as a file: GIF and MP4, with the timing that was asked for."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.errors import UserError
from tilework.explore.sheet import ALONE, board

Pixels = NDArray[np.uint8]

MOST_FPS = 120
_FASTEST_GIF = 50
"""Frames a second of the fastest GIF: browsers slow down what is shown for less than two hundredths."""
_QUALITY = "16"
"""x264's constant rate factor: no loss that can be seen in flat artwork."""

_SAME_EVERYWHERE = "threads=1:lookahead-threads=1:colorprim=bt709:transfer=bt709:colormatrix=bt709:range=tv"
"""The same bytes whatever the number of cores, and colours by one standard whatever a player takes for usual."""


@dataclass(frozen=True, eq=False)
class Film:
    """Frames (n, H, W, 1 or 3) uint8 at `fps` a second; with `names` each is several images, (n, k, H, W, 1 or 3), under them.

    `values` (n, k) are written beside the names, so that a film shows what changes in it.
    """

    frames: Pixels
    fps: float
    names: tuple[str, ...] = ()
    values: NDArray[np.float64] | None = None

    @property
    def scale(self) -> int:
        """By how much the frames are enlarged: to 256 pixels on the shorter side at least; those with names are as they are."""
        return 1 if self.names else max(1, -(-ALONE // int(min(self.frames.shape[1:3]))))

    def image(self, number: int) -> Pixels:
        """One frame (H, W, 1 or 3), before it is enlarged."""
        frame: Pixels = self.frames[number]
        return np.asarray(board(frame, self._captions(number), room=self._widest)) if self.names else frame

    def _captions(self, number: int) -> list[str]:
        if self.values is None:
            return list(self.names)
        return [f"{name}  {value:+.2f}" for name, value in zip(self.names, self.values[number], strict=True)]

    @cached_property
    def _widest(self) -> list[str]:
        """Every caption that there is: all frames are as large as the longest of them asks for."""
        return sorted({caption for number in range(len(self.frames)) for caption in self._captions(number)})

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the enlarged frames."""
        if self.names:
            high, wide = self.image(0).shape[:2]
            return wide, high
        return self.frames.shape[2] * self.scale, self.frames.shape[1] * self.scale

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return len(self.frames) / self.fps

    def gif(self) -> bytes:
        """An endless GIF. Its clock has hundredths of a second: delays differ by one where that keeps the time.

        Raises UserError above 50 frames a second.
        """
        if self.fps > _FASTEST_GIF:
            raise UserError(
                f"a GIF cannot show {self.fps:g} frames a second",
                why=f"browsers slow down what is faster than {_FASTEST_GIF}",
                fix=f"write --fps {_FASTEST_GIF} or less, or a file that ends in .mp4",
            )
        ends = np.round(np.arange(len(self.frames) + 1) * 100 / self.fps).astype(int)
        images = [self._palette(self.image(number)) for number in range(len(self.frames))]
        out = io.BytesIO()
        images[0].save(
            out, format="GIF", save_all=True, append_images=images[1:], loop=0, disposal=1, optimize=False,
            duration=[int(delay) * 10 for delay in np.diff(ends)],
        )  # fmt: skip
        return out.getvalue()

    def _palette(self, frame: Pixels) -> Image.Image:
        """Colours are chosen before enlarging, and without dithering: an enlarged pixel has one colour."""
        if frame.shape[-1] == 1:
            small = Image.fromarray(frame[:, :, 0])
        else:
            small = Image.fromarray(frame).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        return small.resize((small.width * self.scale, small.height * self.scale), Image.Resampling.NEAREST)

    def mp4(self) -> bytes:
        """An MP4 that every browser and phone plays: H.264, yuv420p, even sides (an odd one gets its last line twice)."""
        import av

        wide, high = (side + side % 2 for side in self.size)
        out = io.BytesIO()
        with av.open(out, "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=Fraction(self.fps).limit_denominator(1000))
            stream.width, stream.height, stream.pix_fmt = wide, high, "yuv420p"
            stream.codec_context.thread_count = 1
            stream.options = {"crf": _QUALITY, "preset": "medium", "x264-params": _SAME_EVERYWHERE}
            for number in range(len(self.frames)):
                made = av.VideoFrame.from_ndarray(_planes(self.image(number), self.scale, high, wide), format="yuv420p")
                container.mux(stream.encode(made))
            container.mux(stream.encode(None))
        return out.getvalue()


def _planes(frame: Pixels, scale: int, high: int, wide: int) -> Pixels:
    """(H, W, 1 or 3) in [0, 255] -> (3/2 high, wide): luma, then both chromas at half the size, by ITU-R BT.709 in studio range.

    Not by FFmpeg's scaler, which at some widths takes up what lies in memory beside the image.
    """
    rgb = np.repeat(frame, 3, axis=-1) if frame.shape[-1] == 1 else frame
    r, g, b = np.moveaxis(rgb.astype(np.float32) / 255, -1, 0)
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    large = [
        np.pad(
            plane.repeat(scale, 0).repeat(scale, 1),
            ((0, high - len(y) * scale), (0, wide - y.shape[1] * scale)),
            "edge",
        )
        for plane in (16 + 219 * y, 128 + 224 * (b - y) / 1.8556, 128 + 224 * (r - y) / 1.5748)
    ]
    halves = [plane.reshape(high // 2, 2, wide // 2, 2).mean((1, 3)) for plane in large[1:]]
    flat = np.concatenate([plane.ravel() for plane in (large[0], *halves)])
    planes: Pixels = np.rint(flat).astype(np.uint8).reshape(high * 3 // 2, wide)
    return planes


def checked_fps(fps: float) -> float:
    """Frames a second. Raises UserError outside of what can be played."""
    if not 0.1 <= fps <= MOST_FPS:
        raise UserError(
            f"a film cannot have {fps:g} frames a second",
            why=f"0.1 to {MOST_FPS} can be played",
            fix="write for example --fps 30",
        )
    return fps
