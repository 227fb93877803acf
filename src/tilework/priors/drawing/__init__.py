"""From logits to a token."""

from tilework.priors.drawing.draw import draw, guided, log_probability

__all__ = ["draw", "guided", "log_probability"]
