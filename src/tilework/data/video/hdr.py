"""High dynamic range (PQ, HLG) brought to an ordinary screen: shown as it is stored it would be grey and dull."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18
"""Numbers of the two transfer functions in ITU-T H.273, which files and decoders use."""

# Nits: what white paper has (ITU-R BT.2408), and what the brightest highlight that is kept apart has.
_WHITE, _PEAK = 203.0, 1000.0
# Up to this share of the screen's white tones stay; above, highlights are drawn together.
_KNEE = 0.6
# Linear light: BT.2020 primaries to those of BT.709, which ordinary screens have (ITU-R BT.2087 inverted).
_NARROWER = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
_BAND_PIXELS = 1 << 18


class ToneMap:
    """From 16-bit pixels with this transfer function and BT.2020 primaries to 8-bit sRGB."""

    def __init__(self, transfer: int) -> None:
        signal = np.arange(65536, dtype=np.float64) / 65535
        self._hlg = transfer == HLG
        # Light of each of the 65,536 values: of the screen for PQ in units of white paper, of the scene for HLG.
        self._light = (_hlg_scene(signal) if self._hlg else _pq_nits(signal) / _WHITE).astype(np.float32)

    def sdr(self, pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """(H, W, 3) uint16 -> (H, W, 3) uint8."""
        out = np.empty(pixels.shape, np.uint8)
        rows = max(1, _BAND_PIXELS // max(1, pixels.shape[1]))
        for top in range(0, len(pixels), rows):
            light = self._light[pixels[top : top + rows]]
            if self._hlg:  # the screen brightens bright scenes more: its gamma is 1.2 at 1000 nits (ITU-R BT.2100)
                light *= (_PEAK / _WHITE) * np.maximum(light @ _LUMA_2020, 1e-6)[..., None] ** np.float32(0.2)
            out[top : top + rows] = _srgb(_drawn_together(light) @ _NARROWER.T)
        return out


def _drawn_together(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Light from 0 to the peak into 0 to 1, by the strongest of the three colours, so that hues stay."""
    strongest = np.maximum(light.max(-1, keepdims=True), 1e-6)
    room = 1 - _KNEE
    above = np.maximum(strongest - _KNEE, 0) / room
    end = (_PEAK / _WHITE - _KNEE) / room
    curve = np.minimum(above * (1 + above / end**2) / (1 + above), 1)
    target = np.minimum(strongest, _KNEE) + room * curve
    return np.asarray(light * (target / strongest), np.float32)


def _srgb(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    light = np.clip(light, 0, 1)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * coded), np.uint8)


def _pq_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = signal ** (1 / m2)
    return np.asarray(10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))


def _hlg_scene(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """ARIB STD-B67: light of the scene, 0 to 1."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
