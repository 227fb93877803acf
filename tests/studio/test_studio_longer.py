"""What a run that has spent its budget is resumed with, so that it trains until the step that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.studio.longer import overrides_to


def ended(root: Path, engine: str, reason: str = "all 20 steps") -> RunFolder:
    """A run of 20 steps, 10 to the epoch."""
    run = RunFolder.create(root, "ended", f"name: ended\nengine: {engine}\n")
    with RunStore.create(run.db) as store:
        store.set_meta("steps_per_epoch", 10)
        for step in range(1, 21):
            store.log(step, step / 10, {"loss": 1.0})
        store.event("finished", 20, reason=reason)
        store.flush()
    return run


@pytest.mark.parametrize(
    ("engine", "wanted", "told"),
    [
        ("{steps: 20, epochs: null}", 45, ["engine.steps=45"]),
        ("{steps: null, epochs: 2}", 45, ["engine.epochs=5"]),
        ("{steps: 20, epochs: 100}", 45, ["engine.steps=45"]),
        ("{steps: 20, epochs: 3}", 45, ["engine.steps=45", "engine.epochs=5"]),
        ("{steps: 20, epochs: 3}", 30, ["engine.steps=30"]),
        ("{steps: 60, epochs: 2}", 40, ["engine.epochs=4"]),
        ("{steps: 20, epochs: 2}", None, []),
    ],
)
def test_only_what_would_end_it_sooner_is_raised(tmp_path: Path, engine: str, wanted: int, told: list[str]) -> None:
    assert overrides_to(ended(tmp_path, engine), wanted) == told


def test_early_stopping_does_not_end_it_again(tmp_path: Path) -> None:
    run = ended(tmp_path, "{steps: 100, epochs: null}", "no improvement for a while (early stopping)")
    assert overrides_to(run, 100) == ["engine.early_stopping=null"]


@pytest.mark.parametrize("wanted", [20, 3, 0, -5, True, "40", 2.5, 10**12, [40]])
def test_a_goal_that_is_none_is_refused(tmp_path: Path, wanted: object) -> None:
    with pytest.raises(UserError):
        overrides_to(ended(tmp_path, "{steps: 20, epochs: null}"), wanted)
