"""A second task, whole: a small network learns which letter comes next in a text. Nothing outside of this file knows of it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from tilework.engine.progress import Progress
from tilework.engine.tasks import contract
from tilework.engine.tasks.contract import Data, Losses, Validation
from tilework.metrics import Better, Group, Metric, Metrics
from tilework.spec import TASKS, RunSpec, Setting

TEXT = "the quick brown fox jumps over the lazy dog; pack my box with five dozen liquor jugs. " * 12


class Spec(RunSpec):
    task: Literal["next-token"] = "next-token"
    text: str = Field(default=TEXT, min_length=200, description="what is learnt")
    width: int = Field(default=16, ge=1, le=256, description="channels of the network")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="share of channels that a step leaves out")


@dataclass(frozen=True)
class Pairs:
    """Letters and the letters after them, in an order that the epoch alone decides."""

    letters: Tensor
    size: int
    steps_per_epoch: int

    def epoch(self, number: int, start: int = 0) -> Iterator[Tensor]:
        order = torch.randperm(len(self.letters) - 1, generator=torch.Generator().manual_seed(number))
        for step in range(start, self.steps_per_epoch):
            chosen = order[step * self.size : (step + 1) * self.size]
            yield torch.stack([self.letters[chosen], self.letters[chosen + 1]])


class Task(contract.Task):
    Spec = Spec
    spec: Spec
    metrics = Metrics((
        Metric("nll", "negative log-likelihood", Group.QUALITY, "nats/token", better=Better.LOWER, headline=1),
        Metric("accuracy", "accuracy", Group.QUALITY, better=Better.HIGHER, headline=2),
    ))  # fmt: skip

    def data(self, progress: Progress) -> Data:
        letters = torch.tensor([ord(c) % 128 for c in self.spec.text])
        self.held_out, training = letters[: len(letters) // 10], letters[len(letters) // 10 :]
        size = self.spec.engine.batch_size
        pairs = Pairs(training, size, (len(training) - 1) // size)
        return Data(
            pairs, (len(training), len(self.held_out)), "letters", hashlib.sha256(self.spec.text.encode()).hexdigest()
        )

    def build(self) -> nn.Module:
        width = self.spec.width
        self.dropout = nn.Dropout(self.spec.dropout)
        self.model = nn.Sequential(nn.Embedding(128, width), self.dropout, nn.Linear(width, 128))
        return self.model

    def losses(self, model: nn.Module, batch: Tensor, weights: Mapping[str, float]) -> Losses:
        nll = F.cross_entropy(model(batch[0]).float(), batch[1])
        return Losses(nll, {"nll": nll.detach()})

    @torch.no_grad()
    def validate(self, weights: Mapping[str, float]) -> Validation:
        self.model.eval()
        logits, target = self.model(self.held_out[:-1]).float(), self.held_out[1:]
        self.model.train()
        nll, right = F.cross_entropy(logits, target).item(), (logits.argmax(-1) == target).double().mean().item()
        return Validation({"loss": nll, "nll": nll, "accuracy": right})

    def settings(self) -> list[Setting]:
        return [Setting("dropout", "dropout", self.dropout.p, 0.0, 0.9, "linear", "share of channels left out")]

    def set(self, name: str, value: float) -> None:
        self.dropout.p = value


TASKS.add("next-token", sys.modules[__name__])


def small(**changes: Any) -> dict[str, Any]:
    """A raw spec of a run of a second."""
    engine = {
        "steps": 30,
        "batch_size": 32,
        "threads": 1,
        "device": "cpu",
        "precision": "float32",
        "log_every_steps": 1,
    }
    engine |= changes.pop("engine", {})
    return {"name": "letters", "task": "next-token", "engine": engine, **changes}
