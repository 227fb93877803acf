"""A frame as the page hands it over, turned into pixels."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray


def unpacked(packed: str, before: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """`WIDTH HEIGHT FORM BASE64` -> (H, W, 3) uint8 where every pixel is opaque, else (H, W, 4).

    Forms: `same` as the frame `before`, which is then the same array; `runs`, of each its colour and in the fourth byte its
    length; `clear-runs`, RGBA of all of them and then their lengths; all pixels as `rgb` or `rgba`.
    """
    width, height, form, data = packed.split(" ", 3)
    if form == "same":
        assert before is not None
        return before
    shape = (int(height), int(width), -1)
    content = np.frombuffer(base64.b64decode(data), dtype=np.uint8)
    if form == "runs":
        return np.repeat(content.reshape(-1, 4)[:, :3], content[3::4], axis=0).reshape(shape)
    if form == "clear-runs":
        count = len(content) // 5
        return np.repeat(content[: 4 * count].view("<u4"), content[4 * count :]).view(np.uint8).reshape(shape)
    return content.reshape(shape)
