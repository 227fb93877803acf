"""Perceptual distance (LPIPS): the frozen backbones, their weights and the distance between features."""

from tilework.objective.perceptual.distance import PerceptualDistance
from tilework.objective.perceptual.weights import NetName, load_weights

__all__ = ["NetName", "PerceptualDistance", "load_weights"]
