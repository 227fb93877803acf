"""What a run that has spent its budget is resumed with, so that it trains until the step that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.runs.stop_reason import StopReason
from tilework.runs.store import RunStore
from tilework.studio.longer import overrides_to


def ended(root: Path, engine: str, total: int = 20, **why: object) -> RunFolder:
    """A run of 20 steps, 10 to the epoch."""
    run = RunFolder.create(root, "ended", f"name: ended\nengine: {engine}\n")
    with RunStore.create(run.db) as store:
        store.set_meta("steps_per_epoch", 10)
        store.set_meta("total_steps", total)
        for step in range(1, 21):
            store.log(step, step / 10, {"loss": 1.0})
        store.event("finished", 20, **(why or {"stop": StopReason.ALL_STEPS, "steps": 20}))
        store.flush()
    return run


@pytest.mark.parametrize(
    ("engine", "wanted", "expected"),
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
def test_only_what_would_end_it_sooner_is_raised(tmp_path: Path, engine: str, wanted: int, expected: list[str]) -> None:
    assert overrides_to(ended(tmp_path, engine), wanted) == expected


def test_early_stopping_does_not_end_it_again(tmp_path: Path) -> None:
    run = ended(tmp_path, "{steps: 100, epochs: null}", 100, stop=StopReason.EARLY_STOPPING)
    assert overrides_to(run, 100) == ["engine.early_stopping=null"]


def test_a_run_of_an_older_tilework_stopped_early_where_steps_were_left(tmp_path: Path) -> None:
    """It wrote a sentence, which decides nothing."""
    early = ended(tmp_path / "a", "{steps: 100, epochs: null}", 100, reason="in whatever words")
    assert overrides_to(early, 100) == ["engine.early_stopping=null"]
    whole = ended(tmp_path / "b", "{steps: 20, epochs: null}", 20, reason="in whatever words")
    assert overrides_to(whole, 100) == ["engine.steps=100"]


@pytest.mark.parametrize("wanted", [20, 3, 0, -5, True, "40", 2.5, 10**12, [40]])
def test_a_goal_that_is_none_is_refused(tmp_path: Path, wanted: object) -> None:
    with pytest.raises(UserError):
        overrides_to(ended(tmp_path, "{steps: 20, epochs: null}"), wanted)
