"""All loss terms of a run as one number."""

from tilework.objective.total.objective import Objective

__all__ = ["Objective"]
