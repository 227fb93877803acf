"""The fix printed for a damaged run, done to the letter, lets it go on; unknown words are reported like any mistake."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Outcome
from tiny_runs import tiny

import tilework as api
from tilework.errors import UserError
from tilework.runs.checkpoints import numbered, point, pointed
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore

Command = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return api.train(tiny("vq", "engine.save_every_steps=2", "engine.steps=5"), runs=tmp_path)


def steps(run: RunFolder) -> list[int]:
    with RunStore.open(run.db) as store:
        return [int(step) for step in store.rows("train")[0]]


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_a_state_that_is_damaged_or_missing_names_the_older_checkpoint(run: RunFolder, content: bytes | None) -> None:
    newest = numbered(run.checkpoints)[-1][1]
    (newest / "state.pt").unlink() if content is None else (newest / "state.pt").write_bytes(content)
    with pytest.raises(UserError) as refused:
        api.resume(run, "engine.steps=7")
    assert refused.value.fix == f"move {newest} away; `tilework resume {run.id}` then goes on from step 4"
    shutil.move(newest, run.path / "aside")
    api.resume(run, "engine.steps=7")
    assert steps(run) == list(range(1, 8))


@pytest.mark.parametrize("file", ["model.safetensors", "model.json"])
def test_damaged_weights_name_the_older_checkpoint(run: RunFolder, file: str) -> None:
    newest = numbered(run.checkpoints)[-1][1]
    (newest / file).write_bytes(b"damaged")
    with pytest.raises(UserError) as refused:
        api.resume(run, "engine.steps=7")
    assert refused.value.fix == f"move {newest} away; `tilework resume {run.id}` then goes on from step 4"
    shutil.move(newest, run.path / "aside")
    api.resume(run, "engine.steps=7")
    assert steps(run) == list(range(1, 8))


def test_a_pointer_to_the_best_weights_is_reported(run: RunFolder) -> None:
    api.resume(run, "engine.steps=60")  # one validation at least
    best = pointed(run.checkpoints, "best")
    assert best is not None
    point(run.checkpoints, "last", best)
    with pytest.raises(UserError) as refused:
        api.resume(run, "engine.steps=62")
    assert (
        refused.value.fix
        == f"remove {run.checkpoints / 'last.json'}; `tilework resume {run.id}` then goes on from step 60"
    )
    (run.checkpoints / "last.json").unlink()
    api.resume(run, "engine.steps=62")
    assert steps(run) == list(range(1, 63))


def test_a_damaged_spec_is_taken_from_the_checkpoint_once_it_is_removed(run: RunFolder) -> None:
    before = run.spec_file.read_bytes()
    run.spec_file.write_text("{")
    with pytest.raises(UserError) as refused:
        api.resume(run, "engine.steps=7")
    assert f"remove {run.spec_file}: `tilework resume {run.id}`" in refused.value.fix
    run.spec_file.unlink()
    api.resume(run)
    assert run.spec_file.read_bytes() == before
    api.resume(run, "engine.steps=7")
    assert steps(run) == list(range(1, 8))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("resume",), "tilework resume: missing argument"),
        (("selftest", "nope"), "tilework selftest: got unexpected extra argument"),
        (("nope",), "tilework: no such command 'nope'"),
        (("runs", "--nope"), "tilework runs: no such option"),
        (("show", "x", "--runs"), "'--runs' requires an argument"),
    ],
)
def test_words_that_are_no_command_are_reported_as_any_mistake(
    tilework: Command, words: tuple[str, ...], message: str
) -> None:
    done = tilework(*words)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert message.lower() in done.err.lower()
    assert "fix: " in done.err
    assert "╭" not in done.err
