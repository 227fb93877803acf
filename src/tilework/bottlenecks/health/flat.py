"""The statistics of a forward pass under the names of curves."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

# Measured over many batches elsewhere: over one batch they mean little.
_ELSEWHERE = frozenset({"counts", "perplexity"})
_MOST_LEVELS = 64


def flat_stats(stats: Mapping[str, Tensor], levels: int) -> dict[str, Tensor]:
    """Scalars as they are, metrics of Q levels (or of the sets they share) as `name.1` to `name.Q`; still on their device."""
    found = {}
    for name, value in stats.items():
        if value.ndim == 0:
            found[name] = value.float()
        elif value.ndim == 1 and name not in _ELSEWHERE and len(value) <= min(levels, _MOST_LEVELS):
            found |= {f"{name}.{level}": part for level, part in enumerate(value.float().unbind(), start=1)}
    return found
