"""`tilework doctor`: what it prints of good, faulty and broken runs, and how it ends."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import children
import pytest
from commands import Outcome
from conforming import faults
from doctor_examples import COLLAPSED, COLLAPSING, HEALTHY, Scripted, collapse_only, made_run, only

from tilework.doctor.case import Case
from tilework.doctor.finding import Missing, Severity
from tilework.protocol.finding import FindingsResponse
from tilework.runs.folder import default_root
from tilework.runs.lock import RunLock
from tilework.runs.store import RunStore

Command = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _few_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed is asked of few rules, however many are shipped."""
    collapse_only(monkeypatch, leak=Scripted({0: Missing.VALIDATION}))


def test_it_prints_cause_evidence_and_the_one_fix_and_ends_with_1(tilework: Command) -> None:
    run = made_run(default_root(), val=COLLAPSED)
    done = tilework("doctor", run.id, "--no-probes")
    assert done.code == 1, done.err
    assert f"{run.id}  crashed" in done.out or f"{run.id}  finished" in done.out
    for words in (
        "1 error",
        "error    codebook-collapse  since step 200",
        "held-out perplexity 1.10 of 64 codes",
        "measured  1.1, threshold 1.5",
        "cause     codes start where the encoder never goes",
        f"fix       tilework train --from {run.id} --apply codebook-collapse",
        "bottleneck.start=kmeans bottleneck.revival={}; the new run starts anew",
        "unjudged leak: no validation yet",
    ):
        assert words in done.out, words


def test_without_a_name_it_is_the_last_run_and_a_healthy_one_ends_with_0(tilework: Command) -> None:
    made_run(default_root(), val=COLLAPSED)
    run = made_run(default_root(), val=HEALTHY)
    done = tilework("doctor", "--no-probes")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{run.id}  finished, step 400 of 1,000: no findings")


def test_json_is_as_the_protocol_defines_and_the_same_command(tilework: Command) -> None:
    run = made_run(default_root(), val={**COLLAPSED, "mse": [float("nan")] * 5})
    done = tilework("doctor", "last", "--json", "--no-probes")
    assert done.code == 1
    found = json.loads(done.out)
    assert list(faults(found, FindingsResponse)) == []
    assert found["id"] == run.id
    (collapse,) = found["findings"]
    assert (collapse["code"], collapse["severity"], collapse["step"]) == ("codebook-collapse", "error", 200)
    assert collapse["fix"] == {
        "changes": {"bottleneck.start": "kmeans", "bottleneck.revival": {}},
        "overrides": ["bottleneck.start=kmeans", "bottleneck.revival={}"],
        "keep_weights": False,
        "command": f"tilework train --from {run.id} --apply codebook-collapse",
    }
    assert found["unjudged"] == [{"code": "leak", "missing": "validation", "text": "no validation yet"}]


def test_a_warning_alone_ends_with_0_and_consequences_stand_below_their_cause(
    tilework: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    cause = Scripted({0: 2.0}, severity=Severity.WARNING)
    after = Scripted({0: 3.0}, severity=Severity.WARNING)
    after.follows_from = ("cliff",)  # type: ignore[misc]
    only(monkeypatch, blur=after, cliff=cause, other=Scripted({0: Missing.PROBE}))
    run = made_run(default_root(), val=HEALTHY)
    done = tilework("doctor", run.id, "--no-probes")
    assert done.code == 0, done.err
    assert "2 warnings" in done.out
    lines = done.out.splitlines()
    first, second = (next(n for n, line in enumerate(lines) if f"  {code}  since" in line or f" {code}  since" in line)
                     for code in ("cliff", "blur"))  # fmt: skip
    assert first < second
    assert lines[second].startswith("  warning")
    assert "follows from cliff" in lines[second]
    assert "unjudged other: the model was not probed" in done.out


def test_a_run_in_another_folder_is_named_by_its_path(tilework: Command, tmp_path: Path) -> None:
    run = made_run(tmp_path / "else where", val=COLLAPSED)
    done = tilework("doctor", run.path, "--no-probes")
    assert f"tilework train --from '{run.path}' --apply codebook-collapse" in done.out


def test_no_torch_is_loaded_for_rows(tmp_path: Path) -> None:
    run = made_run(default_root(), val=COLLAPSED)
    command = [sys.executable, "-X", "importtime", "-m", "tilework", "doctor", run.id, "--no-probes"]
    done = children.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 1, done.stderr[-2000:]
    imported = set(re.findall(r"\| +(\S+)$", done.stderr, re.MULTILINE))
    assert "tilework.doctor.diagnosis" in imported
    assert not {"torch", "matplotlib", "tilework.engine"} & imported


# What cannot be judged ------------------------------------------------------------------------------------------------


def test_no_validation_and_few_steps_are_reported_and_the_rest_is_judged(
    tilework: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Held(Scripted):
        def judge(self, case: Case) -> None:
            case.curve("mse", "val", least=5)

    collapse_only(monkeypatch, held=Held({}), grey=Scripted({0: 1.0}))
    run = made_run(default_root(), train={"loss": [1.0, 0.9], "mse": [1.0, 0.9]})
    done = tilework("doctor", run.id, "--no-probes")
    assert done.code == 1
    assert "unjudged held: no validation yet" in done.out
    assert "scripted 1" in done.out
    run = made_run(default_root(), val={name: values[:1] for name, values in COLLAPSED.items()})
    done = tilework("doctor", run.id, "--no-probes")
    assert "unjudged codebook-collapse, held: too few steps so far" in done.out
    unjudged = json.loads(tilework("doctor", run.id, "--no-probes", "--json").out)["unjudged"]
    assert [one["text"] for one in unjudged] == ["0 of 100 steps so far", "1 of 5 values of mse so far"]


def test_a_run_that_is_still_being_written_is_judged(tilework: Command) -> None:
    run = made_run(default_root(), val=COLLAPSED)
    with RunLock(run), RunStore.open(run.db, readonly=False) as store:
        store.log(500, 5.0, {"perplexity.1": 1.05, "codes": 64, "tokens": 1000}, "val")
        store.flush()
        done = tilework("doctor", run.id, "--no-probes")
    assert done.code == 1
    assert "running, step 500" in done.out
    assert "perplexity 1.05" in done.out


def test_a_rule_that_fails_over_what_it_reads_stops_no_other(
    tilework: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Scripted):
        def judge(self, case: object) -> None:  # type: ignore[override]
            raise ZeroDivisionError("division by zero")

    only(monkeypatch, broken=Broken({}), grey=Scripted({0: 1.0}))
    made_run(default_root(), val=HEALTHY)
    done = tilework("doctor", "--no-probes")
    assert done.code == 1
    assert "scripted 1" in done.out
    assert "unjudged broken: cannot be read (ZeroDivisionError: division by zero)" in done.out


@pytest.mark.parametrize("broken", ["no-db", "cut-db", "no-spec", "no-run", "newer"])
def test_a_broken_folder_is_one_message(tilework: Command, tmp_path: Path, broken: str) -> None:
    run = made_run(default_root(), val=COLLAPSED)
    if broken == "no-db":
        run.db.unlink()
    elif broken == "cut-db":
        run.db.write_bytes(run.db.read_bytes()[:3000])
    elif broken == "no-spec":
        run.spec_file.unlink()
    elif broken == "no-run":
        run.info_file.unlink()
    else:
        run.info_file.write_text('{"format": 99, "tilework": "9.9"}')
    done = tilework("doctor", run.path)
    assert done.code == 2, done.out
    assert re.match(r"error: .+\n  why: .+\n  fix: .+\n$", done.err), done.err
    assert done.out == ""


def test_a_store_that_has_nothing_yet_is_not_judged(tilework: Command) -> None:
    run = made_run(default_root(), val=COLLAPSED)
    run.db.write_bytes(b"")
    done = tilework("doctor", run.path)
    assert done.code == 0
    assert "no findings" in done.out
    assert "unjudged leak: no validation yet" in done.out


def test_a_damaged_spec_is_read_from_the_checkpoint(tilework: Command) -> None:
    import yaml

    run = made_run(default_root(), val=COLLAPSED)
    run.spec_file.write_text("{")
    folder = run.checkpoints / "step-00000400"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"step": 400, "spec": yaml.safe_load(COLLAPSING)}))
    done = tilework("doctor", run.id, "--no-probes")
    assert done.code == 1
    assert "bottleneck.start=kmeans" in done.out


def test_there_is_no_run(tilework: Command) -> None:
    done = tilework("doctor")
    assert done.code == 2
    assert "there is no run 'last'" in done.err


def test_probes_that_the_run_keeps_are_read_and_none_is_made_again(
    tilework: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, grey=Scripted({0: 0.0}, probes=("grey",)))
    run = made_run(default_root(), val=HEALTHY)
    from tilework.engine.findings import Probes

    monkeypatch.setattr("tilework.engine.findings.probes_of_folder", lambda folder: Probes({"grey": {"value": 7.0}}))
    assert "scripted 7" in tilework("doctor", run.id).out
    lacks = Probes({}, {"grey": {"why": "images", "detail": ""}})
    with monkeypatch.context() as without:
        without.setattr("tilework.engine.findings.probes_of_folder", lambda folder: lacks)
        out = tilework("doctor", run.id).out
    assert "unjudged grey: the model was not probed: the images of the run are not there" in out
    assert "unjudged grey: the model was not probed" in tilework("doctor", run.id, "--no-probes").out
    with RunStore.open(run.db, readonly=False) as store:
        store.set_meta("probes", {"grey": {"value": 3.0}})
    assert "scripted 3" in tilework("doctor", run.id).out
