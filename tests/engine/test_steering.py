"""Steering: a command acts before the next step, is answered and journaled, and a replay repeats it bit for bit."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import children
import pytest
import torch
from commands import PATIENCE, Outcome
from safetensors.torch import load_file
from tiny_runs import tiny

from tilework.engine import train
from tilework.engine.orders import Order
from tilework.engine.progress import Plan, Silent, Tick
from tilework.engine.replay import replay
from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.runs.status import RunStatus, run_status
from tilework.runs.steer import send
from tilework.runs.store import RunStore
from tilework.spec import dump_yaml

STEERED = ("bottleneck.revival.threshold=0.5", "bottleneck.revival.patience=2", "objective.sinkhorn=0.0")


class Hand(Silent):
    """Sends commands when the run has logged a step (the specs here log every one): they act before the next."""

    def __init__(self, at: dict[int, list[tuple[str, dict[str, object]]]]) -> None:
        self.at = at
        self.messages: list[str] = []
        self.run: RunFolder | None = None
        self.ticks: list[int] = []

    def started(self, plan: Plan) -> None:
        self.run = plan.run

    def message(self, text: str) -> None:
        self.messages.append(text)

    def ticked(self, tick: Tick) -> None:
        assert self.run is not None
        self.ticks.append(tick.step)
        for kind, payload in self.at.pop(tick.step, []):
            send(self.run, kind, **payload)


def wait_until(there: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def set_(name: str, value: float) -> tuple[str, dict[str, object]]:
    return "set", {"name": name, "value": value}


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    last = json.loads((run.checkpoints / "last.json").read_text())["folder"]
    return load_file(run.checkpoints / last / "model.safetensors")


def same(one: RunFolder, other: RunFolder) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def curve(run: RunFolder, name: str) -> dict[int, float]:
    with RunStore.open(run.db) as store:
        steps, values = store.metrics(name)
    return dict(zip(steps.tolist(), values.tolist(), strict=True))


def test_a_weight_acts_on_the_very_next_step_and_is_journaled(tmp_path: Path) -> None:
    hand = Hand({3: [set_("objective.commitment", 1.5), set_("optimizer.lr", 5e-3)]})
    run = train(tiny("vq", "engine.steps=6"), root=tmp_path, progress=hand)
    assert curve(run, "weight.commitment") == {1: 0.25, 2: 0.25, 3: 0.25, 4: 1.5, 5: 1.5, 6: 1.5}
    assert [curve(run, "lr")[step] for step in (3, 4)] == [1e-3, 5e-3]
    with RunStore.open(run.db) as store:
        commands = [(c.kind, c.status, c.applied_step, c.payload["before"]) for c in store.commands()]
        events = [(e.step, e.payload["name"], e.payload["value"]) for e in store.events("set")]
    assert commands == [("set", "applied", 4, 0.25), ("set", "applied", 4, 1e-3)]
    assert events == [(3, "objective.commitment", 1.5), (3, "optimizer.lr", 5e-3)]


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("objective.commitmnt", 1.0, "cannot be changed while the run goes on"),
        ("engine.batch_size", 8.0, "cannot be changed while the run goes on"),
        ("objective.commitment", 1e9, "out of range; choose 0 to 100"),
        ("optimizer.lr", 0.0, "out of range"),
        ("bottleneck.decay", 1.0, "out of range"),
        ("objective.codebook", 1.0, "needs a codebook loss"),
        ("objective.sinkhorn", 1.0, "needs codes that learn by gradient"),
    ],
)
def test_what_cannot_be_set_is_refused_and_the_run_goes_on(tmp_path: Path, name: str, value: float, part: str) -> None:
    hand = Hand({2: [set_(name, value)]})
    spec = tiny("vq", "engine.steps=4", "objective.codebook=0.0", "objective.sinkhorn=0.0")
    run = train(spec, root=tmp_path / "steered", progress=hand)
    with RunStore.open(run.db) as store:
        (command,) = store.commands()
    assert command.status == "refused"
    error = command.payload["error"]
    assert part in f"{error['what']}; {error['fix'] or error['why']}"
    assert same(run, train(spec, root=tmp_path / "plain"))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("set", {"name": "optimizer.lr", "value": float("nan")}),
        ("set", {"name": "optimizer.lr"}),
        ("set", {"name": "optimizer.lr", "value": True}),
        ("set", {"name": 3, "value": 1.0}),
        ("step", {"n": 0}),
        ("step", {"n": 2.5}),
        ("pace", {"steps_per_second": -1}),
        ("pause", {"why": "so"}),
        ("explode", {}),
    ],
)
def test_a_command_that_means_nothing_never_reaches_the_run(
    small_run: RunFolder, kind: str, payload: dict[str, object]
) -> None:
    with pytest.raises(UserError):
        send(small_run, kind, **payload)
    with RunStore.open(small_run.db) as store:
        assert store.commands() == []


def test_nobody_hears_a_command_to_a_run_that_has_ended(small_run: RunFolder) -> None:
    with pytest.raises(UserError, match="is not being trained"):
        send(small_run, "pause")


def test_replay_repeats_every_intervention_bit_for_bit(tmp_path: Path) -> None:
    at = {
        2: [set_("objective.commitment", 1.0)],
        4: [set_("optimizer.lr", 4e-3), set_("bottleneck.decay", 0.6)],
        6: [set_("bottleneck.revival.threshold", 0.8), ("revive", {})],
        7: [set_("objective.l1", 0.5), set_("objective.sinkhorn", 0.5)],
        9: [set_("objective.l1", 0.0), set_("objective.nonsense", 1.0)],
    }
    spec = tiny("vq", "engine.steps=12", "objective.l1=0.0", *STEERED)
    run = train(spec, root=tmp_path / "one", progress=Hand(at))
    again = replay(run, root=tmp_path / "two")
    assert (again.identical, again.interventions, again.step) == (True, 7, 12)
    assert same(run, again.run)
    assert not same(run, train(spec, root=tmp_path / "plain")), "the interventions changed nothing"
    with RunStore.open(again.run.db) as store:
        assert [(c.kind, c.applied_step) for c in store.commands()] == [
            ("set", 3), ("set", 5), ("set", 5), ("set", 7), ("revive", 7), ("set", 8), ("set", 10)
        ]  # fmt: skip


def test_replay_of_a_stopped_run_ends_where_it_ended(tmp_path: Path) -> None:
    run = train(tiny("rq", "engine.steps=50"), root=tmp_path / "one", progress=Hand({5: [("stop", {})]}))
    again = replay(run, root=tmp_path / "two")
    assert (again.identical, again.step) == (True, 5)
    with RunStore.open(again.run.db) as store:
        assert store.get_meta("status") == "stopped"


def test_replay_command_prints_what_it_found(tmp_path: Path, tilework: Callable[..., Outcome]) -> None:
    run = train(tiny("vq", "engine.steps=5"), root=tmp_path, progress=Hand({2: [set_("optimizer.lr", 3e-3)]}))
    done = tilework("replay", run.path)
    assert done.code == 0, done.err
    assert "Replayed 5 steps with 1 intervention: all" in done.out
    assert "bit for bit" in done.out
    with RunStore.open(run.db, readonly=False) as store:
        store._append(lambda batch: batch.execute("UPDATE commands SET payload = json_set(payload, '$.value', 0.02)"))
    done = tilework("replay", run.path)
    assert done.code == 1
    assert "is not the same" in done.err


def test_pause_stands_still_steps_count_and_run_goes_on(tmp_path: Path) -> None:
    hand = Hand({3: [("pause", {})]})
    spec = tiny("vq", "engine.steps=12")
    seen: list[int] = []

    def steer() -> None:
        wait_until(lambda: any("paused" in line for line in hand.messages))
        assert hand.run is not None
        answered_twice(hand.run)
        seen.append(hand.ticks[-1])
        send(hand.run, "step", n=2)
        wait_until(lambda: hand.ticks[-1] >= 5)
        answered_twice(hand.run)
        seen.append(hand.ticks[-1])
        send(hand.run, "run")

    def answered_twice(run: RunFolder) -> None:
        """The second command is read after the first was answered: a run that went on would have made a step in between."""
        for _ in range(2):
            send(run, "pace", steps_per_second=None)
            wait_until(lambda: not pending(run))

    def pending(run: RunFolder) -> bool:
        with RunStore.open(run.db) as store:
            return bool(store.commands_pending())

    other = threading.Thread(target=steer)
    other.start()
    run = train(spec, root=tmp_path / "paused", progress=hand)
    other.join()
    assert seen == [3, 5]
    assert hand.ticks[-1] == 12
    assert same(run, train(spec, root=tmp_path / "plain"))


def test_slow_motion_holds_its_pace_and_changes_nothing(tmp_path: Path) -> None:
    spec = tiny("vq", "engine.steps=10")
    began: list[float] = []

    class Timed(Hand):
        def ticked(self, tick: Tick) -> None:
            began.append(time.monotonic())
            super().ticked(tick)

    run = train(spec, root=tmp_path / "slow", progress=Timed({1: [("pace", {"steps_per_second": 20})]}))
    assert began[-1] - began[1] > 7 / 20
    assert same(run, train(spec, root=tmp_path / "plain"))


def test_reset_starts_a_new_run_with_other_weights_and_the_same_settings(tmp_path: Path) -> None:
    hand = Hand({2: [set_("objective.commitment", 1.0)], 3: [("reset", {})]})
    run = train(tiny("vq", "engine.steps=6"), root=tmp_path, progress=hand)
    old = next(RunFolder(path) for path in tmp_path.iterdir() if path != run.path)
    with RunStore.open(old.db) as store:
        assert (store.get_meta("status"), store.latest()["step"]) == ("stopped", 3)
        assert [e.payload for e in store.events("reset")] == [{"next": run.id}]
    assert curve(run, "weight.commitment") == dict.fromkeys(range(1, 7), 1.0)
    with RunStore.open(run.db) as store:
        assert (store.get_meta("status"), store.latest()["step"]) == ("finished", 6)
    alone = train(tiny("vq", "engine.steps=6", "objective.commitment=1.0", "seed=1"), root=tmp_path / "alone")
    assert same(run, alone), "a reset run is not the run that its spec describes"


def test_a_reset_marks_no_change_where_a_setting_was_put_back_before(tmp_path: Path) -> None:
    held = "objective.codebook={kind: linear, start: 0, end: 1, over: 99 steps}"
    spec = tiny("vq", "engine.steps=3", "bottleneck.codebook=gradient", held, "objective.sinkhorn=0.0")
    there_and_back = [set_("objective.sinkhorn", 0.5), set_("objective.sinkhorn", 0.0), set_("objective.codebook", 0.0)]
    run = train(spec, root=tmp_path, progress=Hand({1: there_and_back, 2: [("reset", {})]}))
    with RunStore.open(run.db) as store:
        events = [(e.payload["name"], e.payload["before"], e.payload["value"]) for e in store.events("set")]
        kept = [(c.payload["name"], c.status) for c in store.commands()]
    assert events == [("objective.codebook", 0.0, 0.0)], "only what a schedule would have moved is held"
    assert kept == [("objective.sinkhorn", "applied"), ("objective.codebook", "applied")], "a replay repeats both"
    assert curve(run, "weight.codebook") == {1: 0.0, 2: 0.0, 3: 0.0}


def test_a_weight_can_be_raised_far_beyond_what_it_starts_with(tmp_path: Path) -> None:
    run = train(tiny("gaussian", "engine.steps=4"), root=tmp_path, progress=Hand({2: [set_("objective.kl", 100.0)]}))
    with RunStore.open(run.db) as store:
        (kl,) = [one for one in store.get_meta("steerable") if one["name"] == "objective.kl"]
    assert (kl["low"], kl["high"], kl["scale"]) == (0.0, 100.0, "off-log")
    assert curve(run, "weight.kl")[4] == 100.0


def test_a_run_that_a_reset_begins_never_looks_dead(tmp_path: Path) -> None:
    """Its folder is there before its images are read and its model is built."""
    seen = []

    class Looking(Hand):
        def message(self, text: str) -> None:
            if text.startswith("reset: "):
                seen.append(run_status(RunFolder(tmp_path / text.split()[1])))

    train(tiny("vq", "engine.steps=4"), root=tmp_path, progress=Looking({2: [("pause", {}), ("reset", {})]}))
    assert seen == [RunStatus.RUNNING]


def test_a_changed_weight_begins_the_judgement_anew(tmp_path: Path) -> None:
    """The best held-out loss under an old weight is no measure of the new one."""
    spec = tiny("vq", "engine.steps=null", "engine.epochs=3")
    per_epoch = 1617 // 32
    hand = Hand({per_epoch + 1: [set_("objective.mse", 2.0)]})
    run = train(spec, root=tmp_path, progress=hand)
    best = json.loads((run.checkpoints / "best.json").read_text())["folder"]
    assert int(best.split("-")[1]) > per_epoch, "twice the weight, twice the loss: the first epoch stayed best"


KILLED = """
import os, sys, time
sys.path.insert(0, {tests!r})
from test_steering import Hand, set_
from tilework.engine import train
from tilework.runs.store import RunStore
from tilework.spec import load_spec
from pathlib import Path

class Dying(Hand):
    def ticked(self, tick):
        super().ticked(tick)
        if tick.step == 9:
            with RunStore.open(self.run.db) as store:
                while store.commands_pending():  # the answers are written by a thread, a little later
                    time.sleep(0.01)
            os.kill(os.getpid(), 9)

train(load_spec({spec!r}), root=Path({root!r}), progress=Dying({at!r}))
"""


def test_what_a_killed_run_was_commanded_is_done_again(tmp_path: Path) -> None:
    """Commanded after the last checkpoint, then killed: the resumed run equals the one that was never killed."""
    from tilework.engine import resume

    spec = tiny("vq", "engine.steps=14", "engine.save_every_steps=5", *STEERED)
    (tmp_path / "spec.yaml").write_text(dump_yaml(spec))
    at = {3: [set_("objective.commitment", 0.5)], 6: [set_("optimizer.lr", 4e-3)], 7: [("revive", {})]}
    code = KILLED.format(
        tests=str(Path(__file__).parent), spec=str(tmp_path / "spec.yaml"), root=str(tmp_path / "killed"), at=at
    )
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    done = children.run([sys.executable, "-c", code], warm=True, env={**os.environ, "PYTHONPATH": path}, check=False)
    assert done.returncode == -signal.SIGKILL
    (folder,) = (tmp_path / "killed").iterdir()
    run = resume(RunFolder(folder))
    whole = train(spec, root=tmp_path / "whole", progress=Hand(at))
    assert same(run, whole)
    with RunStore.open(run.db) as store:
        assert [(c.status, c.applied_step) for c in store.commands()] == [
            ("applied", 4),
            ("applied", 7),
            ("applied", 8),
        ]


def test_a_script_acts_before_the_first_step(tmp_path: Path) -> None:
    script = [Order("set", {"name": "objective.commitment", "value": 1.0}, None, 1)]
    steered = train(tiny("vq"), root=tmp_path / "a", script=script)
    assert same(steered, train(tiny("vq", "objective.commitment=1.0"), root=tmp_path / "b"))


def test_ctrl_c_also_ends_in_good_order_the_run_that_a_reset_of_a_resumed_run_began(tmp_path: Path) -> None:
    from tilework.engine import resume

    run = train(tiny("vq", "engine.steps=4"), root=tmp_path)

    class Impatient(Hand):
        def ticked(self, tick: Tick) -> None:
            super().ticked(tick)
            if self.run is not None and self.run.id != run.id and tick.step == 2:
                os.kill(os.getpid(), signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    try:
        new = resume(run, overrides=("engine.steps=9",), progress=Impatient({5: [("reset", {})]}))
    finally:
        signal.signal(signal.SIGINT, handler)
    assert new.id != run.id
    with RunStore.open(new.db) as store:
        assert (store.get_meta("status"), store.latest()["step"]) == ("stopped", 2)
