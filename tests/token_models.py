"""Small models with tokens, really trained for the tests of exploring them: digits of 32x32 on 8x8 cells, a second or two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tilework.explore.opened import Opened, open_model
from tilework.runs.folder import RunFolder
from tilework.spec import RunSpec
from tilework.spec.load import parse_spec

BOTTLENECKS: dict[str, dict[str, Any]] = {
    "vq": {"kind": "vq", "dim": 6, "codes": 24},
    "search": {"kind": "vq", "dim": 6, "codes": 16, "search_dim": 3, "distance": "cosine"},
    "rq": {"kind": "rq", "dim": 6, "codes": 12, "levels": 3},
    "shared": {"kind": "rq", "dim": 6, "codes": 12, "levels": 2, "shared": True},
    "fsq": {"kind": "fsq", "levels": [4, 3, 3]},
    "lfq": {"kind": "lfq", "dim": 5},
    "large": {"kind": "lfq", "dim": 16, "diversity": 0},
    "vector": {"kind": "rq", "dim": 2, "codes": 8, "levels": 2},
}
KINDS = tuple(kind for kind in BOTTLENECKS if kind != "large")
_TERMS = {"fsq": {}, "lfq": {"commitment": 0.25, "entropy": 0.1}, "large": {"commitment": 0.25}}


def spec_of(kind: str, size: str = "32x32", steps: int = 40) -> RunSpec:
    """A spec with this bottleneck."""
    raw: dict[str, Any] = {
        "name": f"tokens-{kind}",
        "data": {"kind": "digits", "size": size, "channels": 1},
        "encoder": {"kind": "ladder", "widths": [8, 16], "kernel": 4} | ({"dense": []} if kind == "vector" else {}),
        "bottleneck": BOTTLENECKS[kind],
        "decoder": {"kind": "ladder", "output": "sigmoid"},
        "objective": {"mse": 1.0} | _TERMS.get(kind, {"commitment": 0.25}),
        "optimizer": {"kind": "adam", "lr": 3e-3},
        "engine": {
            "batch_size": 32,
            "steps": steps,
            "precision": "float32",
            "device": "cpu",
            "threads": 1,
            "start_batches": 2,
            "save_every_steps": steps // 2,
        },
    }
    return parse_spec(raw, "tokens")


def trained(once: Callable[..., Path], kind: str) -> RunFolder:
    """The run of a bottleneck, trained once for the whole test run."""
    import tilework

    return RunFolder.find("last", once(f"tokens-{kind}", lambda folder: tilework.train(spec_of(kind), runs=folder)))


def opened_model(once: Callable[..., Path], kind: str) -> Opened:
    """The trained model of a bottleneck with its images."""
    return open_model(trained(once, kind), which="last", device="cpu")
