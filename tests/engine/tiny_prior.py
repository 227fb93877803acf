"""A prior that is learnt in a moment: each position has its own codes, likelier where the frame before has them."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from tiny_runs import tiny
from torch import Tensor, nn

from tilework.engine import train
from tilework.priors.contract import LabelMix, Loss, PriorConfig, Sampling, TokenShape, Watch
from tilework.priors.contract import Prior as PriorContract
from tilework.runs.folder import RunFolder, default_root, run_names
from tilework.spec import PRIORS, RunSpec, Setting
from tilework.spec.load import apply_overrides, parse_spec


class Config(PriorConfig):
    kind: Literal["tiny"] = "tiny"
    dropout: float = Field(default=0.1, ge=0, lt=1, description="share of the logits left out")


class Prior(PriorContract):
    def __init__(self, config: Config, shape: TokenShape) -> None:
        super().__init__(config, shape)
        self.config: Config = config
        self.own = nn.Parameter(0.01 * torch.randn(shape.levels, shape.height, shape.width, shape.codes))
        self.label = nn.Embedding(shape.classes + 1, shape.codes)
        self.copied = nn.Parameter(torch.zeros(()))
        self.dropout = nn.Dropout(config.dropout)

    def logits(self, tokens: Tensor, labels: Tensor) -> Tensor:
        before = F.one_hot(tokens, self.shape.codes).float().roll(1, 1)
        before[:, 0] = 0
        found = self.own + self.copied * before + self.label(labels + 1)[:, None, None, None, None]
        return self.dropout(found).float()

    def nats(self, tokens: Tensor, labels: Tensor) -> Tensor:
        return -self.logits(tokens, labels).log_softmax(-1).gather(-1, tokens[..., None])[..., 0]

    def forward(self, tokens: Tensor, labels: Tensor) -> Loss:
        logits = self.logits(tokens, labels)
        right = (logits.argmax(-1) == tokens).float().mean()
        total = F.cross_entropy(logits.flatten(0, -2), tokens.flatten())
        return Loss(total, {"accuracy": right.detach()})

    def bits(self, tokens: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        return self.nats(tokens, labels) / math.log(2)

    def sample(
        self,
        given: Tensor,
        known: Tensor,
        labels: Tensor,
        sampling: Sampling,
        generator: torch.Generator,
        watch: Watch | None = None,
        mix: LabelMix | None = None,
    ) -> Tensor:
        tokens = torch.where(known, given, 0)
        for frame in range(tokens.shape[1]):
            chances = self.logits(tokens, labels)[:, frame].softmax(-1).flatten(0, -2).cpu()
            drawn = torch.multinomial(chances, 1, generator=generator).view(tokens[:, frame].shape).to(tokens.device)
            tokens[:, frame] = torch.where(known[:, frame], tokens[:, frame], drawn)
        return tokens

    def settings(self) -> list[Setting]:
        return [Setting("dropout", "dropout", self.dropout.p, 0.0, 0.9, "linear", "share of the logits left out")]

    def set(self, name: str, value: float) -> None:
        self.dropout.p = value

    def facts(self) -> Mapping[str, Any]:
        return {}


PRIORS.add("tiny", sys.modules[__name__])

LOOPS = ("data.kind=loops", "data.frames=12", "data.animations=3", "data.size=16x16")


def parent(root: Path, *overrides: str, bottleneck: str = "vq") -> RunFolder:
    """A small autoencoder of digits, or of what the overrides give, trained for a moment."""
    return train(tiny(bottleneck, "engine.steps=2", *overrides), root=root)


def loops_parent(root: Path, *overrides: str) -> RunFolder:
    """The same of three loops of twelve frames."""
    return parent(root, *LOOPS, *overrides)


def standing() -> str:
    """The folder of a parent in the test's own folder of runs, trained at the first call."""
    names = run_names(default_root())
    return str(default_root() / names[0] if names else parent(default_root()).path)


def prior(*overrides: str, kind: str = "tiny", parent: str = "last") -> RunSpec:
    """A spec of a prior; overrides as on the command line."""
    raw: dict[str, Any] = {
        "name": "tiny-prior",
        "task": "prior",
        "parent": parent,
        "prior": {"kind": kind},
        "optimizer": {"lr": 0.02},
        "engine": {
            "batch_size": 32,
            "steps": 8,
            "precision": "float32",
            "device": "cpu",
            "threads": 1,
            "log_every_steps": 1,
        },
    }
    return parse_spec(apply_overrides(raw, overrides), "tiny prior")
