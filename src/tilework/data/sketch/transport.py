"""A frame as the page hands it over, turned into pixels."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray


def unpacked(packed: str, before: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """`WIDTH HEIGHT FORM BASE64` -> (H, W, 3) uint8 where every pixel is opaque, else (H, W, 4).

    Forms: `same` as the frame `before`, which is then the same array; `runs` of (RGBA, count), 32 bits each; all pixels as `rgb`
    or `rgba`.
    """
    width, height, form, data = packed.split(" ", 3)
    if form == "same":
        assert before is not None
        return before
    shape = (int(height), int(width), -1)
    content = np.frombuffer(base64.b64decode(data), dtype=np.uint8)
    if form != "runs":
        return content.reshape(shape)
    runs = content.view("<u4").reshape(-1, 2)
    pixels = np.repeat(runs[:, 0], runs[:, 1]).view(np.uint8).reshape(shape)
    return np.ascontiguousarray(pixels[:, :, :3]) if (runs[:, 0] >> 24 == 255).all() else pixels
