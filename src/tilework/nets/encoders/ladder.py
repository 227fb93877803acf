"""Stride-2 convolutions, one after another, with or without residual blocks: every encoder of the reference systems."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator
from torch import nn

from tilework.errors import Refused, UserError
from tilework.nets.contract import EncoderConfig
from tilework.nets.layers import Flatten, Unflatten, downsample
from tilework.nets.rungs import Chain, sizes
from tilework.nets.settings import Ladder
from tilework.spec import Size


class Config(Ladder, EncoderConfig):
    """Images (B, C, H, W) -> a grid (B, D, h, w), or a vector (B, D, 1, 1) where `dense` is given.

    In order: for each of `widths` a stride-2 convolution and `blocks` blocks; at the resolution of the latent `middle`
    convolutions, and `tail_blocks` blocks with `attention` layers of self-attention among them; then the projection to D
    channels, or the dense head.
    """

    kind: Literal["ladder"] = "ladder"

    @model_validator(mode="after")
    def _norm_has_a_place(self) -> Config:
        if self.norm != "none" and self.norm_at == "last" and self.projection == "none" and self.dense is None:
            raise Refused("norm_at=last needs a projection after it", fix="set projection=1, or norm_at=each")
        return self

    def grid(self, size: Size) -> Size:
        """Positions of the latent: 1x1 for a vector. Raises UserError where `size` has too few pixels for the stages."""
        last = sizes(size, self.kernel, len(self.widths))[-1]
        return last if self.dense is None else Size(1, 1)

    def build(self, size: Size, channels: int, out_channels: int) -> nn.Sequential:
        """A new encoder, a Sequential with readable names (`stage1_conv`, `stage1_block1`, ..., `project` or `out`)."""
        last = sizes(size, self.kernel, len(self.widths))[-1]
        self._check_width(out_channels)
        chain = Chain(self, "each" if self.norm_at == "each" else "final", width=channels)
        for number, width in enumerate(self.widths, start=1):
            chain.add(f"stage{number}_conv", downsample(chain.width, width, self.kernel), width)
            chain.refine(self.blocks, f"stage{number}_block")
        chain.convolve(self.middle, "middle")
        chain.refine(self.tail_blocks, "tail_block", self.attention)
        if self.dense is not None:
            chain.finish(final=True)
            self._head(chain, chain.width * last.width * last.height, out_channels)
        elif self.projection != "none":
            chain.finish(final=True)
            project = nn.Conv2d(chain.width, out_channels, self.projection, padding=self.projection // 2)
            chain.layers.append(("project", project))
        return chain.build("last")

    def _head(self, chain: Chain, features: int, out_channels: int) -> None:
        chain.layers.append(("flatten", Flatten()))
        for number, width in enumerate(self.dense or (), start=1):
            chain.layers.append((f"dense{number}", nn.Linear(features, width)))
            chain.layers.append((f"dense{number}_act", chain.nonlinearity()))
            features = width
        chain.layers.append(("out", nn.Linear(features, out_channels)))
        chain.layers.append(("unflatten", Unflatten(out_channels, Size(1, 1))))

    def _check_width(self, out_channels: int) -> None:
        if self.dense is None and self.projection == "none" and self.widths[-1] != out_channels:
            raise UserError(
                f"encoder.widths ends in {self.widths[-1]}, but the bottleneck takes {out_channels} channels",
                why="with encoder.projection=none the last feature map is the latent itself, so its channels must be as many",
                fix="set encoder.projection=1",
            )
