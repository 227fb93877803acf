"""What tests share: how a command ended, how a run is made small, where real pictures are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Outcome(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


SMALL = (
    "engine.steps=6",
    "engine.epochs=1",
    "engine.batch_size=32",
    "engine.log_every_steps=2",
    "engine.threads=1",
    "engine.start_batches=2",
)
"""Overrides that shrink a run to a few seconds."""


def data_folder() -> Path | None:
    """Real pictures for tests: `$TILEWORK_DATA`, or a folder `shared/data` beside the checkout; None where absent."""
    found = Path(os.environ.get("TILEWORK_DATA") or Path(__file__).parents[2] / "shared" / "data")
    return found if found.is_dir() else None
