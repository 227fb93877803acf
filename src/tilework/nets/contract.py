"""What an encoder and a decoder promise to the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn

from tilework.spec import Plugin, Size


class EncoderConfig(Plugin, ABC):
    """Settings of an encoder: images (B, C, H, W) in [0, 1] -> latents (B, out_channels, h, w); h = w = 1 for a vector."""

    @abstractmethod
    def grid(self, size: Size) -> Size:
        """Positions of the latent for images of `size`. Raises UserError where the size does not fit, naming the fix."""

    @abstractmethod
    def build(self, size: Size, channels: int, out_channels: int) -> nn.Module:
        """A new encoder for images of `size` with `channels` colours, delivering `out_channels`."""


class DecoderConfig(Plugin, ABC):
    """Settings of a decoder: latents (B, D, h, w) -> images (B, C, H, W) in [0, 1] (a linear output may leave that range)."""

    @abstractmethod
    def build(self, size: Size, channels: int, in_channels: int, encoder: EncoderConfig) -> nn.Module:
        """A new decoder that undoes `encoder` (whose widths it mirrors where its own are not given)."""
