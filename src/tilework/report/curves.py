"""Curves over steps as small multiples: one panel per metric, training and validation together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from tilework.report.drawing import count_axis, place, quiet, sheet, title
from tilework.report.theme import LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MANY = 150  # points from which a training curve is smoothed
_WIDE = 8.0  # ratio of largest to smallest value from which a scale is logarithmic


@dataclass(frozen=True)
class Curve:
    """One line: `steps` (n,) and `values` (n,), sorted by step; NaN and infinities are allowed."""

    label: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    held_out: bool = False
    colour: int | None = None
    """Which of the theme's line colours; None = the first for training, the second for validation."""


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

    Training curves of many points are drawn raw and faint, with a centred moving average on top. Values that are no numbers
    are marked by crosses at the top. A quantity that spans more than a factor of 8 is drawn on a logarithmic scale and
    is labelled so.
    """
    rows = max(1, math.ceil(len(panels) / columns))
    gap, left, above, below, plot = 22.0, 50.0, 38.0, 28.0, 160.0
    cell = (width - gap * (columns - 1)) / columns
    figure = sheet(width, rows * (above + plot + below), theme)
    ends = [int(c.steps[-1]) for p in panels for c in p.curves if len(c.steps)]
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        axes = place(figure, column * (cell + gap) + left, row * (above + plot + below) + above, cell - left - 8, plot)
        _draw(axes, panel, theme, max(ends, default=1), marks, labelled=number == 0)
    return figure


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centred moving average over a fiftieth of the curve: it lags behind nothing. Values that are no numbers are left out.

    s_t = mean of the finite x_i with |i - t| <= h, where 2 h + 1 is the odd number next to n / 50, at most 2001;
    at an end the window is cut.
    """
    half = min(len(values) // 100, 1000)
    finite = np.isfinite(values)
    if half == 0:
        return np.where(finite, values, np.nan)
    window = np.ones(2 * half + 1)
    # A running sum would be faster, and a single huge value would spoil all that come after it.
    total = np.convolve(np.where(finite, values, 0.0), window, mode="same")
    count = np.convolve(finite.astype(np.float64), window, mode="same")
    return np.where(finite, total / np.maximum(count, 1.0), np.nan)


def _draw(
    axes: Axes, panel: Panel, theme: Theme, end: int, marks: Sequence[tuple[int, str]], *, labelled: bool
) -> None:
    quiet(axes, theme)
    finite = np.concatenate([c.values[np.isfinite(c.values)] for c in panel.curves] or [np.zeros(0)])
    logarithmic = panel.most is None and len(finite) > 1 and finite.min() > 0 and finite.max() > _WIDE * finite.min()
    if logarithmic:
        _log_scale(axes, float(finite.min()), float(finite.max()))
    for curve in panel.curves:
        _line(axes, curve, _colour(curve, theme), theme)
    if panel.most is not None:
        axes.axhline(panel.most, color=theme.mute, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.set_ylim(0, panel.most * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        count_axis(axes, "y")
    elif not logarithmic:
        axes.yaxis.set_major_locator(MaxNLocator(4))
        if len(finite) and finite.min() == finite.max():
            middle = float(finite[0])
            axes.set_ylim(middle - max(abs(middle), 1e-3) * 0.5, middle + max(abs(middle), 1e-3) * 0.5)
    axes.set_xlim(0, max(end, 1) * 1.01)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    count_axis(axes)
    named: set[str] = set()
    for step, what in marks:
        axes.axvline(step, color=theme.mute, linewidth=0.8, linestyle=(0, (3, 3)), zorder=1)
        # Each kind is named once: lines that look alike mean the same, and names of close ones would lie on each other.
        if labelled and what not in named:
            named.add(what)
            axes.annotate(
                what, (step, 1), (3, -2), xycoords=("data", "axes fraction"), textcoords="offset points",
                fontsize=7, color=theme.mute, va="top",
            )  # fmt: skip
    scale = " log" if logarithmic else ""
    title(axes, panel.title, theme, right=f"{panel.unit}{scale}".strip(), rise=6)
    _legend(axes, panel, theme)


def _log_scale(axes: Axes, low: float, high: float) -> None:
    axes.set_yscale("log")
    # Few decades: 1, 2, 5 of each, in plain digits; many: the powers of ten alone.
    steps = (1.0, 2.0, 5.0) if high < 200 * low else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=steps, numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _colour(curve: Curve, theme: Theme) -> str:
    return theme.lines[(int(curve.held_out) if curve.colour is None else curve.colour) % len(theme.lines)]


def _line(axes: Axes, curve: Curve, colour: str, theme: Theme) -> None:
    steps, values = curve.steps, curve.values
    shown = np.where(np.isfinite(values), values, np.nan)
    if len(steps) == 1:
        axes.plot(steps, shown, "o", color=colour, markersize=3.5, zorder=4, clip_on=False)
    if curve.held_out:
        dots = "o" if len(steps) <= 100 else ""
        axes.plot(
            steps, shown, color=colour, linewidth=1.6, marker=dots, markersize=2.6, zorder=4, solid_capstyle="round"
        )
    elif len(steps) >= _MANY:
        axes.plot(steps, shown, color=colour, linewidth=0.6, alpha=0.35, zorder=2)
        axes.plot(steps, smooth(values), color=colour, linewidth=1.5, zorder=3, solid_capstyle="round")
    else:
        # Several lines of one colour (a level, held-out and training): the training one steps back.
        back = curve.colour is not None
        axes.plot(steps, shown, color=colour, linewidth=0.9 if back else 1.3, alpha=0.55 if back else 1, zorder=3)
    odd = ~np.isfinite(values)
    if odd.any():
        axes.plot(
            steps[odd], np.full(odd.sum(), 0.97), "x", color=theme.bad, markersize=4, markeredgewidth=1.2,
            transform=axes.get_xaxis_transform(), zorder=5, clip_on=False,
        )  # fmt: skip


def _free_corner(panel: Panel) -> Literal["lower right", "upper right"]:
    """Curves that fall leave the upper right corner free, curves that rise the lower one."""
    if panel.most is not None:
        newest = [c.values[-1] for c in panel.curves if len(c.values)]
        return "lower right" if newest and np.nanmean(newest) > panel.most / 2 else "upper right"
    rising = 0.0
    for curve in panel.curves:
        values = curve.values[np.isfinite(curve.values)]
        if len(values) > 1 and np.ptp(values) > 0:
            rising += (values[len(values) // 2 :].mean() - values.min()) / np.ptp(values) - 0.5
    return "lower right" if rising > 0 else "upper right"


def _legend(axes: Axes, panel: Panel, theme: Theme) -> None:
    """Names of the lines with their newest values."""
    handles, colours = [], []
    for curve in panel.curves:
        colour = _colour(curve, theme)
        newest = f"  {curve.values[-1]:.4g}" if len(curve.values) else ""
        marker = "o" if curve.held_out else ""
        handles.append(
            Line2D([], [], color=colour, linewidth=1.5, marker=marker, markersize=2.6, label=curve.label + newest)
        )
        colours.append(colour)
    if handles:
        found = axes.legend(
            handles=handles[:6], loc=_free_corner(panel), frameon=True, fontsize=7.5, handlelength=1.4, handletextpad=0.5,
            labelspacing=0.3, borderpad=0.3, borderaxespad=0.4,
        )  # fmt: skip
        found.get_frame().set(facecolor=theme.panel, edgecolor="none", alpha=0.8)
        for text in found.get_texts():
            text.set_color(theme.text)
