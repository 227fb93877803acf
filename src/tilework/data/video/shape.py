"""From a decoded frame to pixels: upright, square pixels, and already as small as the frame store wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.data.media.fit import RESAMPLE, Fit
from tilework.data.video.alpha import Backdrop, packed_rows
from tilework.data.video.fields import TopField
from tilework.data.video.hdr import HLG, PQ, ToneMap
from tilework.spec import Size

if TYPE_CHECKING:
    from av import VideoFrame

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Looks:
    """What a file states of all of its frames."""

    aspect: float
    """Width over height of one pixel of the file."""
    transfer: int
    """Number of the transfer function in ITU-T H.273."""
    matte: Rgb | None
    """What premultiplied frames have been laid over already; None where alpha is straight."""
    may_be_unused: bool
    """Whether what is in the place of an alpha channel may be nothing at all."""


class Shaper:
    """Scales within the decoder's own scaler, which is quicker than unpacking the whole frame first; one for each clip."""

    def __init__(self, size: Size, fit: Fit, background: Rgb, looks: Looks) -> None:
        from av.video.reformatter import VideoReformatter

        self.size, self.fit, self.looks = size, fit, looks
        # It keeps its tables from frame to frame; `frame.reformat` would make them anew, which takes as long as scaling.
        self._scaler = VideoReformatter()
        self._field = TopField()
        self._backdrop = Backdrop(background, looks.matte, looks.may_be_unused)
        self._tone_map = ToneMap(looks.transfer) if looks.transfer in {PQ, HLG} else None
        self._target: tuple[tuple[int, int, int], tuple[int, int]] | None = None

    def pixels(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """(H, W, 3) uint8."""
        turns = round(frame.rotation / 90) % 4
        width, height = frame.width, frame.height
        if frame.interlaced_frame:
            frame = self._field.of(frame)
        if self._backdrop.shows_through(frame):
            return _turned(self._whole(frame, _square(width, height, self.looks.aspect)), turns)
        return self._cut(_turned(self._small(frame, *self._target_of(width, height, turns)), turns))

    def _whole(self, frame: VideoFrame, shown: Size) -> NDArray[np.uint8]:
        """A frame with alpha: first laid over the background, so that hidden pixels are gone before any scaling mixes them in.

        At the size that it is shown at; the frame store fits it to its own as it does with images.
        """
        rgb = self._backdrop.under(frame, self._tone_map)
        if (frame.width, frame.height) == shown:
            return rgb
        return np.asarray(Image.fromarray(rgb).resize(shown, RESAMPLE))

    def _small(self, frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
        # Reduced to half or less, the mean over each pixel's area: as good as bicubic there, and twice as quick.
        half = 2 * width <= frame.width and 2 * height <= frame.height
        way = "AREA" if half else "BICUBIC"
        wide = self._tone_map is not None
        small = self._scaler.reformat(
            frame, width, height, format="rgb48le" if wide else "rgb24", interpolation=way, threads=1
        )
        if self._tone_map is not None:
            return self._tone_map.sdr(np.asarray(small.to_ndarray(), np.uint16))
        return packed_rows(small, 3)

    def _target_of(self, width: int, height: int, turns: int) -> tuple[int, int]:
        """What a frame of this size is scaled to, before it is turned."""
        asked = (width, height, turns)
        if self._target is None or self._target[0] != asked:
            shown = _square(width, height, self.looks.aspect)
            target = self._scaled(Size(shown.height, shown.width) if turns % 2 else shown)
            self._target = asked, (target.height, target.width) if turns % 2 else (target.width, target.height)
        return self._target[1]

    def _scaled(self, shown: Size) -> Size:
        """What to scale a frame of size `shown` to, so that the frame store has no more scaling to do."""
        if self.fit == "refuse":
            return shown
        if self.fit == "stretch":
            return self.size
        ratios = self.size.width / shown.width, self.size.height / shown.height
        scale = max(ratios) if self.fit == "crop" else min(ratios)
        target = Size(max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
        if self.fit == "crop":
            return Size(max(target.width, self.size.width), max(target.height, self.size.height))
        return target

    def _cut(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = pixels.shape[:2]
        if self.fit == "crop" and (width, height) != self.size:
            left, top = (width - self.size.width) // 2, (height - self.size.height) // 2
            pixels = pixels[top : top + self.size.height, left : left + self.size.width]
        return np.ascontiguousarray(pixels)


def _turned(pixels: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _square(width: int, height: int, aspect: float) -> Size:
    """The size that the frame is shown at: pixels that are not square are made so by widening or heightening."""
    if not 0.1 <= aspect <= 10 or abs(aspect - 1) < 1e-3:
        return Size(width, height)
    return Size(max(1, round(width * aspect)), height) if aspect > 1 else Size(width, max(1, round(height / aspect)))
