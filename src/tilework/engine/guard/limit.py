"""How large a gradient may be before a step is refused: a broken batch that is met once.

Its loss is back at the next step, and nothing seems to have happened; but the optimiser's second moment keeps the square of that
gradient for a thousand steps, and each of them is far too short. Clipping bounds what arrives there, and not what it is beside
gradients that are small.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tilework.engine.guard.history import Entry

FAR = 100.0
"""Times the largest gradient norm of the steps before. Batches of healthy runs differ by ten."""
BEFORE, ENOUGH = 64, 20
"""Steps before, and how many of them count."""
MOVED = 2.0
"""A loss weight that has moved by more than this factor makes other gradients: nothing is refused until they are known."""
MANY, WITHIN = 20, 1000
"""So many refused within so many steps are no broken batches: the data has such, and the model is to learn them."""


@dataclass
class Limit:
    """The limit of one run; it is learned at each look, and is infinite while nothing is known."""

    norm: float = math.inf
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of the loss terms, when it was learned."""
    refused: list[int] = field(default_factory=list)
    """Steps that were refused for it, the newest `MANY`."""

    def learn(self, entries: Sequence[Entry], refused: Iterable[int], weights: Mapping[str, float], step: int) -> None:
        """Learn it anew from steps that were taken, and from those that it has refused."""
        self.refused = [one for one in [*self.refused, *refused] if step - one < WITHIN][-MANY:]
        norms = [entry.values["grad_norm"] for entry in entries[-BEFORE:] if "grad_norm" in entry.values]
        norms = [norm for norm in norms if math.isfinite(norm)]
        known = len(norms) >= ENOUGH and len(self.refused) < MANY
        self.norm = FAR * max(norms) if known else math.inf
        self.weights = dict(weights)

    def under(self, weights: Mapping[str, float]) -> float:
        """The limit of a step under these loss weights."""
        if math.isinf(self.norm) or any(_moved(self.weights.get(name, 0.0), now) for name, now in weights.items()):
            return math.inf
        return self.norm


def _moved(before: float, now: float) -> bool:
    return abs(now) > MOVED * abs(before) or abs(before) > MOVED * abs(now)
