"""The doctor beside a run: when it judges, what it writes down, and that nothing of the training changes by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from doctor_examples import Scripted, only
from test_steering import same
from tiny_runs import tiny

from tilework.doctor.finding import Finding, Fix, Missing, Severity
from tilework.doctor.following import Following
from tilework.doctor.kept import differs, findings_in, keep, read
from tilework.doctor.rules import images_dark
from tilework.engine import findings, resume, train
from tilework.engine.progress import Silent
from tilework.engine.replay import replay
from tilework.errors import RunFailure
from tilework.runs.folder import RunFolder
from tilework.runs.records import CHANGED, FOUND, GONE
from tilework.runs.store import RunStore

EPOCHS = ("engine.batch_size=512", "engine.steps=12", "engine.validate_every_epochs=1")
"""Three steps an epoch: validations at steps 0, 3, 6, 9 and 12."""


def rows(run: RunFolder) -> list[tuple[int, str, str, float]]:
    with RunStore.open(run.db) as store:
        kept = [(row, read(row.payload)) for row in store.findings()]
    return [(row.step, row.code, row.payload["change"], found.measured if found else 0.0) for row, found in kept]


def events(run: RunFolder) -> list[tuple[int, str, str]]:
    with RunStore.open(run.db) as store:
        found = [e for e in store.events() if e.kind.startswith("finding") and not e.rewound]
    return [(event.step, event.kind, event.payload["code"]) for event in found]


def test_a_finding_is_reported_once_and_again_when_it_has_gone_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Scripted({0: None, 3: 1.0, 6: None, 9: 1.0, 12: 1.01})
    only(monkeypatch, grey=rule)
    run = train(tiny("vq", *EPOCHS), root=tmp_path)
    assert rule.judged == [0, 3, 6, 9, 12, 12], "at each validation and at the end"
    assert rows(run) == [(3, "grey", FOUND, 1.0), (6, "grey", GONE, 1.0), (9, "grey", FOUND, 1.0)]
    assert events(run) == [(3, "finding", "grey"), (6, "finding-gone", "grey"), (9, "finding", "grey")]
    with RunStore.open(run.db) as store:
        (standing,) = findings_in(store.standing())
    assert (standing.code, standing.step, standing.severity) == ("grey", 9, Severity.ERROR)


def test_what_has_moved_is_written_anew_and_not_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, grey=Scripted({0: 1.0, 6: 1.05, 9: 2.0}))
    run = train(tiny("vq", *EPOCHS), root=tmp_path)
    assert rows(run) == [(0, "grey", FOUND, 1.0), (9, "grey", CHANGED, 2.0)]
    assert events(run) == [(0, "finding", "grey")]


def test_a_finding_that_cannot_be_judged_any_more_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, grey=Scripted({0: 1.0, 6: Missing.PROBE}))
    run = train(tiny("vq", *EPOCHS), root=tmp_path)
    assert [row[2] for row in rows(run)] == [FOUND]


def test_it_changes_no_bit_of_a_run_and_is_off_where_the_spec_sets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Scripted({0: 1.0})
    only(monkeypatch, grey=rule)
    judged = train(tiny("vq", *EPOCHS), root=tmp_path)
    before = list(rule.judged)
    unjudged = train(tiny("vq", *EPOCHS, "engine.doctor=false"), root=tmp_path)
    assert same(judged, unjudged)
    assert rule.judged == before
    assert rows(unjudged) == events(unjudged) == []
    found = replay(judged)
    assert found.identical


def test_a_resume_takes_back_what_was_found_after_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of a run that was killed and resumed are those of one that was not."""

    class Dies(Silent):
        def validated(self, step: int, values: object) -> None:
            if step == 9:
                raise RunFailure("the machine is gone")

    script = {0: None, 3: 1.0, 6: None, 9: 3.0}
    spec = tiny("vq", *EPOCHS, "engine.save_every_steps=7")
    only(monkeypatch, grey=Scripted(script))
    whole = train(spec, root=tmp_path / "whole")
    with pytest.raises(RunFailure):
        train(spec, root=tmp_path / "broken", progress=Dies())
    broken = RunFolder.find("last", tmp_path / "broken")
    assert rows(broken)[-1] == (9, "grey", FOUND, 3.0)
    resume(broken)
    assert same(whole, broken)
    assert rows(broken) == rows(whole)
    assert events(broken) == events(whole)


def test_what_stood_before_stands_again_after_a_rewind(tmp_path: Path) -> None:
    grey = Finding("grey", Severity.ERROR, 2, 1.0, 0.5, fix=Fix({"engine.steps": 3}))
    with RunStore.create(tmp_path / "run.db") as store:
        keep(store, 3, FOUND, grey)
        keep(store, 6, GONE, grey)
        assert store.standing() == []
        store.rewind(5)
        assert findings_in(store.standing()) == [grey]
        store.rewind(2)
        assert store.standing() == []


def test_a_failed_run_is_judged_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, grey=Scripted({1: 1.0}))

    class Dies(Silent):
        def ticked(self, tick: object) -> None:
            raise RunFailure("the machine is gone")

    with pytest.raises(RunFailure):
        train(tiny("vq", "engine.steps=4"), root=tmp_path, progress=Dies())
    assert [row[2] for row in rows(RunFolder.find("last", tmp_path))] == [FOUND]


def test_it_is_held_to_its_share_of_the_time_and_judges_at_the_end_in_any_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Scripted({0: 1.0})
    only(monkeypatch, grey=rule)
    monkeypatch.setattr(findings, "FREE_SECONDS", 0.0)
    monkeypatch.setattr(findings, "SHARE", 1e-12)
    train(tiny("vq", *EPOCHS), root=tmp_path)
    assert rule.judged == [0, 12]


@pytest.mark.parametrize("where", ["judge", "probe", "write"])
def test_the_doctor_never_ends_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    class Broken(Scripted):
        def judge(self, case: object) -> Finding | None:  # type: ignore[override]
            if where == "write":
                return Finding("", Severity.ERROR, 0, 1.0, 0.5, {"what": object()})
            raise ZeroDivisionError("division by zero")

    def fails(*_: object) -> dict[str, dict[str, float]]:
        raise ZeroDivisionError("division by zero")

    only(monkeypatch, broken=Broken({}))
    monkeypatch.setenv(findings.SWITCH, "1")
    if where == "probe":
        monkeypatch.setattr(findings, "probes_of_session", fails)
    run = train(tiny("vq", "engine.steps=2"), root=tmp_path)
    with RunStore.open(run.db) as store:
        assert store.get_meta("status") == "finished"
        problems = [event.payload["problem"] for event in store.events("doctor-failed")]
    assert bool(problems) is (where != "judge")


def test_probes_are_made_once_at_the_end_of_a_finished_run_and_forgotten_when_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, str]] = []

    def probe(
        session: findings.Session, folder: RunFolder, part: findings.Part = findings.Part.ALL, seconds: float = 20.0
    ) -> findings.Probes:
        asked.append((session.step, part.value))
        if part is findings.Part.IMAGES:
            return findings.Probes({"images": {"dark": 0.0}})
        if part is findings.Part.MODEL:
            return findings.Probes()
        return findings.Probes({"grey": {"value": 4.0}}, {"blur": {"why": "time"}})

    monkeypatch.setenv(findings.SWITCH, "1")
    only(monkeypatch, grey=Scripted({0: 0.0}, probes=("grey",)))
    monkeypatch.setattr(findings, "probes_of_session", probe)
    run = train(tiny("vq", *EPOCHS), root=tmp_path)
    assert asked == [(3, "images"), (12, "all")], "the images, once there are steps, and the whole at the end"
    assert rows(run) == [(12, "grey", FOUND, 4.0)]
    with RunStore.open(run.db) as store:
        assert store.get_meta("probes") == {"grey": {"value": 4.0}}
        assert store.get_meta("probes_left_out") == {"blur": {"why": "time"}}

    class Stops(Silent):
        def validated(self, step: int, values: object) -> None:
            if step == 15:
                raise RunFailure("the machine is gone")

    with pytest.raises(RunFailure):
        resume(run, overrides=("engine.steps=24",), progress=Stops())
    assert asked[2:] == [(15, "images")]
    with RunStore.open(run.db) as store:
        assert store.get_meta("probes") == store.get_meta("probes_left_out") == {}


def test_what_the_first_look_at_the_model_finds_stands_until_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[tuple[int, float]] = []

    def probe(
        session: findings.Session, folder: RunFolder, part: findings.Part = findings.Part.ALL, seconds: float = 20.0
    ) -> findings.Probes:
        if part is findings.Part.IMAGES:
            return findings.Probes()
        looked.append((session.step, seconds))
        return findings.Probes({"grey": {"value": 4.0 if session.step < 12 else 9.0}})

    monkeypatch.setenv(findings.SWITCH, "1")
    monkeypatch.setattr(findings, "LOOK", 0.4)
    monkeypatch.setattr(findings, "FEWEST", 1)
    monkeypatch.setattr(findings, "probes_of_session", probe)
    only(monkeypatch, grey=Scripted({0: 0.0}, probes=("grey",)))
    run = train(tiny("vq", *EPOCHS, "engine.log_every_steps=1"), root=tmp_path)
    assert [step for step, _ in looked] == [5, 12], "at the first row from step 4.8 on, and at the end"
    assert findings.LOOK_LEAST <= looked[0][1] <= 20.0
    assert rows(run) == [(5, "grey", FOUND, 4.0), (12, "grey", CHANGED, 9.0)]


def test_what_is_wrong_with_the_images_is_reported_at_once_and_no_bit_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images_dark, "SOME", -1.0)
    only(monkeypatch, dark=images_dark.Rule())
    monkeypatch.setattr(findings, "FEWEST", 5)  # the model is looked at, too
    monkeypatch.setenv(findings.SWITCH, "1")
    looked = train(tiny("vq", *EPOCHS), root=tmp_path)
    assert [(step, code, change) for step, code, change, _ in rows(looked)] == [(3, "dark", FOUND)]
    unjudged = train(tiny("vq", *EPOCHS, "engine.doctor=false"), root=tmp_path)
    assert same(looked, unjudged)


def test_rows_that_are_followed_are_those_of_the_store(tmp_path: Path) -> None:
    with RunStore.create(tmp_path / "run.db") as store:
        follows = Following(store)
        assert len(follows.metrics("loss")[0]) == 0
        for step in range(1, 8):
            store.log(step, step / 10, {"loss": 1 / step if step != 4 else float("nan")})
            store.log(step, step / 10, {"loss": 2 / step if step != 4 else float("nan")})  # the newest counts
            store.event("set", step, name="x")
            if step % 2:
                for steps, values in zip(follows.metrics("loss"), store.metrics("loss"), strict=True):
                    assert steps.tolist() == pytest.approx(values.tolist(), nan_ok=True)
                assert follows.events("set") == store.events("set")
        assert follows.metrics("loss")[0].tolist() == list(range(1, 8))


def test_a_changed_severity_cause_or_fix_counts_as_a_change() -> None:
    first = Finding("a", Severity.WARNING, 1, 1.0, 0.5, fix=Fix({"x": (1, 2)}))
    again = read({"finding": {**first.as_dict(), "fix": {"changes": {"x": [1, 2]}, "keep_weights": True}}})
    assert again is not None
    assert not differs(first, again)
    for other in (
        Finding("a", Severity.ERROR, 1, 1.0, 0.5, fix=first.fix),
        Finding("a", Severity.WARNING, 1, 1.0, 0.5, fix=Fix({"x": (1, 3)})),
        Finding("a", Severity.WARNING, 1, 1.0, 0.5, fix=first.fix, because="b"),
        Finding("a", Severity.WARNING, 1, 1.2, 0.5, fix=first.fix),
    ):
        assert differs(first, other)
