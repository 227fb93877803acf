"""The drawing sheet: matplotlib figures in a theme's colours, without pyplot's global state."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tilework.report.theme import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CSS_DPI = 96
DPI = 2 * CSS_DPI  # two image pixels to a CSS pixel: sharp on dense screens


def sheet(width: float, height: float, theme: Theme) -> Figure:
    """An empty figure of `width` x `height` CSS pixels."""
    figure = Figure(figsize=(width / CSS_DPI, height / CSS_DPI), dpi=DPI, facecolor=theme.panel)
    FigureCanvasAgg(figure)
    return figure


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place given in CSS pixels from the figure's upper left corner."""
    wide, high = (inches * CSS_DPI for inches in figure.get_size_inches())
    return figure.add_axes((left / wide, 1 - (top + height) / high, width / wide, height / high))


def quiet(axes: Axes, theme: Theme) -> None:
    """No frame, soft horizontal grid, small muted tick labels."""
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.grid(visible=True, axis="y", color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0, labelsize=7.8, labelcolor=theme.mute, pad=3)


def title(axes: Axes, text: str, theme: Theme, *, right: str = "", rise: float = 8.0) -> None:
    """A bold heading above the axes at the left, and a muted aside at the right, `rise` points above."""
    axes.annotate(
        text, (0, 1), (0, rise), xycoords="axes fraction", textcoords="offset points",
        fontsize=9.5, fontweight="bold", color=theme.text, ha="left", va="bottom", annotation_clip=False,
    )  # fmt: skip
    if right:
        axes.annotate(
            right, (1, 1), (0, rise), xycoords="axes fraction", textcoords="offset points",
            fontsize=8, color=theme.mute, ha="right", va="bottom", annotation_clip=False,
        )  # fmt: skip


def short_number(value: float) -> str:
    """12,000 -> 12k; 1,500,000 -> 1.5M; small numbers as they are."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.4g}{letter}"
    return f"{value:,.6g}"


def count_axis(axes: Axes, which: str = "x") -> None:
    """Tick labels of an axis of counts or steps."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))


def png(figure: Figure) -> bytes:
    """The figure as a PNG file, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
