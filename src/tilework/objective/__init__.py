"""Loss terms: one file per term, named as in the spec's `objective`."""

from tilework.objective.contract import LossTerm, Outcome, TermConfig

__all__ = ["LossTerm", "Outcome", "TermConfig"]
