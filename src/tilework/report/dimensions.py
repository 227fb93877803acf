"""KL per latent dimension of a VAE: which dimensions carry something, and which have collapsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tilework.metrics import ACTIVE
from tilework.report.drawing import place, quiet, sheet, title
from tilework.report.theme import LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def dimensions(kl: NDArray[np.floating], theme: Theme = LIGHT, *, width: float = 1120) -> Figure:
    """Draw `kl` (D,), the mean KL divergence of each dimension from its prior in nats; collapsed ones (<= 0.01) are crosses."""
    kl = np.asarray(kl, dtype=np.float64)
    left, above, below, plot = 50.0, 38.0, 36.0, 130.0
    figure = sheet(width, above + plot + below, theme)
    axes = place(figure, left, above, width - left - 8, plot)
    quiet(axes, theme)
    at = np.arange(1, len(kl) + 1)
    active = kl > ACTIVE
    axes.bar(at[active], kl[active], width=0.7, color=theme.lines[0], linewidth=0)
    top = max(float(kl[np.isfinite(kl)].max(initial=0.0)), ACTIVE) * 1.08
    axes.set_ylim(0, top)
    axes.set_xlim(0.4, len(kl) + 0.6)
    axes.plot(
        at[~active], np.full((~active).sum(), top * 0.05), "x", color=theme.bad, markersize=6, markeredgewidth=1.4
    )
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if len(kl) <= 32:
        axes.set_xticks(at)
    axes.set_xlabel("latent dimension", fontsize=7.8, color=theme.mute, labelpad=2)
    bits = kl[np.isfinite(kl)].sum() / np.log(2)
    aside = f"{active.sum()} of {len(kl)} active (> {ACTIVE} nats) · {kl.sum():.2f} nats = {bits:.1f} bits an image"
    title(axes, "KL per dimension", theme, right=aside, rise=6)
    return figure
