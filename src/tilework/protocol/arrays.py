"""The arrays that a frame may have: name, shape, type, in which channels, meaning."""

from collections.abc import Mapping
from dataclasses import dataclass

from tilework.protocol.frame import Channel, DType

LEGEND = {
    "P": "points",
    "Q": "levels",
    "K": "codes of a level",
    "n": "held-out images",
    "m": "training images of the fixed probe",
    "H": "height of an image",
    "W": "width of an image",
    "C": "channels of an image",
    "h": "height of the grid of tokens",
    "w": "width of the grid of tokens",
    "y": "height of what one code decodes to",
    "x": "width of what one code decodes to",
    "h'": "height of a small image",
    "w'": "width of a small image",
    "j": "nearest images, up to four",
    "s": "samples of a prior",
    "t": "frames of a sample that are shown; 1 for images",
    "l": "levels of the tokens of a prior",
    "r": "rows of their grid",
    "c": "columns of their grid",
}
"""What the letters of a shape stand for; one letter is one length throughout a frame."""


@dataclass(frozen=True)
class FrameArray:
    """One kind of array."""

    name: str
    shape: tuple[str | int, ...]
    """Letters of the legend and plain lengths."""
    dtype: DType
    channels: Mapping[Channel, str]
    """Where it may occur; the words give the frames of a channel, empty = wherever there is something to send."""
    meaning: str


_MOVES: dict[Channel, str] = {"motion": "", "timeline": ""}

ARRAYS = (
    FrameArray("points", ("P", 2), "f4", _MOVES, "encoder outputs"),
    FrameArray("labels", ("P",), "i2", _MOVES, "class, -1 = none"),
    FrameArray("assigned", ("P", "Q"), "i4", _MOVES, "code of each level; absent where nothing is discrete"),
    FrameArray("codes", ("Q", "K", 2), "f4", _MOVES,
               "codes of each level; level 2 and on are offsets (their origin is 0). Absent where Q x K > 8,192"),
    FrameArray("usage", ("Q", "K"), "f4", _MOVES, "share of the tokens over the last hundred steps; absent before the first"),
    FrameArray("idle", ("Q", "K"), "i4", _MOVES, "steps since a token last chose it"),
    FrameArray("gradient", ("Q", "K"), "f4", {"motion": ""},
               "L2 norm of the code's gradient; only where codes learn by gradient"),
    FrameArray("revived", ("Q", "K"), "i4", _MOVES, "step of its last revival, -1 = never"),
    FrameArray("originals", ("n", "H", "W", "C"), "u1", {"images": "", "timeline": "its first frame"}, "held-out images"),
    FrameArray("recon", ("n", "H", "W", "C"), "u1", {"images": "", "timeline": ""}, "their reconstructions"),
    FrameArray("codemap", ("n", "Q", "h", "w"), "i4", {"images": "", "timeline": ""},
               "their codes, for grids larger than one position"),
    FrameArray("decoded", ("Q", "K", "y", "x", "C"), "u1",
               {"images": "", "timeline": "its last frame, and as many as 0.5 % of the time allows"},
               "each code decoded alone: level 1 as it is, level q as the offset from the mean code of the levels before. Absent "
               "above 512 codes; while training runs, 32 of them are made anew with each frame, in turn"),
    FrameArray("thumbs", ("m", "h'", "w'", "C"), "u1", {"images": ""}, "training images of the fixed probe"),
    FrameArray("probe", ("m", 2), "f4", {"images": ""}, "where those images lie"),
    FrameArray("probe_labels", ("m",), "i2", {"images": ""}, "their classes"),
    FrameArray("nearest", ("K", "j"), "i4", {"images": ""},
               "rows of `thumbs` nearest to each code of level 1; -1 = none"),
    FrameArray("samples", ("s", "t", "H", "W", "C"), "u1",
               {"images": "", "timeline": "its last frame, and as many as 0.5 % of the time allows"},
               "of a prior: what it draws now from a fixed seed, decoded by its parent"),
    FrameArray("token_bits", ("l", "r", "c"), "f4", {"images": "", "timeline": ""},
               "of a prior: bits per token of each position, mean over the held-out items of the last validation"),
)  # fmt: skip
"""Every array, in the order in which docs/studio.md lists them."""
