"""How often each code is chosen: a histogram per level, with the numbers without which it means nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tilework.report.drawing import count_axis, place, quiet, sheet, title
from tilework.report.theme import LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SEPARATE = 160  # codes up to which every bar is seen; beyond, bars are sorted and grow together


def usage(
    counts: NDArray[np.int64],
    theme: Theme = LIGHT,
    *,
    of: str = "",
    by_index: bool | None = None,
    width: float = 1120,
) -> Figure:
    """Draw `counts` (Q, K), or (K,) for one level: how many of N tokens chose each code; `width` in CSS pixels.
    `of` names the tokens.

    In the order of the codes (`by_index`; the default up to 160 codes) or sorted by count. Dead codes are crosses, the dashed
    line is N/K, where all codes would stand if they were used equally often.
    """
    levels = np.atleast_2d(np.asarray(counts))
    in_order = levels.shape[1] <= _SEPARATE if by_index is None else by_index
    left, above, below, plot = 50.0, 38.0, 36.0, 116.0
    figure = sheet(width, len(levels) * (above + plot + below), theme)
    for number, row in enumerate(levels):
        axes = place(figure, left, number * (above + plot + below) + above, width - left - 8, plot)
        _level(axes, row, theme, theme.level(number), in_order)
        name = f"level {number + 1}" if len(levels) > 1 else "codes"
        title(axes, f"{name}, {of}" if of else name, theme, right=describe(row), rise=6)
    return figure


def describe(counts: NDArray[np.int64]) -> str:
    """`16 of 16 used · perplexity 13.1 of 16 · K 16 · N 8,192 · N/K 512` for the counts (K,) of one level.

    Perplexity = exp(entropy in nats) of the shares. Where tokens are so few that even uniform use would leave codes out (it
    reaches 1 - exp(-N/K) of them), that share is added.
    """
    codes, tokens = len(counts), int(counts.sum())
    used = int((counts > 0).sum())
    per_code = tokens / codes
    text = (
        f"{used:,} of {codes:,} used · perplexity {perplexity(counts):,.1f} of {codes:,}"
        f" · K {codes:,} · N {tokens:,} · N/K {per_code:,.{0 if per_code >= 100 else 1}f}"
    )
    reachable = 1 - math.exp(-per_code)
    return text + (f" · uniform use would reach {reachable:.0%}" if reachable < 0.99 else "")


def perplexity(counts: NDArray[np.int64]) -> float:
    """exp(- sum_k p_k ln p_k) with p = counts / N; 0 where nothing was counted."""
    total = counts.sum()
    if total == 0:
        return 0.0
    share = counts[counts > 0] / total
    return float(np.exp(-(share * np.log(share)).sum()))


def _level(axes: Axes, counts: NDArray[np.int64], theme: Theme, colour: str, in_order: bool) -> None:
    quiet(axes, theme)
    codes = len(counts)
    shown = counts if in_order else np.sort(counts)[::-1]
    at = np.arange(codes)
    if codes <= _SEPARATE:
        axes.bar(at, shown, width=0.78, color=colour, linewidth=0)
    else:
        axes.fill_between(at, shown, step="mid", color=colour, linewidth=0)
    top = max(int(counts.max(initial=0)), 1) * 1.06
    axes.set_ylim(0, top)
    axes.set_xlim(-0.6, codes - 0.4)
    dead = at[shown == 0]
    if codes <= _SEPARATE or in_order:
        size = 6.0 if codes <= 64 else 3.5
        axes.plot(
            dead,
            np.full(len(dead), top * 0.05),
            "x",
            color=theme.bad,
            markersize=size,
            markeredgewidth=1.4,
            clip_on=False,
        )
    elif len(dead):
        # Sorted, the dead are one stretch at the end: a band, with one cross and their number.
        axes.axvspan(dead[0] - 0.5, codes - 0.5, color=theme.bad, alpha=0.10, linewidth=0)
        axes.plot([(dead[0] + codes) / 2], [top * 0.42], "x", color=theme.bad, markersize=7, markeredgewidth=1.6)
        axes.annotate(
            f"{len(dead):,} dead", ((dead[0] + codes) / 2, top * 0.42), (0, -14), textcoords="offset points",
            ha="center", va="top", fontsize=7.5, color=theme.bad, annotation_clip=False,
        )  # fmt: skip
    axes.axhline(counts.sum() / codes, color=theme.mute, linewidth=1.0, linestyle=(0, (4, 3)), zorder=3)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    count_axis(axes, "y")
    if in_order and codes <= 32:
        axes.set_xticks(at)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_xlabel("code" if in_order else "codes, most used first", fontsize=7.8, color=theme.mute, labelpad=2)
