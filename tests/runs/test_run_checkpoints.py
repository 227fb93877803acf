"""Which checkpoint is in force, from pointers that may be anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import children
import pytest

from tilework.runs.checkpoints import in_force, numbered, point, pointed, step_of


def write(checkpoints: Path, name: str, step: int) -> Path:
    folder = checkpoints / name
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps({"step": step}))
    return folder


def test_the_pointer_decides_and_best_falls_to_last_only_without_a_pointer(tmp_path: Path) -> None:
    older, newer = write(tmp_path, "step-00000010", 10), write(tmp_path, "step-00000020", 20)
    point(tmp_path, "last", older)
    assert in_force(tmp_path) == in_force(tmp_path, "best") == older
    assert step_of(in_force(tmp_path)) == 10
    best = write(tmp_path, "best-00000007", 7)
    point(tmp_path, "best", best)
    assert (in_force(tmp_path, "best"), in_force(tmp_path, "last")) == (best, older)
    assert numbered(tmp_path) == [(10, older), (20, newer)]


@pytest.mark.parametrize(
    "pointer", [None, "", "{", "[]", "3", '{"folder": ""}', '{"folder": "../x"}', '{"folder": "/"}']
)
def test_a_pointer_that_holds_nothing_usable_leads_to_the_newest_whole_one(tmp_path: Path, pointer: str | None) -> None:
    checkpoints = tmp_path / "checkpoints"
    write(tmp_path, "x", 99)
    whole = write(checkpoints, "step-00000010-2", 10)
    (checkpoints / "step-00000011").mkdir()
    if pointer is not None:
        (checkpoints / "last.json").write_text(pointer)
    assert pointed(checkpoints, "last") is None
    assert in_force(checkpoints) == whole


def test_nothing_is_in_force_where_nothing_was_saved(tmp_path: Path) -> None:
    assert in_force(tmp_path / "missing") is None
    assert numbered(tmp_path) == []
    point(tmp_path, "last", tmp_path / "step-00000010")
    assert in_force(tmp_path) is None
    assert step_of(pointed(tmp_path, "last")) is None


@pytest.mark.parametrize("about", ["", "[]", "{}", '{"step": null}', '{"step": "ten"}'])
def test_a_folder_without_a_step_is_no_checkpoint(tmp_path: Path, about: str) -> None:
    (tmp_path / "model.json").write_text(about)
    assert step_of(tmp_path) is None
    assert step_of(None) is None


def test_pointers_are_read_without_torch() -> None:
    code = "import sys, tilework.runs.checkpoints; sys.exit('torch' in sys.modules)"
    assert children.run([sys.executable, "-c", code]).returncode == 0
