"""Stride-2 convolutions, one after another, with or without residual blocks: every encoder of the reference systems."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from torch import nn

from tilework.errors import UserError
from tilework.nets.blocks import Activation, Flatten, Norm, Unflatten, downsample
from tilework.nets.contract import EncoderConfig
from tilework.nets.rungs import Chain, Count, Dense, Plan, Width, Widths, sizes
from tilework.spec import Size


class Config(EncoderConfig):
    """Pictures (B, C, H, W) -> a grid (B, D, h, w), or a vector (B, D, 1, 1) where `dense` is given.

    In order: for each of `widths` a stride-2 convolution and `blocks` blocks; `middle` convolutions and `tail_blocks` blocks
    at the resolution of the latent; then the projection to D channels, or the dense head.
    """

    kind: Literal["ladder"] = "ladder"
    widths: Widths = Field(default=(64, 128), description="channels after each stride-2 convolution, picture first")
    kernel: Literal[3, 4] = Field(default=4, description="pixels on a side of the stride-2 convolutions")
    block: Literal["residual", "plain"] = Field(
        default="residual", description="what a block is: a residual block, or a 3x3 convolution"
    )
    blocks: Count = Field(default=0, description="blocks after each stride-2 convolution")
    residual_width: Width | None = Field(
        default=None, description="channels inside a residual block; null = as many as around it"
    )
    middle: Count = Field(default=0, description="3x3 convolutions at the resolution of the latent")
    tail_blocks: Count = Field(default=0, description="blocks at the resolution of the latent, after the middle")
    norm: Norm = Field(default="none", description="normalisation of feature maps")
    norm_at: Literal["each", "last"] = Field(
        default="each", description="every feature map, or only the one next to the latent"
    )
    norm_order: Literal["before", "after"] = Field(
        default="before", description="norm before or after the activation (in residual blocks always before)"
    )
    activation: Activation = Field(default="relu", description="nonlinearity between convolutions")
    projection: Literal[1, 3, "none"] = Field(
        default=1,
        description="kernel of the last convolution, to the latent's channels; none = the last width is the latent",
    )
    dense: Dense | None = Field(
        default=None, description="widths of hidden dense layers before a vector latent ([] = none); null = a grid"
    )

    @model_validator(mode="after")
    def _norm_has_a_place(self) -> Config:
        if self.norm != "none" and self.norm_at == "last" and self.projection == "none" and self.dense is None:
            raise ValueError("norm_at=last needs a projection after it; set projection=1, or norm_at=each")
        return self

    def plan(self) -> Plan:
        """The same settings for whoever mirrors them."""
        return Plan(**{name: getattr(self, name) for name in type(self).model_fields if name != "kind"})

    def grid(self, size: Size) -> Size:
        """Positions of the latent: 1x1 for a vector. Raises UserError where `size` has too few pixels for the stages."""
        last = sizes(size, self.kernel, len(self.widths))[-1]
        return last if self.dense is None else Size(1, 1)

    def build(self, size: Size, channels: int, out_channels: int) -> nn.Sequential:
        """A new encoder, a Sequential with readable names (`stage1_conv`, `stage1_block1`, ..., `project` or `out`)."""
        last = sizes(size, self.kernel, len(self.widths))[-1]
        self._check_width(out_channels)
        chain = Chain(self.plan(), "each" if self.norm_at == "each" else "final", width=channels)
        for number, width in enumerate(self.widths, start=1):
            chain.add(f"stage{number}_conv", downsample(chain.width, width, self.kernel), width)
            chain.refine(self.blocks, f"stage{number}_block")
        chain.convolve(self.middle, "middle")
        chain.refine(self.tail_blocks, "tail_block")
        if self.dense is not None:
            chain.finish(final=True)
            self._head(chain, chain.width * last.width * last.height, out_channels)
        elif self.projection != "none":
            chain.finish(final=True)
            project = nn.Conv2d(chain.width, out_channels, self.projection, padding=self.projection // 2)
            chain.layers.append(("project", project))
        return chain.build()

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
