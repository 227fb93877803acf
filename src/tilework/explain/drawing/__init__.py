"""Drawings as SVG, made of values alone: a page of any kind puts them in as they are. Colours are CSS variables with defaults.

Each stage is a group of class `stage` with a title and `data-stage`, `data-side` and `data-shape`, so that a page can show it
where a hand rests on it.
"""

from tilework.explain.drawing.network import network_svg
from tilework.explain.drawing.prior import prior_svg
from tilework.explain.drawing.token import token_svg

__all__ = ["network_svg", "prior_svg", "token_svg"]
