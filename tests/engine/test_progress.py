"""What a run reports while it gets ready."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_runs import tiny

from tilework.engine import train
from tilework.engine.progress import Silent


class Stages(Silent):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def preparing(self, what: str, done: int, total: int = 0) -> None:
        self.seen.append(what)


@pytest.mark.parametrize(
    ("kind", "overrides", "places"),
    [("vq", (), True), ("vq", ("bottleneck.start=random",), False), ("fsq", (), False), ("gaussian", (), False)],
)
def test_only_a_codebook_is_reported_to_place_codes(
    tmp_path: Path, kind: str, overrides: tuple[str, ...], places: bool
) -> None:
    stages = Stages()
    train(tiny(kind, "engine.steps=1", *overrides), root=tmp_path, progress=stages)
    assert ("codes" in stages.seen) == places
