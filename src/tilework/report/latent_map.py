"""A 2-D latent space on paper: pictures as points, codes as numbered circles, and the cell that each code claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tilework.report.cells import voronoi_cells
from tilework.report.drawing import place, quiet, sheet, title
from tilework.report.theme import LIGHT, PETROFF10, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Box = tuple[float, float, float, float]
_LEGEND = 20  # classes that fit beside the map


def latent_map(
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    codes: NDArray[np.floating],
    counts: NDArray[np.integer] | None = None,
    theme: Theme = LIGHT,
    *,
    names: Sequence[str] = (),
    heading: str = "latent space",
    remark: str = "",
    width: float = 720,
) -> Figure:
    """Draw `points` (N, 2) coloured by `labels` (N,), and `codes` (K, 2) with their `counts` (K,); `width` in CSS pixels.

    A code that was never chosen is a cross. Cells are the regions nearest to a code, tinted in the colour of most of the points
    in them. Label -1 means none. Without codes (K = 0) only the points are drawn. `names` are the classes' names.
    """
    sane = np.isfinite(points).all(axis=1)
    return _draw(
        np.asarray(points, dtype=np.float64)[sane], np.asarray(labels)[sane],
        np.asarray(codes, dtype=np.float64).reshape(-1, 2), counts, theme, names, heading, remark, width,
    )  # fmt: skip


def _draw(
    points: NDArray[np.float64], labels: NDArray[np.integer], codes: NDArray[np.float64],
    counts: NDArray[np.integer] | None, theme: Theme, names: Sequence[str], heading: str, remark: str, width: float,
) -> Figure:  # fmt: skip
    alive = np.ones(len(codes), dtype=bool) if counts is None else np.asarray(counts) > 0
    colours = class_colours(labels)
    legend = 112.0 if colours else 12.0
    left, above, below = 34.0, 38.0, 28.0
    side = width - left - legend
    figure = sheet(width, side + above + below, theme)
    axes = place(figure, left, above, side, side)
    box = _frame(points, codes)
    quiet(axes, theme)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=theme.line, linewidth=0.8)
    axes.set(xlim=box[:2], ylim=box[2:], aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    if len(codes):
        _cells(axes, codes, box, points, labels, colours, theme)
    _points(axes, points, labels, colours, theme)
    _codes(axes, codes, alive, theme)
    outside = _outside(codes, box)
    remarks = [remark] if remark else [f"{len(points):,} pictures"]
    if len(codes) and not remark:
        remarks.append(f"{alive.sum()} of {len(codes)} codes in use")
    if outside:
        remarks.append(f"{outside} codes outside the map")
    title(axes, heading, theme, right=" · ".join(remarks), rise=7)
    _legend(axes, colours, names, bool(len(codes) and not alive.all()), theme)
    return figure


def class_colours(labels: NDArray[np.integer]) -> dict[int, str]:
    """Label -> colour: the ten of the palette, or evenly spaced hues where there are more classes than ten; -1 has none."""
    found = [int(label) for label in np.unique(labels) if label >= 0]
    if not found or max(found) < len(PETROFF10):
        return {label: PETROFF10[label] for label in found}
    hues = colormaps["turbo"](np.linspace(0.06, 0.94, len(found)))
    return {label: to_hex(hue) for label, hue in zip(found, hues, strict=True)}


def _frame(points: NDArray[np.float64], codes: NDArray[np.float64]) -> Box:
    """A square around the points (all but the outermost 0.2 %) and those codes that are not far away from them."""
    seen = points if len(points) else codes
    if not len(seen):
        return (-1.0, 1.0, -1.0, 1.0)
    low, high = np.quantile(seen, 0.002, axis=0), np.quantile(seen, 0.998, axis=0)
    middle, half = (low + high) / 2, max(float((high - low).max()) / 2, 1e-6)
    near = codes[np.abs(codes - middle).max(axis=1) < 1.6 * half] if len(codes) else codes
    both = np.concatenate([near, [low], [high]])
    low, high = both.min(axis=0), both.max(axis=0)
    middle, half = (low + high) / 2, max(float((high - low).max()) / 2, 1e-6) * 1.08
    return (middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half)


def _outside(codes: NDArray[np.float64], box: Box) -> int:
    inside = (codes[:, 0] >= box[0]) & (codes[:, 0] <= box[1]) & (codes[:, 1] >= box[2]) & (codes[:, 1] <= box[3])
    return int((~inside).sum())


def _cells(
    axes: Axes, codes: NDArray[np.float64], box: Box, points: NDArray[np.float64], labels: NDArray[np.integer],
    colours: dict[int, str], theme: Theme,
) -> None:  # fmt: skip
    cells = voronoi_cells(codes, box)
    owner = nearest(points, codes)
    tinted, tints = [], []
    for number, cell in enumerate(cells):
        mine = labels[owner == number]
        mine = mine[mine >= 0]
        if len(cell) and len(mine):
            tinted.append(cell)
            tints.append(colours[int(np.bincount(mine).argmax())])
    axes.add_collection(PolyCollection(tinted, facecolors=tints, alpha=0.13, linewidths=0, zorder=1), autolim=False)
    borders = [np.concatenate([cell, cell[:1]]) for cell in cells if len(cell)]
    axes.add_collection(LineCollection(borders, colors=theme.line, linewidths=0.7, zorder=2), autolim=False)


def nearest(points: NDArray[np.float64], codes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the nearest code for each point (N, 2); the first of equals. In chunks, so that no N x K matrix exists."""
    found = np.empty(len(points), dtype=np.int64)
    for start in range(0, len(points), 512):
        difference = points[start : start + 512, None] - codes[None]
        found[start : start + 512] = (difference**2).sum(-1).argmin(1)
    return found


def _points(
    axes: Axes, points: NDArray[np.float64], labels: NDArray[np.integer], colours: dict[int, str], theme: Theme
) -> None:
    if not len(points):
        return
    # In one shuffled pass: class after class, the last would cover the first.
    order = np.random.default_rng(0).permutation(len(points))
    fill = np.array([colours.get(int(label), theme.mute) for label in labels[order]])
    edge = [theme.text if theme.needs_outline(colour) else colour for colour in fill]
    size = float(np.clip(9000 / len(points), 4.0, 16.0))
    axes.scatter(
        points[order, 0], points[order, 1], s=size, c=fill, edgecolors=edge, linewidths=0.25, alpha=0.85, zorder=3
    )


def _codes(axes: Axes, codes: NDArray[np.float64], alive: NDArray[np.bool_], theme: Theme) -> None:
    numbered = len(codes) <= 64
    size = 13.0 if numbered else 6.0 if len(codes) <= 256 else 3.5
    axes.plot(
        *codes[alive].T, "o", markersize=size, markerfacecolor=theme.panel, markeredgecolor=theme.text,
        markeredgewidth=1.5 if numbered else 0.9, zorder=5,
    )  # fmt: skip
    axes.plot(*codes[~alive].T, "x", markersize=size * 0.62, color=theme.bad, markeredgewidth=1.8, zorder=5)
    if numbered:
        for number, (x, y) in enumerate(codes):
            if alive[number]:
                axes.text(
                    x, y, str(number), fontsize=6.5, fontweight="bold", color=theme.text, zorder=6,
                    ha="center", va="center_baseline", clip_on=True,
                )  # fmt: skip
            else:
                axes.annotate(
                    str(number), (x, y), (5, 4), textcoords="offset points", fontsize=6.5, color=theme.bad, zorder=6
                )


def _legend(axes: Axes, colours: dict[int, str], names: Sequence[str], any_dead: bool, theme: Theme) -> None:
    def dot(colour: str, label: str) -> Line2D:
        edge = theme.text if theme.needs_outline(colour) else colour
        return Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            color=colour,
            markeredgecolor=edge,
            markeredgewidth=0.6,
            markersize=6,
            label=label,
        )

    handles = [
        dot(colour, names[label] if label < len(names) else str(label))
        for label, colour in list(colours.items())[:_LEGEND]
    ]
    if len(colours) > _LEGEND:
        handles.append(Line2D([], [], linestyle="", label=f"and {len(colours) - _LEGEND} more"))
    if any_dead:
        handles.append(
            Line2D(
                [], [], marker="x", linestyle="", color=theme.bad, markersize=6, markeredgewidth=1.6, label="dead code"
            )
        )
    if handles:
        found = axes.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=7.5,
            handletextpad=0.3, labelspacing=0.55, borderaxespad=0.0,
        )  # fmt: skip
        for text in found.get_texts():
            text.set_color(theme.text)
