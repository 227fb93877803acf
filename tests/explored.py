"""Small models of each kind that are trained for the tests of exploring: digits of 16x16, some seconds each."""

from __future__ import annotations

from typing import Any

from tilework.spec import RunSpec
from tilework.spec.load import parse_spec

_BOTTLENECKS: dict[str, dict[str, Any]] = {
    "gaussian": {"kind": "gaussian", "dim": 6},
    "none": {"kind": "none", "dim": 5},
    "rq": {"kind": "rq", "dim": 4, "codes": 16, "levels": 3},
    "vq": {"kind": "vq", "dim": 4, "codes": 32},
    "fsq": {"kind": "fsq", "levels": [5, 4, 3]},
}
_TERMS: dict[str, dict[str, Any]] = {
    "gaussian": {"bce": {"weight": 1.0, "per": "image"}, "kl": 1.0},
    "none": {"mse": 1.0},
    "rq": {"mse": 1.0, "commitment": 0.25},
    "vq": {"mse": 1.0, "commitment": 0.25},
    "fsq": {"mse": 1.0},
}
KINDS = tuple(_BOTTLENECKS)


def spec_of(kind: str, steps: int = 150) -> RunSpec:
    """A spec with this bottleneck: a vector for a Gaussian or none, a grid of 4x4 for codes."""
    grid = "levels" in _BOTTLENECKS[kind] or "codes" in _BOTTLENECKS[kind]
    raw: dict[str, Any] = {
        "name": f"explored-{kind}",
        "data": {"kind": "digits", "size": "16x16", "channels": 1},
        "encoder": {"kind": "ladder", "widths": [12, 24], "kernel": 4} | ({} if grid else {"dense": []}),
        "bottleneck": _BOTTLENECKS[kind],
        "decoder": {"kind": "ladder", "output": "sigmoid"},
        "objective": _TERMS[kind],
        "optimizer": {"kind": "adam", "lr": 3e-3},
        "engine": {
            "batch_size": 64,
            "steps": steps,
            "precision": "float32",
            "device": "cpu",
            "threads": 1,
            "start_batches": 4,
            "save_every_steps": steps // 2,
        },
    }
    return parse_spec(raw, "explored")
