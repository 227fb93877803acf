"""metrics.csv: wide rows per split, columns that may come later, and resumes."""

from __future__ import annotations

import csv
import errno
import math
import os
from pathlib import Path

import pytest

from tilework.errors import UserError
from tilework.runs import csv as csv_module
from tilework.runs.csv import CsvTracker


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_wide_rows_and_late_columns(tmp_path: Path) -> None:
    tracker = CsvTracker(tmp_path)
    tracker.log(1, 0.1, {"loss": 0.1, "a, b": math.nan})
    tracker.log(2, 0.2, {"loss": 1e-300, "kl": math.inf})
    tracker.log(2, 0.2, {"mse": 0.3}, split="val")
    found = rows(tmp_path)  # each row is there at once, before close
    tracker.close()
    assert list(found[0]) == ["split", "step", "epoch", "loss", "a, b", "kl", "mse"]
    assert [r["split"] for r in found] == ["train", "train", "val"]
    assert [float(r["loss"]) for r in found[:2]] == [0.1, 1e-300]
    assert [r["a, b"] for r in found] == ["nan", "", ""]
    assert [r["kl"] for r in found] == ["", "inf", ""]
    assert float(found[2]["mse"]) == 0.3


def test_a_resume_equals_an_uninterrupted_file(tmp_path: Path) -> None:
    def train(tracker: CsvTracker, first: int, last: int) -> None:
        for step in range(first, last):
            tracker.log(step, step / 10, {"loss": step / 3})
            if step % 5 == 0:
                tracker.log(step, step / 10, {"mse": step / 7}, split="val")

    (tmp_path / "straight").mkdir()
    (tmp_path / "resumed").mkdir()
    straight = CsvTracker(tmp_path / "straight")
    train(straight, 1, 31)
    straight.close()
    killed = CsvTracker(tmp_path / "resumed")
    train(killed, 1, 24)
    killed.close()
    with (tmp_path / "resumed" / "metrics.csv").open("a") as file:
        file.write("train,24,2.4,8.")  # a kill in the middle of a row
    resumed = CsvTracker(tmp_path / "resumed")
    resumed.rewind(20)
    train(resumed, 21, 31)
    resumed.close()
    assert (tmp_path / "resumed" / "metrics.csv").read_text() == (tmp_path / "straight" / "metrics.csv").read_text()


def test_a_file_of_another_program_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("my,own,table\n1,2,3\n")
    with pytest.raises(UserError, match="not a metrics file"):
        CsvTracker(tmp_path)
    assert (tmp_path / "metrics.csv").read_text() == "my,own,table\n1,2,3\n"


def test_rewinding_nothing(tmp_path: Path) -> None:
    tracker = CsvTracker(tmp_path)
    tracker.rewind(5)
    tracker.log(1, 0.0, {"loss": 1.0})
    tracker.close()
    assert len(rows(tmp_path)) == 1


def test_a_full_disk_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    tracker = CsvTracker(tmp_path)
    tracker.log(1, 0.0, {"loss": 1.0})
    monkeypatch.setattr(csv_module, "_line", full)
    with pytest.raises(UserError, match="no space left") as caught:
        tracker.log(2, 0.0, {"loss": 1.0})
    assert str(tmp_path) in str(caught.value)
    tracker.close()
