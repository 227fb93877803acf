"""A small tokenizer of loops and a prior over its tokens, both really trained, once for the whole test run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tilework.runs.folder import RunFolder
from tilework.spec import RunSpec
from tilework.spec.load import apply_overrides, parse_spec

Once = Callable[..., Path]
_ENGINE = {"precision": "float32", "device": "cpu", "threads": 1}


def loops_spec() -> RunSpec:
    """Six variants each of three loops, drawn with 24 frames; a third of the variants held out."""
    return parse_spec(
        {
            "name": "dream-loops",
            "data": {
                "kind": "loops", "size": "32x32", "channels": 1, "frames": 24, "animations": 3, "variants": 6,
                "split": {"by": "group", "validation": 0.34},
            },
            "encoder": {"kind": "ladder", "widths": [8, 16], "kernel": 4},
            "bottleneck": {"kind": "vq", "dim": 6, "codes": 48},
            "decoder": {"kind": "ladder", "output": "sigmoid"},
            "objective": {"mse": 1.0, "commitment": 0.25},
            "optimizer": {"kind": "adam", "lr": 5e-3},
            "engine": {**_ENGINE, "batch_size": 32, "steps": 60, "start_batches": 2, "save_every_steps": 60},
        },
        "loops",
    )  # fmt: skip


def prior_spec(parent: str = "last", *overrides: str) -> RunSpec:
    """A small masked prior over loops of 12 frames, every second of 24."""
    raw: dict[str, Any] = {
        "name": "dream-prior",
        "task": "prior",
        "parent": parent,
        "data": {"frames": 12, "stride": 2},
        "prior": {"kind": "masked", "width": 32, "depth": 2, "heads": 2},
        "optimizer": {"kind": "adam", "lr": 3e-3},
        "engine": {**_ENGINE, "batch_size": 4, "steps": 10, "save_every_steps": 10},
    }
    return parse_spec(apply_overrides(raw, overrides), "prior")


def loops_parent(once: Once) -> RunFolder:
    """The tokenizer alone, in a folder of its own."""
    import tilework

    return RunFolder.find("last", once("dream-loops", lambda folder: tilework.train(loops_spec(), runs=folder)))


def trained_prior(once: Once) -> RunFolder:
    """The prior, in a folder of runs with its tokenizer."""
    import shutil

    import tilework

    def train(folder: Path) -> None:
        parent = loops_parent(once)
        shutil.copytree(parent.path, folder / parent.id)
        tilework.train(prior_spec(parent.id), runs=folder)

    folder = once("dream-prior", train)
    return next(RunFolder(found) for found in folder.iterdir() if found.name.startswith("dream-prior"))


def image_prior(once: Once) -> RunFolder:
    """A small causal prior over the tokens of digits, in a folder of runs with its tokenizer."""
    import shutil

    from token_models import trained

    import tilework

    def train(folder: Path) -> None:
        parent = trained(once, "vq")
        shutil.copytree(parent.path, folder / parent.id)
        overrides = ("data.frames=1", "data.stride=1", "prior.kind=causal", "engine.batch_size=16", "name=image-prior")
        tilework.train(prior_spec(parent.id, *overrides), runs=folder)

    folder = once("dream-images", train)
    return next(RunFolder(found) for found in folder.iterdir() if found.name.startswith("image-prior"))
