"""The image of a finding, the stage that a process notes, and the checks before a run."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from fakes.trainer import FakeTrainer
from studio_fakes import Served

from tilework.doctor.finding import Evidence, Finding, Severity
from tilework.runs import stage

PNG = b"\x89PNG\r\n\x1a\n"


def finding(image: str) -> Finding:
    return Finding("blur", Severity.WARNING, 5, 1.0, 2.0, evidence=Evidence(image=image))


def test_the_image_of_a_finding_is_of_its_run_alone(
    served: Served, trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    route = f"/api/runs/{trainer.run.id}/findings/blur/image"
    found = [finding("")]
    monkeypatch.setattr("tilework.studio.findings._judged", lambda folder: tuple(found))
    assert served.get(route).status_code == 404
    (trainer.run.path / "evidence.png").write_bytes(PNG)
    found[:] = [finding("evidence.png")]
    answer = served.get(route)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PNG, "image/png")
    assert served.get(route.replace("blur", "other")).status_code == 404
    (tmp_path / "secret.png").write_bytes(PNG)
    (trainer.run.path / "link.png").symlink_to(tmp_path / "secret.png")
    for elsewhere in ("../../secret.png", str(tmp_path / "secret.png"), "link.png", "spec.yaml"):
        found[:] = [finding(elsewhere)]
        assert served.get(route).status_code == 404, elsewhere


def test_the_checks_before_a_run_are_shown_in_words(served: Served, trainer: FakeTrainer) -> None:
    from tilework.runs.preflight import META, Preflight, Result, Verdict

    route = f"/api/runs/{trainer.run.id}/checks"
    assert served.get(route).json() == {"checks": [], "seconds": 0.0}
    kept = Preflight(
        (Result("save-load", Verdict.PASSED, values={"bytes": 1000.0}), Result("other", Verdict.WARNING, "odd")), 2.5
    )
    trainer.store.set_meta(META, kept.as_plain())
    trainer.store.flush()
    answer = served.get(route).json()
    assert answer["seconds"] == 2.5
    assert [(one["code"], one["verdict"]) for one in answer["checks"]] == [
        ("save-load", "passed"),
        ("other", "warning"),
    ]
    assert all(one["what"] for one in answer["checks"])
    trainer.store.set_meta(META, {"results": "spoiled"})
    trainer.store.flush()
    assert served.get(route).json() == {"checks": [], "seconds": 0.0}


def test_a_display_notes_the_stage_where_it_is_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    from tilework.cli.display import Display
    from tilework.cli.noted import display_class

    assert display_class() is Display
    file = tmp_path / "a.stage"
    file.touch()
    assert stage.read(file) is None
    monkeypatch.setenv(stage.FILE, str(file))
    display = display_class()(Console(file=io.StringIO()))
    display.preparing("images", 40, 1797)
    assert stage.read(file) == stage.Stage("images", 40, 1797)
    display.preparing("codes", 0)
    assert stage.read(file) == stage.Stage("codes", 0)
    file.unlink()
    stage.note(stage.Stage("codes", 0))
    assert not file.exists(), "after the start is over, nothing is noted"
    monkeypatch.delenv(stage.FILE)
    stage.note(stage.Stage("codes", 0))
    assert not file.exists()
