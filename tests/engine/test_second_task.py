"""The engine trains whatever task there is: everything that a run can do, done with a task that it has never heard of."""

from __future__ import annotations

import os
import signal
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import children
import next_token
import pytest
import torch
from commands import Outcome
from test_steering import Hand, curve, same, set_, weights
from test_watch import Connection

from tilework.engine import resume, train
from tilework.engine.replay import replay
from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.runs.frames import unpack
from tilework.runs.status import RunStatus, list_runs, run_status
from tilework.runs.store import RunStore
from tilework.spec import TASKS, RunSpec
from tilework.spec.load import parse_spec

Command = Callable[..., Outcome]
AT = {3: [set_("dropout", 0.5)], 7: [set_("optimizer.lr", 4e-3)], 11: [set_("objective.mse", 1.0), ("revive", {})]}
KILLED = """
import os, sys
import next_token
from test_steering import Hand
from tilework.engine import train
from tilework.runs.store import RunStore
from tilework.spec.load import parse_spec
from pathlib import Path

class Dying(Hand):
    def ticked(self, tick):
        super().ticked(tick)
        if tick.step == 18:
            with RunStore.open(self.run.db) as store:
                while store.commands_pending():
                    pass
            os.kill(os.getpid(), 9)

train(parse_spec(next_token.small(engine={engine!r})), root=Path({root!r}), progress=Dying({at!r}))
"""


def spec(**engine: object) -> RunSpec:
    return parse_spec(next_token.small(engine=engine))


def at() -> dict[int, list[tuple[str, dict[str, object]]]]:
    return {step: list(orders) for step, orders in AT.items()}


def test_it_learns_and_is_listed_shown_and_reported(tmp_path: Path, tilework: Command) -> None:
    run = train(spec(steps=400), progress=Hand({}))
    assert run_status(run) is RunStatus.FINISHED
    (info,) = list_runs()
    with RunStore.open(run.db) as store:
        nll = store.metrics("nll", "val")[1]
    assert nll[-1] < nll[0] - 0.5, "it learnt nothing"
    assert dict(info.val)["accuracy"] > 0.3
    listed = tilework("runs")
    assert listed.code == 0, listed.err
    assert run.id in listed.out
    assert f"{nll[-1]:.3f}"[:4] in listed.out
    shown = tilework("show", run.path)
    assert shown.code == 0, shown.err
    assert "negative log-likelihood" in shown.out
    assert "nats/token" in shown.out
    reported = tilework("report", run.path)
    assert reported.code == 0, reported.err
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "validation negative log-likelihood" in page or "negative log-likelihood" in page
    assert "accuracy" in page


def test_steered_killed_and_resumed_it_is_the_run_that_was_never_killed(tmp_path: Path) -> None:
    engine = {"steps": 40, "save_every_steps": 5, "ema_decay": 0.9}
    code = KILLED.format(root=str(tmp_path / "killed"), at=at(), engine=engine)
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    done = children.run([sys.executable, "-c", code], warm=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == -signal.SIGKILL
    (folder,) = (tmp_path / "killed").iterdir()
    run = resume(RunFolder(folder))
    whole = train(spec(**engine), root=tmp_path / "whole", progress=Hand(at()))
    assert same(run, whole)
    assert not same(run, train(spec(**engine), root=tmp_path / "plain")), "the settings changed nothing"
    assert [curve(run, "lr")[step] for step in (7, 8)] == [1e-3, 4e-3]
    with RunStore.open(run.db) as store:
        commands = [(c.kind, c.status, c.applied_step) for c in store.commands()]
    assert commands == [("set", "applied", 4), ("set", "applied", 8), ("set", "refused", 12), ("revive", "refused", 12)]


def test_it_is_replayed_bit_for_bit(tmp_path: Path) -> None:
    run = train(spec(), root=tmp_path / "one", progress=Hand(at()))
    again = replay(run, root=tmp_path / "two")
    assert (again.identical, again.interventions, again.step) == (True, 2, 30)


def test_it_is_watched_and_its_timeline_kept_and_no_bit_of_it_changes(tmp_path: Path) -> None:
    connection = Connection()
    run = train(spec(steps=60), root=tmp_path / "watched", progress=connection)
    connection.close()
    header, arrays = connection.frames["motion"][-1]
    assert (header["step"], header["total_steps"], arrays) == (60, 60, {})
    assert header["values"] == {"optimizer.lr": 1e-3, "dropout": 0.1}
    assert set(header["figures"]) >= {"loss", "nll", "grad_norm", "lr"}
    alone = train(spec(steps=60), root=tmp_path / "alone")
    assert all(torch.equal(tensor, weights(alone)[name]) for name, tensor in weights(run).items())
    with RunStore.open(run.db) as store:
        kept = store.snapshots("live")
    assert kept[-1].step == 60
    unpack(zlib.decompress((run.path / kept[-1].file).read_bytes()))


def test_its_settings_reach_the_page_by_themselves(tmp_path: Path) -> None:
    run = train(spec(), root=tmp_path)
    with RunStore.open(run.db) as store:
        found = {one["name"]: one for one in store.get_meta("steerable")}
    assert list(found) == ["optimizer.lr", "dropout"]
    assert (found["dropout"]["low"], found["dropout"]["high"], found["dropout"]["label"]) == (0.0, 0.9, "dropout")


# What can be wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "part", "fix"),
    [
        ({"task": "next-tokn"}, "there is no task 'next-tokn'", "task: next-token"),
        ({"task": 3}, "there is no task 3", "task: "),
        ({"bottleneck": {"kind": "vq"}}, "bottleneck is a section of the task autoencoder", "task: autoencoder"),
        ({"widht": 3}, "unknown key widht (did you mean width?)", "width"),
        ({"engine": {"monitor": "psnr"}}, "engine.monitor is 'psnr'", "engine.monitor=loss"),
        ({"engine": {"steps": None, "epochs": None}}, "the run has no end", "engine.epochs=20"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(
    tmp_path: Path, tilework: Command, change: dict[str, object], part: str, fix: str
) -> None:
    from tilework.spec.text import write_yaml

    raw = next_token.small()
    raw |= {**change, "engine": {**raw["engine"], **change.get("engine", {})}}
    (tmp_path / "wrong.yaml").write_text(write_yaml(raw), encoding="utf-8")
    done = tilework("train", tmp_path / "wrong.yaml")
    assert done.code == 2
    assert part in done.err
    assert fix in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "runs").exists()


def test_a_section_of_another_task_is_named_to_an_autoencoder(tmp_path: Path, tilework: Command) -> None:
    done = tilework("train", "rqvae-digits", "text=abc")
    assert done.code == 2
    assert "text is a section of the task next-token" in done.err


def test_a_task_that_leaves_a_question_unanswered_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    class Task(next_token.Task):
        validate = next_token.contract.Task.validate  # abstract

    Task.__abstractmethods__ = frozenset({"validate"})
    module = types.ModuleType("half_a_task")
    module.Task = Task  # type: ignore[attr-defined]
    monkeypatch.setitem(TASKS.extra, "half", module)
    with pytest.raises(UserError, match="the task half lacks validate"):
        parse_spec({**next_token.small(), "task": "half"})


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    import types

    TASKS.add("next-token", sys.modules["next_token"])  # the same file again is no other
    with pytest.raises(ValueError, match="already"):
        TASKS.add("autoencoder", types.ModuleType("other"))
    with pytest.raises(ValueError, match="already"):
        TASKS.add("next-token", types.ModuleType("other"))


def test_the_shell_trains_it_stops_it_and_goes_on(tmp_path: Path, tilework: Command) -> None:
    from tilework.spec.text import write_yaml

    (tmp_path / "letters.yaml").write_text(write_yaml(next_token.small()), encoding="utf-8")
    done = tilework("train", tmp_path / "letters.yaml", "engine.stop_after_minutes=1e-9")
    assert done.code == 0, done.err
    assert "next-token, 4,224 parameters" in done.out
    assert "stopped after 1 steps" in done.out
    done = tilework("resume", "last", "engine.stop_after_minutes=null")
    assert done.code == 0, done.err
    assert "finished after 30 steps" in done.out
    assert "negative log-likelihood" in done.out
    assert "nats/token" in done.out
