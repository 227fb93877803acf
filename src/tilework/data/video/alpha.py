"""Frames with an alpha channel, laid over one colour at their own size, as images are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from av import VideoFrame

    from tilework.data.video.hdr import ToneMap

Rgb = tuple[int, int, int]

# Rows are laid over a few at a time: frames may be large, and what is in between is several times as large.
_BAND_PIXELS = 1 << 20


def unused_alpha(container: str, codec: str) -> bool:
    """Whether such a clip may carry four bytes a pixel of which the fourth is only room, as AVI's uncompressed frames do."""
    return container == "avi" and codec == "rawvideo"


class Backdrop:
    """What shows through a clip's frames: `colour`.

    `matte` is the colour that, by the file, its frames have been laid over already (premultiplied alpha), None where
    their colours are their own (straight alpha). With `may_be_unused`, a frame that would not show at all is shown
    whole.
    """

    def __init__(self, colour: Rgb, matte: Rgb | None, may_be_unused: bool) -> None:
        from av.video.reformatter import VideoReformatter

        self.colour, self.matte, self.may_be_unused = colour, matte, may_be_unused
        self._converter = VideoReformatter()
        self._formats: dict[str, bool] = {}

    def shows_through(self, frame: VideoFrame) -> bool:
        """Whether some pixel of the frame may be see-through."""
        name = frame.format.name
        if name not in self._formats:
            self._formats[name] = any(component.is_alpha for component in frame.format.components)
        return self._formats[name] or (name == "pal8" and _palette_alpha(frame) < 255)

    def under(self, frame: VideoFrame, tone_map: ToneMap | None) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 at the frame's own size."""
        rgba = self._rgba(frame, tone_map)
        if self.may_be_unused and not rgba[..., 3].any():
            return rgba[..., :3]
        out = np.empty((*rgba.shape[:2], 3), np.uint8)
        rows = max(1, _BAND_PIXELS // rgba.shape[1])
        for top in range(0, len(rgba), rows):
            out[top : top + rows] = self._laid_over(rgba[top : top + rows])
        return out

    def _rgba(self, frame: VideoFrame, tone_map: ToneMap | None) -> NDArray[np.uint8]:
        # The size stays; but where colour is stored at half size, this is how it is brought to full size.
        way: dict[str, Any] = {"interpolation": "BICUBIC", "threads": 1}
        if tone_map is None:
            return packed_rows(self._converter.reformat(frame, format="rgba", **way), 4)
        wide = np.asarray(self._converter.reformat(frame, format="rgba64le", **way).to_ndarray(), np.uint16)
        rgba = np.empty(wide.shape, np.uint8)
        rgba[..., :3], rgba[..., 3] = tone_map.sdr(wide[..., :3]), wide[..., 3] >> 8
        return rgba

    def _laid_over(self, rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.matte is not None:
            return _from_premultiplied(rgba, self.matte, self.colour)
        over = Image.fromarray(rgba)
        # By the image files' own way, so that a clip and its frames as images look the same.
        return np.asarray(Image.alpha_composite(Image.new("RGBA", over.size, (*self.colour, 255)), over).convert("RGB"))


def packed_rows(frame: VideoFrame, channels: int) -> NDArray[np.uint8]:
    """A frame of so many bytes a pixel as (H, W, channels): a view, nothing is copied."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(frame.height, plane.line_size)
    return rows[:, : channels * frame.width].reshape(frame.height, frame.width, channels)


def _from_premultiplied(rgba: NDArray[np.uint8], matte: Rgb, colour: Rgb) -> NDArray[np.uint8]:
    """The matte shows by 1 - alpha: take that much of it away and put as much of the colour there."""
    through = 255 - rgba[..., 3:].astype(np.int32)
    change = np.array(colour, np.int32) - np.array(matte, np.int32)
    return np.clip(rgba[..., :3] + np.rint(through * change / 255), 0, 255).astype(np.uint8)


def _palette_alpha(frame: VideoFrame) -> int:
    """The least alpha among the colours of a frame's palette (256 of 32 bits: alpha is the highest byte)."""
    palette = np.frombuffer(memoryview(frame.planes[1]), np.uint32, count=256)
    return int((palette >> 24).min())
