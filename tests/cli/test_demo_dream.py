"""`tilework demo --dream`: from drawn loops to a dreamed one, by one command, in a very small size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Outcome
from PIL import Image

from tilework.cli import demo
from tilework.runs.folder import RunFolder

Command = Callable[..., Outcome]
TOKENIZER = (
    "data.size=16x16", "data.frames=6", "data.variants=4", "data.animations=2", "data.split.validation=0.25",
    "bottleneck.codes=16", "encoder.widths=[8,8]", "decoder.widths=[8,8]", "encoder.residual_width=8", "engine.steps=2",
    "engine.start_batches=2", "engine.batch_size=4", "engine.threads=1",
)  # fmt: skip
PRIOR = (
    "data.frames=6", "data.validate_items=2", "data.validation=0.25", "prior.width=16", "prior.depth=1", "prior.heads=2",
    "prior.window=3", "engine.steps=2", "engine.batch_size=2", "engine.threads=1",
)  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "DREAM_TOKENIZER", (*demo.DREAM_TOKENIZER, *TOKENIZER))
    monkeypatch.setattr(demo, "DREAM_PRIOR", (*demo.DREAM_PRIOR, *PRIOR))


def runs_in(folder: Path) -> dict[str, RunFolder]:
    return {
        found.name.rsplit("-", 2)[0]: RunFolder(found) for found in folder.iterdir() if (found / "run.json").exists()
    }


@pytest.mark.usefixtures("small")
def test_ends_with_a_loop_and_shows_how_new_it_is(tilework: Command, tmp_path: Path) -> None:
    done = tilework("demo", "--dream", "--runs", tmp_path)
    assert done.code == 0, done.err
    runs = runs_in(tmp_path)
    assert set(runs) == {"demo-loops", "demo-motion"}
    with Image.open(runs["demo-motion"].path / "dream.gif") as film:
        assert film.n_frames == 6
    assert "novelty" in done.out
    assert "training loop" in done.out
    # What it made is what the commands take.
    again = tilework("dream", runs["demo-motion"].path, "--frames", 12, "--out", tmp_path / "again.gif")
    assert again.code == 0, again.err


@pytest.mark.usefixtures("small")
def test_ctrl_c_while_it_dreams_leaves_both_runs(
    tilework: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: object, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tilework.dream.moving.motion", interrupted)
    done = tilework("demo", "--dream", "--runs", tmp_path)
    assert done.code == 130
    runs = runs_in(tmp_path)
    assert set(runs) == {"demo-loops", "demo-motion"}
    assert f"tilework dream {runs['demo-motion'].path}" in done.out
    assert not list(tmp_path.rglob("*.gif*"))


def test_is_not_watched(tilework: Command, tmp_path: Path) -> None:
    done = tilework("demo", "--dream", "--live", "--runs", tmp_path)
    assert done.code == 2
    assert "--live" in done.err
    assert not list(tmp_path.iterdir())
