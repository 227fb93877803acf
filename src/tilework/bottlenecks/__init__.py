"""Bottlenecks: one file per kind; each also works alone in any PyTorch model."""

from tilework.bottlenecks.contract import Bottleneck, BottleneckConfig, Latent

__all__ = ["Bottleneck", "BottleneckConfig", "Latent"]
