"""A 2-D latent space on paper: images as points, codes as numbered boxes, and the cell that each code claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
_NUMBERED = 64  # codes up to here have their numbers


def latent_map(
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    codes: NDArray[np.floating],
    counts: NDArray[np.integer] | None = None,
    theme: Theme = LIGHT,
    *,
    names: Sequence[str] = (),
    heading: str = "latent space",
    aside: str = "",
    caption: bool = False,
    width: float = 720,
) -> Figure:
    """Draw `points` (N, 2) coloured by `labels` (N,), and `codes` (K, 2) with their `counts` (K,); `width` in CSS pixels.

    A code that was never chosen is a cross. Cells are the regions nearest to a code, tinted in the colour of most of the points
    in them. Label -1 means none. Without codes (K = 0) only the points are drawn. `names` are the classes' names. With `caption`
    a line below explains what is what.
    """
    scene = Scene.of(points, labels, codes, counts)
    legend = 104.0 if scene.colours else 12.0
    left, above, below = 42.0, 38.0, 48.0 if caption else 28.0
    side = width - left - legend
    figure = sheet(width, side + above + below, theme)
    axes = place(figure, left, above, side, side)
    box = scene.frame()
    scene.draw(axes, box, theme)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    outside = int((~_inside(scene.codes, box)).sum())
    asides = [aside or f"{len(scene.points):,} images"]
    if len(scene.codes) and not aside:
        asides.append(f"{scene.alive.sum()} of {len(scene.codes)} codes in use")
    if outside:
        asides.append(f"{outside} code{'s' if outside > 1 else ''} outside the map")
    title(axes, heading, theme, right=" · ".join(asides), rise=7)
    _legend(axes, scene.colours, names, bool((~scene.alive).any()), theme)
    if caption:
        figure.text(
            left / width, 8 / (side + above + below), _what_is_what(scene), fontsize=8, color=theme.mute, va="bottom"
        )
    return figure


def _what_is_what(scene: Scene) -> str:
    if not len(scene.codes):
        return "dot = image, coloured by its label"
    mark = "numbered box" if len(scene.codes) <= _NUMBERED else "circle"
    return f"dot = image · {mark} = code · cell = what the code claims, tinted like most images in it"


def latent_story(
    moments: Sequence[tuple[str, Scene]], theme: Theme = LIGHT, *, columns: int = 4, width: float = 1120
) -> Figure:
    """The same latent space at several moments, (what, scene) each, all in one frame so that movement can be seen."""
    gap, above, rim = 14.0, 28.0, 2.0
    side = (width - gap * (columns - 1) - 2 * rim) / columns
    rows = -(-len(moments) // columns)
    figure = sheet(width, rows * (above + side + gap), theme)
    frames = np.array([scene.frame() for _, scene in moments])
    box = (frames[:, 0].min(), frames[:, 1].max(), frames[:, 2].min(), frames[:, 3].max())
    for number, (what, scene) in enumerate(moments):
        row, column = divmod(number, columns)
        axes = place(figure, rim + column * (side + gap), row * (above + side + gap) + above, side, side)
        scene.draw(axes, box, theme, small=True)
        axes.tick_params(labelbottom=False, labelleft=False)
        title(axes, what, theme, rise=4)
    return figure


@dataclass(frozen=True)
class Scene:
    """One moment of a 2-D latent space, checked and ready to draw."""

    points: NDArray[np.float64]
    labels: NDArray[np.integer]
    codes: NDArray[np.float64]
    alive: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        points: NDArray[np.floating],
        labels: NDArray[np.integer],
        codes: NDArray[np.floating],
        counts: NDArray[np.integer] | None = None,
    ) -> Scene:
        """From arrays as `latent_map` takes them; points that are no numbers are left out."""
        sane = np.isfinite(points).all(axis=1)
        codes = np.asarray(codes, dtype=np.float64).reshape(-1, 2)
        alive = np.ones(len(codes), dtype=bool) if counts is None else np.asarray(counts) > 0
        return cls(np.asarray(points, dtype=np.float64)[sane], np.asarray(labels)[sane], codes, alive)

    @property
    def colours(self) -> dict[int, str]:
        """Label -> colour."""
        return class_colours(self.labels)

    def frame(self) -> Box:
        """A square around the points (all but the outermost 0.2 %) and those codes that are not far away from them."""
        seen = self.points if len(self.points) else self.codes
        if not len(seen):
            return (-1.0, 1.0, -1.0, 1.0)
        low, high = np.quantile(seen, 0.002, axis=0), np.quantile(seen, 0.998, axis=0)
        middle, half = (low + high) / 2, max(float((high - low).max()) / 2, 1e-6)
        near = self.codes[np.abs(self.codes - middle).max(axis=1) < 1.6 * half]
        both = np.concatenate([near, [low], [high]])
        low, high = both.min(axis=0), both.max(axis=0)
        middle, half = (low + high) / 2, max(float((high - low).max()) / 2, 1e-6) * 1.08
        return (middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half)

    def draw(self, axes: Axes, box: Box, theme: Theme, *, small: bool = False) -> None:
        """Cells, points and codes into `axes`, framed by `box` (x0, x1, y0, y1)."""
        quiet(axes, theme)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set(visible=True, color=theme.line, linewidth=0.8)
        axes.set(xlim=box[:2], ylim=box[2:], aspect="equal")
        if len(self.codes):
            _cells(axes, self, box, theme)
        _points(axes, self, theme, small)
        _codes(axes, self, box, theme, small)


def class_colours(labels: NDArray[np.integer]) -> dict[int, str]:
    """Label -> colour: the ten of the palette, or evenly spaced hues where there are more classes than ten; -1 has none."""
    found = [int(label) for label in np.unique(labels) if label >= 0]
    if not found or max(found) < len(PETROFF10):
        return {label: PETROFF10[label] for label in found}
    hues = colormaps["turbo"](np.linspace(0.06, 0.94, len(found)))
    return {label: to_hex(hue) for label, hue in zip(found, hues, strict=True)}


def _inside(codes: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    return (codes[:, 0] >= box[0]) & (codes[:, 0] <= box[1]) & (codes[:, 1] >= box[2]) & (codes[:, 1] <= box[3])


def _cells(axes: Axes, scene: Scene, box: Box, theme: Theme) -> None:
    cells = voronoi_cells(scene.codes, box)
    owner, colours = nearest(scene.points, scene.codes), scene.colours
    tinted, tints = [], []
    for number, cell in enumerate(cells):
        mine = scene.labels[owner == number]
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


def _points(axes: Axes, scene: Scene, theme: Theme, small: bool) -> None:
    if not len(scene.points):
        return
    # In one shuffled pass: class after class, the last would cover the first.
    order = np.random.default_rng(0).permutation(len(scene.points))
    colours = scene.colours
    fill = [colours.get(int(label), theme.mute) for label in scene.labels[order]]
    edge = [theme.text if theme.needs_outline(colour) else colour for colour in fill]
    size = float(np.clip(9000 / len(scene.points), 4.0, 16.0)) * (0.4 if small else 1.0)
    x, y = scene.points[order].T
    axes.scatter(x, y, s=size, c=fill, edgecolors=edge, linewidths=0.25 if size >= 8 else 0.1, alpha=0.85, zorder=3)


def _codes(axes: Axes, scene: Scene, box: Box, theme: Theme, small: bool) -> None:
    # Those outside are left out here: a label millions of pixels away is more than the renderer can place.
    numbers = np.flatnonzero(_inside(scene.codes, box))
    codes, alive = scene.codes[numbers], scene.alive[numbers]
    numbered = len(scene.codes) <= _NUMBERED and not small
    size = 13.0 if numbered else 6.0 if len(scene.codes) <= 256 else 3.5
    if not numbered:
        axes.plot(
            *codes[alive].T, "o", markersize=size, markerfacecolor=theme.panel, markeredgecolor=theme.text,
            markeredgewidth=1.0, zorder=5,
        )  # fmt: skip
    axes.plot(*codes[~alive].T, "x", markersize=max(size * 0.62, 4.0), color=theme.bad, markeredgewidth=1.8, zorder=5)
    if not numbered:
        return
    for number, living, (x, y) in zip(numbers.tolist(), alive, codes, strict=True):
        name = f"c{number}"  # not the number alone: classes are numbers too
        if living:
            axes.text(
                x, y, name, fontsize=6.5, fontweight="bold", color=theme.text, zorder=6,
                ha="center", va="center_baseline", clip_on=True,
                bbox={"boxstyle": "round,pad=0.3", "facecolor": theme.panel, "edgecolor": theme.text, "linewidth": 1.2},
            )  # fmt: skip
        else:
            axes.annotate(name, (x, y), (5, 4), textcoords="offset points", fontsize=6.5, color=theme.bad, zorder=6)


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
            handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=8,
            handletextpad=0.3, labelspacing=0.55, borderaxespad=0.0,
            title="label" if colours else None, title_fontsize=8, alignment="left",
        )  # fmt: skip
        found.get_title().set_color(theme.mute)
        for text in found.get_texts():
            text.set_color(theme.text)
