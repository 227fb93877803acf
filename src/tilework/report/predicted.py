"""Which positions a prior finds hard to predict: a map of bits per token for each level, and bits frame by frame.

Shape legend: T frames of Q levels on h x w positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tilework.report.drawing import place, quiet, sheet, title
from tilework.report.theme import LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE, _LEFT, _ABOVE, _BELOW, _GAP, _BAR = 240.0, 44.0, 38.0, 30.0, 34.0, 12.0


def hard_positions(bits: NDArray[np.float32], theme: Theme = LIGHT, *, width: float = 1120) -> Figure:
    """Bits per token (T, Q, h, w), means over held-out items -> maps (dark = easy) on one scale, and a line over the frames."""
    frames, levels, rows, columns = bits.shape
    maps = np.asarray(bits, dtype=np.float64).mean(0)
    wide, high = _SIDE * min(1.0, columns / rows), _SIDE * min(1.0, rows / columns)
    if columns > 2 * rows:
        wide, high = min(width - _LEFT - 90, 2 * _SIDE), min(width - _LEFT - 90, 2 * _SIDE) * rows / columns
    each = wide + _GAP
    in_row = max(1, int((width - _LEFT - 70) // each))
    bands = -(-levels // in_row)
    tall = _ABOVE + high + _BELOW
    figure = sheet(width, bands * tall + (150.0 if frames > 1 else 0.0), theme)
    low, top = float(maps.min()), max(float(maps.max()), float(maps.min()) + 1e-6)
    image = None
    for level in range(levels):
        left, above = _LEFT + (level % in_row) * each, (level // in_row) * tall + _ABOVE
        axes = place(figure, left, above, wide, high)
        image = axes.imshow(maps[level], vmin=low, vmax=top, cmap="viridis", interpolation="nearest", aspect="auto")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, labelsize=7.8, labelcolor=theme.mute, pad=3)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(6, integer=True))
        name = f"level {level + 1}" if levels > 1 else "positions"
        title(axes, name, theme, right=f"mean {maps[level].mean():.2f} bits", rise=6)
    bar = place(figure, _LEFT + min(levels, in_row) * each, _ABOVE, _BAR, high)
    assert image is not None
    figure.colorbar(image, cax=bar)
    bar.tick_params(length=0, labelsize=7.8, labelcolor=theme.mute)
    for spine in bar.spines.values():
        spine.set_visible(False)
    if frames > 1:
        line = place(figure, _LEFT, bands * tall + _ABOVE, width - _LEFT - 70, 80)
        quiet(line, theme)
        line.plot(np.arange(frames), bits.mean((1, 2, 3)), color=theme.level(0), linewidth=1.4)
        line.xaxis.set_major_locator(MaxNLocator(12, integer=True))
        line.set_xlim(0, max(1, frames - 1))
        title(line, "frames", theme, right="bits per token of each frame of an item", rise=6)
    return figure
