"""What an encoder ladder and a decoder ladder have in common: the widths and sizes of their feature maps, and what stands
between two convolutions.

A ladder with n widths has n + 1 resolutions: the image, and one feature map after each stride-2 convolution. Encoder and
decoder treat the same feature map alike, so a decoder is described by the same settings, read from the other end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

from torch import nn

from tilework.errors import UserError
from tilework.nets.attention import SelfAttention
from tilework.nets.blocks.contract import BlockConfig
from tilework.nets.layers import activation, halved, norm
from tilework.nets.precise import Side, precise
from tilework.nets.settings import Ladder
from tilework.spec import BLOCKS, Size


def sizes(size: Size, kernel: int, stages: int) -> list[Size]:
    """The image's size and the size after each stride-2 convolution.

    Raises UserError where halving `size` that often would leave fewer than two positions on a side: such a stage looks at
    little but its own padding, and its output cannot hold an image.
    """
    smallest = min(size)
    if smallest < 2 ** (stages + 1):
        fit = max(0, smallest.bit_length() - 2)
        raise UserError(
            f"data.size is {size}, but encoder.widths has {stages} stride-2 stages",
            why=f"each stage halves the image: {smallest} / 2^{stages} = {smallest / 2**stages:.2g}, "
            "and a latent grid needs at least 2 positions on a side",
            fix=f"give encoder.widths at most {fit} entr{'y' if fit == 1 else 'ies'} for {size}"
            if fit
            else f"use data.size={2 ** (stages + 1)}x{2 ** (stages + 1)} or larger",
            field="data.size",
        )
    found = [size]
    for _ in range(stages):
        found.append(Size(halved(found[-1].width, kernel), halved(found[-1].height, kernel)))
    return found


@dataclass
class Chain:
    """Layers in order, with what belongs between two convolutions put in only when the next one comes.

    A convolution is followed by activation and norm, unless a block comes next that opens with its own (a residual block does) or
    nothing does (then it is the output itself, which must be free to take any value).
    """

    plan: Ladder
    norm_at: Literal["each", "first", "final"]
    layers: list[tuple[str, nn.Module]] = field(default_factory=list)
    width: int = 0
    open: str = ""
    """Name of the layer whose feature map waits for its activation; empty where none does."""
    first: bool = True
    """No feature map has been finished yet."""

    def add(self, name: str, layer: nn.Module, width: int) -> None:
        """Finish what stands open, then add a layer that delivers a feature map of `width` channels."""
        self.finish()
        self.layers.append((name, layer))
        self.width, self.open = width, name

    def finish(self, *, final: bool = False) -> None:
        """Activation and norm of the open feature map, in the plan's order. `final`: the last feature map of the chain."""
        if not self.open:
            return
        normed = (
            self.norm_at == "each" or (self.norm_at == "first" and self.first) or (self.norm_at == "final" and final)
        )
        scale = norm(self.plan.norm, self.width) if normed else None
        pair = [(f"{self.open}_act", self.nonlinearity())]
        if scale is not None:
            pair.insert(0 if self.plan.norm_order == "before" else 1, (f"{self.open}_norm", scale))
        self.layers += pair
        self.open, self.first = "", False

    def nonlinearity(self) -> nn.Module:
        """The plan's activation, where nobody else reads what goes into it."""
        return activation(self.plan.activation, inplace=True)

    def convolve(self, count: int, name: str) -> None:
        """`count` stride-1 3x3 convolutions that keep the width."""
        for number in range(1, count + 1):
            self.add(f"{name}{number}", nn.Conv2d(self.width, self.width, 3, padding=1), self.width)

    def refine(self, count: int, name: str, attention: int = 0) -> None:
        """`count` blocks of the plan's kind that keep the width, with self-attention behind each of the first `attention`."""
        block = self._block()
        normed = self.plan.norm if self.norm_at == "each" else "none"
        for number in range(1, max(count, attention) + 1):
            if number <= count:
                if not block.activates_input:
                    self.finish()
                self._append(f"{name}{number}", block.build(self.width, self.plan.activation, normed))
            if number <= attention:
                self._append(f"attention{number}", SelfAttention(self.width))

    def _append(self, name: str, layer: nn.Module) -> None:
        """A layer that gives what has had no activation: the next convolution must bring one."""
        self.layers.append((name, layer))
        self.open = name

    def _block(self) -> BlockConfig:
        config = BLOCKS.config(self.plan.block)
        own = config.model_fields.keys() & type(self.plan).model_fields.keys() - {"kind"}
        return cast(BlockConfig, config(kind=self.plan.block, **{name: getattr(self.plan, name) for name in own}))

    def build(self, latent: Side) -> nn.Sequential:
        """The layers as one module, each under its name; `latent`: on which side of them it is."""
        return precise(self.layers, latent)
