"""Small parts that tests of the engine are made of: a spec of a few kilobytes, and a session that is ready to step."""

from __future__ import annotations

from typing import Any

import torch

from tilework.data import Batch
from tilework.engine.progress import Silent
from tilework.engine.session import Session, begin
from tilework.spec import BOTTLENECKS as REGISTERED
from tilework.spec import RunSpec
from tilework.spec.load import apply_overrides, parse_spec

_SMALL: dict[str, dict[str, Any]] = {
    "vq": {"dim": 4, "codes": 8},
    "rq": {"dim": 4, "codes": 8, "levels": 3},
    "fsq": {"levels": [5, 4, 3]},
    "lfq": {"dim": 6},
    "gaussian": {"dim": 4},
    "none": {"dim": 4},
}
BOTTLENECKS = {kind: {"kind": kind, **_SMALL.get(kind, {})} for kind in REGISTERED.kinds}
_TERMS: dict[str, dict[str, Any]] = {
    "vq": {"commitment": 0.25},
    "rq": {"commitment": 0.25},
    "lfq": {"commitment": 0.25, "entropy": 0.1},
    "gaussian": {"kl": 1.0},
}


def tiny(bottleneck: str = "vq", *overrides: str) -> RunSpec:
    """Digits at 16x16 on one thread in float32, with a net of a few thousand weights; overrides as on the command line."""
    raw: dict[str, Any] = {
        "name": f"tiny-{bottleneck}",
        "data": {"kind": "digits", "size": "16x16", "channels": 1},
        "encoder": {"kind": "ladder", "widths": [8, 8], "kernel": 4},
        "bottleneck": BOTTLENECKS[bottleneck],
        "decoder": {"kind": "ladder", "output": "sigmoid"},
        "objective": {"mse": 1.0, **_TERMS.get(bottleneck, {})},
        "engine": {
            "batch_size": 32,
            "steps": 4,
            "precision": "float32",
            "device": "cpu",
            "threads": 1,
            "log_every_steps": 1,
            "start_batches": 2,
        },
    }
    return parse_spec(apply_overrides(raw, overrides), "tiny")


def session(spec: RunSpec) -> Session:
    """Everything of a run but its folder."""
    return begin(spec, Silent())


def batches(made: Session, count: int) -> list[Batch]:
    """The first batches of epoch 0."""
    stream = made.parts.data.train.epoch(0)
    return [next(stream) for _ in range(count)]


def weights_of(made: Session) -> dict[str, torch.Tensor]:
    """A copy of every trainable weight."""
    return {name: p.detach().clone() for name, p in made.parts.model.named_parameters()}
