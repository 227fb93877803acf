"""One page about one run, and the pictures that it is made of."""

from tilework.report.page import report

__all__ = ["report"]
