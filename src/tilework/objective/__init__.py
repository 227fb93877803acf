"""Loss terms: one file per term, named as in the spec's `objective`; `Objective` sums them."""

from tilework.objective.contract import LossTerm, Outcome, TermConfig
from tilework.objective.total import Objective

__all__ = ["LossTerm", "Objective", "Outcome", "TermConfig"]
