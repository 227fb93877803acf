"""The checks as a part of a run: a failure stops it with nothing written, a warning is shown and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import Outcome
from tiny_runs import tiny

from tilework.engine import resume, train
from tilework.engine.preflight import before, pace
from tilework.engine.preflight.checks import output_range
from tilework.engine.progress import Silent
from tilework.engine.replay import replay
from tilework.errors import UserError
from tilework.runs.folder import RunFolder, run_names
from tilework.runs.preflight import META, Preflight, Verdict
from tilework.runs.store import RunStore
from tilework.spec import dump_yaml
from tilework.studio.marks import of_event

FAULT = "decoder.final_relu=true"


class Heard(Silent):
    """The messages of a run, and the stages that it named."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stages: set[str] = set()

    def message(self, text: str) -> None:
        self.lines.append(text)

    def preparing(self, what: str, done: int, total: int = 0) -> None:
        self.stages.add(what)


@pytest.fixture(autouse=True)
def _on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILEWORK_PREFLIGHT", "1")
    monkeypatch.setattr(before, "SECONDS", 1e6)  # however busy the machine is
    monkeypatch.setattr(pace, "MOST_STEPS", 5)


def kept(run: RunFolder) -> Preflight | None:
    with RunStore.open(run.db) as store:
        plain = store.get_meta(META)
    return Preflight.read(plain) if plain is not None else None


def warnings(run: RunFolder) -> list[dict[str, Any]]:
    with RunStore.open(run.db) as store:
        return [event.payload for event in store.events("preflight-warning")]


def test_a_failure_stops_the_run_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"from 0\.5 to 1 only") as stopped:
        train(tiny("vq", FAULT), root=tmp_path)
    assert stopped.value.exit_code == 2
    assert "decoder.final_relu=false" in stopped.value.fix
    assert "known_faults=[output-range]" in stopped.value.fix
    assert not list(tmp_path.iterdir())


def test_the_fix_that_is_named_helps(tmp_path: Path) -> None:
    run = train(tiny("vq", FAULT, "decoder.final_relu=false"), root=tmp_path)
    found = kept(run)
    assert found is not None
    assert not found.stopping
    assert not any(result.cause == "error" for result in found.results)


def test_a_known_fault_is_reported_and_kept_as_an_event(tmp_path: Path) -> None:
    heard = Heard()
    run = train(tiny("vq", FAULT, "known_faults=[output-range]"), root=tmp_path, progress=heard)
    found = kept(run)
    assert found is not None
    (result,) = [one for one in found.results if one.code == "output-range"]
    assert (result.verdict, result.known, result.stops) == (Verdict.FAILED, True, False)
    (payload,) = [one for one in warnings(run) if one["code"] == "output-range"]
    assert payload["values"]["low"] == pytest.approx(0.5, abs=1e-3)
    assert any(line.startswith("known fault output-range") for line in heard.lines)
    with RunStore.open(run.db) as store:
        (event,) = [e for e in store.events("preflight-warning") if e.payload["code"] == "output-range"]
    from tilework.runs.records import to_json

    mark = of_event(event.id, event.time, event.step, event.kind, to_json(event.payload))
    assert mark["text"].startswith("preflight: known fault output-range")


def test_it_is_a_stage_and_ends_with_one_line(tmp_path: Path) -> None:
    heard = Heard()
    train(tiny("vq"), root=tmp_path, progress=heard)
    assert "preflight" in heard.stages
    (line,) = [line for line in heard.lines if line.startswith("preflight:")]
    assert "checks passed" in line
    assert "the run takes about" in line


def test_it_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept(train(tiny("vq", FAULT, "engine.preflight=false"), root=tmp_path)) is None
    monkeypatch.setenv("TILEWORK_PREFLIGHT", "0")
    assert kept(train(tiny("vq", FAULT), root=tmp_path)) is None


def test_a_resume_checks_again_only_what_was_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train(tiny("vq", "engine.stop_after_minutes=0.0001"), root=tmp_path)
    first, heard = kept(run), Heard()
    assert first is not None
    resume(run, progress=heard)
    assert "preflight" not in heard.stages
    assert kept(run) == first
    heard = Heard()
    resume(run, progress=heard, overrides=("engine.steps=8", "engine.stop_after_minutes=null"))
    assert "preflight" in heard.stages
    assert kept(run) != first


def test_a_replay_checks_nothing(tmp_path: Path) -> None:
    run, heard = train(tiny("vq"), root=tmp_path), Heard()
    assert replay(run, progress=heard).identical
    assert "preflight" not in heard.stages


def test_a_fault_of_a_check_does_not_keep_a_run_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(output_range, "_reach", broken)
    heard = Heard()
    found = kept(train(tiny("vq"), root=tmp_path, progress=heard))
    assert found is not None
    result = found.of("output-range")
    assert result is not None
    assert (result.verdict, result.cause) == (Verdict.NOT_CHECKED, "error")
    assert "ZeroDivisionError" in str(result.values["error"])
    assert any("not checked: output-range" in line for line in heard.lines)


def test_the_command_prints_all_and_exits_with_2(
    tilework: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(dump_yaml(tiny("vq", FAULT)))
    outcome = tilework("check", file, "--seconds", 80000)
    assert outcome.code == 2
    assert "failed      output-range" in outcome.out
    assert "fix: set decoder.final_relu=false" in outcome.out
    assert "not checked perceptual-range" in outcome.out
    assert "1 failed" in outcome.out
    outcome = tilework("check", file, "decoder.final_relu=false", "--seconds", 80000)
    assert outcome.code == 0, outcome.out
    assert "passed      output-range" in outcome.out
    assert not run_names(tmp_path / "runs")


def test_the_command_as_json(tilework: Callable[..., Outcome], tmp_path: Path) -> None:
    import json

    file = tmp_path / "spec.yaml"
    file.write_text(dump_yaml(tiny("gaussian")))
    outcome = tilework("check", file, "--json")
    assert outcome.code == 0, outcome.err
    found = Preflight.read(json.loads(outcome.out))
    assert {result.code for result in found.results} >= {"overfit", "time-and-memory"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "`tilework check` needs a spec"),
        (["rqvae-digits", "--steps", "3"], "check has no option --steps"),
        (["rqvae-digit"], "there is no recipe 'rqvae-digit'"),
        (["rqvae-digits", "known_faults=[output-rang]"], "there is no check 'output-rang'"),
        (["rqvae-digits", "--seconds", "0"], "--seconds"),
    ],
)
def test_bad_input_of_the_command(tilework: Callable[..., Outcome], words: list[str], message: str) -> None:
    outcome = tilework("check", *words)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err
