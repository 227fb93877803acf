"""Convolutions over tokens and their neighbours: lines that go on and patterns that repeat are learnt in few steps by them."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Convolution(nn.Module):
    """(B, t, h, w, C) -> the same with D channels: 3x3 in space and, of clips, 3 in time; around the loop where `circular`.

    The frames before and after are channels of one frame: a convolution of images is the fastest there is, in memory as it is.
    """

    def __init__(self, channels: int, out: int, clips: bool) -> None:
        super().__init__()
        self.clips = clips
        self.layer = nn.Conv2d((3 if clips else 1) * channels, out, 3, padding=1)

    def start(self) -> None:
        """First weights: outputs as large as inputs."""
        nn.init.normal_(self.layer.weight, std=1 / math.sqrt(self.layer.weight[0].numel()))
        bias = self.layer.bias
        assert bias is not None
        nn.init.zeros_(bias)

    def forward(self, x: Tensor, circular: bool) -> Tensor:
        batch, frames = x.shape[:2]
        if self.clips:
            if circular:
                first, last = x[:, -1:], x[:, :1]
            else:  # nothing before the first and after the last
                first = last = torch.zeros_like(x[:, :1])
            x = torch.cat([torch.cat([first, x[:, :-1]], 1), x, torch.cat([x[:, 1:], last], 1)], -1)
        out: Tensor = self.layer(x.flatten(0, 1).permute(0, 3, 1, 2))
        return F.gelu(out).permute(0, 2, 3, 1).reshape(batch, frames, *out.shape[2:], -1)


class Local(nn.Module):
    """`into`: x + convolution(x), so many times. `out_of`: what the blocks found, beside what went into them (as in a U-Net),
    through as many. Without any, `out_of` is what the blocks found."""

    def __init__(self, count: int, channels: int, clips: bool) -> None:
        super().__init__()
        self.first = nn.ModuleList(Convolution(channels, channels, clips) for _ in range(count))
        self.last = nn.ModuleList(
            Convolution(channels if number else 2 * channels, channels, clips) for number in range(count)
        )

    def start(self) -> None:
        for layer in (*self.first, *self.last):
            layer.start()

    def into(self, x: Tensor, circular: bool) -> Tensor:
        for layer in self.first:
            x = x + layer(x, circular)
        return x

    def out_of(self, found: Tensor, before: Tensor, circular: bool) -> Tensor:
        for number, layer in enumerate(self.last):
            new = layer(found if number else torch.cat([found, before], -1), circular)
            found = found + new if number else new
        return found
