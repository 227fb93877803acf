"""A checkpoint of a trial, in a temporary folder: what it takes to write one, and how large it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tilework.engine import checkpoint
from tilework.engine.preflight.bench import Bench, Trial


@dataclass(frozen=True)
class Saved:
    """A checkpoint that was written."""

    folder: Path
    seconds: float
    bytes: int
    """Of the whole folder."""
    weights: int
    """Bytes of the weights alone, which is what the best checkpoint keeps."""


def write_checkpoint(bench: Bench, trial: Trial, folder: Path) -> Saved:
    """As a run writes one, with all that a run would keep. Raises RunFailure where the disk does not take it."""
    session, began = bench.session, time.perf_counter()
    average = session.parts.average
    written = checkpoint.save(
        folder,
        step=0,
        about={"spec": session.parts.spec.model_dump(mode="json"), "content_hash": session.parts.data.content_hash},
        model=trial.task.model.state_dict(),
        average={n: p for n, p in trial.task.model.named_parameters() if n in average.slow} if average else None,
        state={"optimizer": trial.stepper.inner.state_dict(), "task": trial.task.state()},
        keep=1,
    )
    seconds = time.perf_counter() - began
    sizes = {file.name: file.stat().st_size for file in written.iterdir()}
    weights = sum(size for name, size in sizes.items() if name.endswith(".safetensors"))
    return Saved(written, seconds, sum(sizes.values()), weights)
