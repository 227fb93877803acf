"""From a decoded frame to pixels: upright, square pixels, and already as small as the frame store wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tilework.data.fit import Fit
from tilework.spec import Size

if TYPE_CHECKING:
    from av import VideoFrame


class Shaper:
    """Scales within the decoder's own scaler, which is quicker than unpacking the whole frame first; one for all frames."""

    def __init__(self, size: Size, fit: Fit) -> None:
        from av.video.reformatter import VideoReformatter

        self.size, self.fit = size, fit
        # It keeps its tables from frame to frame; `frame.reformat` would make them anew, which takes as long as scaling.
        self._scaler = VideoReformatter()

    def pixels(self, frame: VideoFrame, aspect: float) -> NDArray[np.uint8]:
        """(H, W, 3) uint8. `aspect` is width over height of one pixel of the file."""
        turns = round(frame.rotation / 90) % 4
        shown = _square(frame.width, frame.height, aspect)
        upright = Size(shown.height, shown.width) if turns % 2 else shown
        target = self._scaled(upright)
        width, height = (target.height, target.width) if turns % 2 else target
        # Reduced to half or less, the mean over each pixel's area: as good as bicubic there, and twice as quick.
        half = 2 * width <= frame.width and 2 * height <= frame.height
        way = "AREA" if half else "BICUBIC"
        small = self._scaler.reformat(frame, width, height, format="rgb24", interpolation=way, threads=1)
        rgb = np.asarray(small.to_ndarray(), dtype=np.uint8)
        turned = np.rot90(rgb, turns) if turns else rgb
        return np.ascontiguousarray(self._cut(turned))

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
        if self.fit != "crop":
            return pixels
        height, width = pixels.shape[:2]
        left, top = (width - self.size.width) // 2, (height - self.size.height) // 2
        return pixels[top : top + self.size.height, left : left + self.size.width]


def _square(width: int, height: int, aspect: float) -> Size:
    """The size that the frame is shown at: pixels that are not square are made so by widening or heightening."""
    if not 0.1 <= aspect <= 10 or abs(aspect - 1) < 1e-3:
        return Size(width, height)
    return Size(max(1, round(width * aspect)), height) if aspect > 1 else Size(width, max(1, round(height / aspect)))
