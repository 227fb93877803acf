"""docs/preflight.md: its commands run, and it names every check."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import SMALL, Outcome

from tilework.engine.preflight import pace
from tilework.engine.preflight.checks import learning_rate
from tilework.spec.plugins import CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "preflight.md").read_text(encoding="utf-8")


def test_its_commands_run(tilework: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TILEWORK_PREFLIGHT")
    monkeypatch.setattr(pace, "MOST_STEPS", 5)
    monkeypatch.setattr(learning_rate, "SECONDS", 0.0)
    lines = [
        line.split(" #")[0]
        for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(lines) == 4
    for line in lines:
        words = line.split()[1:]
        small = [word for word in SMALL if word.partition("=")[0] not in line]
        outcome = tilework(
            *words, *(small if words[0] == "train" else ["data.frames=20"] if "p5-loops" in line else [])
        )
        assert outcome.code == 0, f"{line}: {outcome.err}"
        assert "preflight" not in outcome.out, "the run was to start without checks"


def test_it_names_every_check() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == [kind.replace("_", "-") for kind in CHECKS.kinds]
