"""Curves over steps as small multiples: one panel per quantity, training and held-out together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tilework.report.drawing import count_axis, place, quiet, sheet, title
from tilework.report.theme import LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMOOTHING = 0.9
_MANY = 60  # points from which a training curve is smoothed


@dataclass(frozen=True)
class Curve:
    """One line: `steps` (n,) and `values` (n,), sorted by step; NaN and infinities are allowed."""

    label: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    held_out: bool = False
    colour: int | None = None
    """Which of the theme's line colours; None = the first for training, the second for held-out."""


@dataclass(frozen=True)
class Panel:
    """One quantity. `most` draws a line at the largest possible value (K for codes in use)."""

    title: str
    curves: Sequence[Curve]
    unit: str = ""
    most: float | None = None


def curves(
    panels: Sequence[Panel],
    theme: Theme = LIGHT,
    *,
    width: float = 1120,
    columns: int = 3,
    marks: Sequence[tuple[int, str]] = (),
) -> Figure:
    """Draw every panel on a common step axis; `width` in CSS pixels. `marks` are (step, what happened): dashed lines.

    Training curves of many points are drawn raw and faint, with their exponential moving average (0.9, unbiased) on top.
    Values that are no numbers are marked by crosses at the top. A quantity that spans more than a factor of 20 is drawn on a
    logarithmic scale and says so.
    """
    rows = max(1, math.ceil(len(panels) / columns))
    gap, left, above, below, plot = 22.0, 46.0, 34.0, 26.0, 150.0
    cell = (width - gap * (columns - 1)) / columns
    figure = sheet(width, rows * (above + plot + below), theme)
    ends = [int(c.steps[-1]) for p in panels for c in p.curves if len(c.steps)]
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        axes = place(figure, column * (cell + gap) + left, row * (above + plot + below) + above, cell - left - 8, plot)
        _draw(axes, panel, theme, max(ends, default=1), marks, labelled=number == 0)
    return figure


def smooth(values: NDArray[np.float64], keep: float = SMOOTHING) -> NDArray[np.float64]:
    """Exponential moving average, unbiased at the start; values that are no numbers are passed over and left as NaN.

    s_t = (1 - keep) sum_i keep^(t-i) x_i / (1 - keep^t), t counting finite values from 1.
    """
    out = np.full(len(values), np.nan)
    total, weight = 0.0, 0.0
    for at, value in enumerate(values.tolist()):
        if math.isfinite(value):
            total = keep * total + (1 - keep) * value
            weight = keep * weight + (1 - keep)
            out[at] = total / weight
    return out


def _draw(
    axes: Axes, panel: Panel, theme: Theme, end: int, marks: Sequence[tuple[int, str]], *, labelled: bool
) -> None:
    quiet(axes, theme)
    finite = np.concatenate([c.values[np.isfinite(c.values)] for c in panel.curves] or [np.zeros(0)])
    logarithmic = len(finite) > 1 and finite.min() > 0 and finite.max() / finite.min() > 20
    if logarithmic:
        axes.set_yscale("log")
    for curve in panel.curves:
        colour = theme.lines[(int(curve.held_out) if curve.colour is None else curve.colour) % len(theme.lines)]
        _line(axes, curve, colour, theme)
    if panel.most is not None:
        axes.axhline(panel.most, color=theme.mute, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.set_ylim(0, panel.most * 1.08)
    elif not logarithmic:
        axes.yaxis.set_major_locator(MaxNLocator(4))
        if len(finite) and finite.min() == finite.max():
            middle = float(finite[0])
            axes.set_ylim(middle - max(abs(middle), 1e-3) * 0.5, middle + max(abs(middle), 1e-3) * 0.5)
    axes.set_xlim(0, max(end, 1) * 1.01)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    count_axis(axes)
    for step, what in marks:
        axes.axvline(step, color=theme.mute, linewidth=0.8, linestyle=(0, (3, 3)), zorder=1)
        if labelled:
            axes.annotate(
                what, (step, 1), (3, -2), xycoords=("data", "axes fraction"), textcoords="offset points",
                fontsize=6.5, color=theme.mute, va="top",
            )  # fmt: skip
    scale = " log" if logarithmic else ""
    title(axes, panel.title, theme, right=f"{panel.unit}{scale}".strip(), rise=6)
    _legend(axes, panel, theme)


def _line(axes: Axes, curve: Curve, colour: str, theme: Theme) -> None:
    steps, values = curve.steps, curve.values
    shown = np.where(np.isfinite(values), values, np.nan)
    if curve.held_out:
        dots = "o" if len(steps) <= 100 else ""
        axes.plot(
            steps, shown, color=colour, linewidth=1.6, marker=dots, markersize=2.6, zorder=4, solid_capstyle="round"
        )
    elif len(steps) >= _MANY:
        axes.plot(steps, shown, color=colour, linewidth=0.6, alpha=0.35, zorder=2)
        axes.plot(steps, smooth(values), color=colour, linewidth=1.5, zorder=3, solid_capstyle="round")
    else:
        axes.plot(steps, shown, color=colour, linewidth=1.3, zorder=3, solid_capstyle="round")
    odd = ~np.isfinite(values)
    if odd.any():
        axes.plot(
            steps[odd], np.full(odd.sum(), 0.97), "x", color=theme.bad, markersize=4, markeredgewidth=1.2,
            transform=axes.get_xaxis_transform(), zorder=5, clip_on=False,
        )  # fmt: skip


def _legend(axes: Axes, panel: Panel, theme: Theme) -> None:
    """Names in the lines' own colours with their newest values, in one row under the heading."""
    from matplotlib.lines import Line2D

    handles, colours = [], []
    for curve in panel.curves:
        colour = theme.lines[(int(curve.held_out) if curve.colour is None else curve.colour) % len(theme.lines)]
        newest = f" {curve.values[-1]:.4g}" if len(curve.values) else ""
        marker = "o" if curve.held_out else ""
        handles.append(
            Line2D([], [], color=colour, linewidth=1.5, marker=marker, markersize=2.6, label=curve.label + newest)
        )
        colours.append(colour)
    if handles:
        found = axes.legend(
            handles=handles[:6], loc="best", frameon=True, fontsize=6.8, handlelength=1.4, handletextpad=0.5,
            labelspacing=0.3, borderpad=0.3, borderaxespad=0.4,
        )  # fmt: skip
        found.get_frame().set(facecolor=theme.panel, edgecolor="none", alpha=0.8)
        for text in found.get_texts():
            text.set_color(theme.text)
