"""What the transformers over tokens share: the order of tokens, time, the settings that may be steered, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from tilework.errors import UserError
from tilework.priors.blocks.block import Branch
from tilework.priors.blocks.labels import LabelEmbedding
from tilework.priors.blocks.positions import GridPositions
from tilework.priors.blocks.rotary import Turn, angles
from tilework.priors.blocks.settings import TransformerConfig
from tilework.priors.contract import LabelMix, Prior, Sampling, TokenShape
from tilework.spec import Setting

BITS = 1 / math.log(2)
"""Bits of a nat."""


class TransformerPrior(Prior):
    """A prior whose networks see P = T x h x w positions, each with its Q codes."""

    def __init__(self, config: TransformerConfig, shape: TokenShape, grid: tuple[int, int] | None = None) -> None:
        """`grid`: rows and columns of positions, where they are not those of the tokens."""
        super().__init__(config, shape)
        self.any_length = shape.frames > 1
        self.head_dim = config.width // config.heads
        self.positions = GridPositions(config.positions, *(grid or (shape.height, shape.width)), config.width)
        classes = shape.classes if config.labels else 0
        self.label = LabelEmbedding(classes, config.width, config.label_dropout)
        self.drop = Branch(config.dropout)

    @property
    def grid(self) -> int:
        """Positions of one frame."""
        return self.positions.height * self.positions.width

    def turn(self, frames: int, each: int, chosen: Sequence[int] | None = None) -> Turn | None:
        """The angles of `frames` frames (or of those that are `chosen` among them) of `each` tokens; None for images, which have
        no time."""
        if self.shape.frames == 1:
            return None
        angle = angles(frames, self.head_dim, self.shape.loop)
        if chosen is not None:
            angle = angle[list(chosen)]
        return Turn(angle.repeat_interleave(each, 0), next(self.parameters()))

    def settings(self) -> list[Setting]:
        found = [
            Setting("dropout", "Dropout", self.drop.share, 0.0, 0.9, "linear", "share of channels left out in training")
        ]
        if self.label.classes:
            found.append(
                Setting(
                    "label_dropout", "Label dropout", self.label.dropout, 0.0, 0.9, "linear",
                    "share of items whose label is left out in training",
                )
            )  # fmt: skip
        return found

    def set(self, name: str, value: float) -> None:
        if name == "dropout":
            for layer in self.modules():
                if isinstance(layer, Branch):
                    layer.share = value
        elif name == "label_dropout" and self.label.classes:
            self.label.dropout = value
        else:
            raise KeyError(name)

    def facts(self) -> Mapping[str, Any]:
        return {"parameters": sum(p.numel() for p in self.parameters()), "positions": self.shape.frames * self.grid}

    @contextmanager
    def still(self) -> Iterator[None]:
        """Neither dropout nor gradients; the mode that it was in comes back."""
        was = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.train(was)

    def begun(
        self, given: Tensor, known: Tensor, labels: Tensor, sampling: Sampling, mix: LabelMix | None = None
    ) -> tuple[Tensor, Tensor]:
        """What `sample` begins with, both (B, P, Q) and to be written to: the known codes, 0 elsewhere, and which are known.
        Raises UserError as `refuse` does."""
        self.refuse(torch.where(known, given, 0), labels, sampling)
        if mix is not None:
            self.refuse(torch.where(known, given, 0), mix.labels)
        there = flat(known).clone()
        return torch.where(there, flat(given), 0), there

    def refuse(self, tokens: Tensor, labels: Tensor, sampling: Sampling | None = None) -> None:
        """Raises UserError for items that are not of this prior's shape, and for a sampling that it cannot do."""
        shape = self.shape
        frames, *rest = tokens.shape[1:]
        if tuple(rest) != shape.item[1:] or (frames != shape.frames and not self.any_length):
            raise UserError(
                f"items of {_by(tokens.shape[1:])} tokens do not fit a prior over {_by(shape.item)}",
                why="frames x levels x height x width are those of the tokens that it was trained on",
                fix="use an image or clip that the same tokenizer has encoded",
            )
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < shape.codes:
            raise UserError(
                f"codes from {int(tokens.min())} to {int(tokens.max())} are not codes of this prior",
                why=f"its tokenizer has {shape.codes}, 0 to {shape.codes - 1}",
                fix="use tokens of the run that the prior was trained on",
            )
        if self.label.classes and int(labels.max()) >= self.label.classes:
            raise UserError(
                f"label {int(labels.max())} is not known to this prior",
                why=f"it was trained with {self.label.classes} labels, 0 to {self.label.classes - 1}",
                fix=f"write a label from 0 to {self.label.classes - 1}, or -1 for none",
            )
        if sampling is not None:
            self._refuse_sampling(sampling)

    def _refuse_sampling(self, sampling: Sampling) -> None:
        if sampling.top_k is not None and sampling.top_k > self.shape.codes:
            raise UserError(
                f"--top-k {sampling.top_k} is more than the {self.shape.codes} codes that there are",
                why="it limits how many of the likeliest codes may be drawn",
                fix=f"write --top-k {self.shape.codes} or less, or leave it out for all",
            )
        if sampling.guidance and not self.label.classes:
            raise UserError(
                f"--guidance {sampling.guidance:g} has nothing to guide to",
                why="this prior was trained without labels",
                fix="leave --guidance out, or train a prior with labels",
            )
        if sampling.guidance and not self.label.dropout:
            raise UserError(
                f"--guidance {sampling.guidance:g} needs a prior that knows items without labels",
                why="this one was trained with label_dropout 0",
                fix="leave --guidance out, or train with prior.label_dropout=0.1",
            )


def flat(tokens: Tensor) -> Tensor:
    """(B, T, Q, h, w) -> (B, P, Q): frame by frame, row by row."""
    return tokens.permute(0, 1, 3, 4, 2).flatten(1, 3)


def item(flat_tokens: Tensor, like: Tensor) -> Tensor:
    """(B, P, Q) -> (B, T, Q, h, w), the shape of `like`; a view."""
    frames, _, height, width = like.shape[1:]
    return flat_tokens.view(-1, frames, height, width, flat_tokens.shape[2]).permute(0, 1, 4, 2, 3)


def _by(lengths: tuple[int, ...] | torch.Size) -> str:
    return " x ".join(map(str, lengths))
