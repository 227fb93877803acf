"""Mean absolute error of edges: of the differences between neighbouring pixels."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from tilework.objective.contract import LossTerm, Outcome, TermConfig


class EdgeError(LossTerm):
    """|d x - d recon| for d the difference of a pixel to its right and to its lower neighbour, each a mean, added up.

    A blurred edge costs little squared error, but is wrong in every difference across it; a smooth area printed with a grid
    is wrong in every difference along it (the gradient difference loss of Mathieu 2016, arXiv 1511.05440, with the sign kept).
    An image one pixel wide has no differences across, and those count as 0.
    """

    def forward(self, outcome: Outcome) -> Tensor:
        error = outcome.recon - outcome.x
        across, down = error.diff(dim=3), error.diff(dim=2)
        return sum((d.abs().mean() for d in (across, down) if d.numel()), error.new_zeros(()))


class Config(TermConfig):
    """Mean absolute error of the differences between neighbouring pixels, so that edges stay sharp."""

    kind: Literal["edges"] = "edges"

    def build(self) -> LossTerm:
        return EdgeError()
