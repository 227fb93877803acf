"""What tests of the command line share: how a command ended, and how a run is made small."""

from __future__ import annotations

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
