"""A prior is a run like any other: trained, killed, gone on with, steered, repeated, watched, listed, shown and reported."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import children
import numpy as np
import pytest
import tiny_prior
import torch
from commands import Outcome
from conforming import frame_faults
from test_steering import Hand, curve, same, set_, weights
from test_watch import Connection

from tilework.engine import resume, train
from tilework.engine.replay import replay
from tilework.runs.folder import RunFolder
from tilework.runs.frames import unpack
from tilework.runs.status import RunStatus, list_runs, run_status
from tilework.runs.store import RunStore
from tilework.spec import RunSpec, load_spec

Command = Callable[..., Outcome]
Once = Callable[[str, Callable[[Path], object]], Path]
AT = {2: [set_("prior.dropout", 0.5)], 4: [set_("optimizer.lr", 0.04)], 6: [set_("prior.depth", 3.0), ("revive", {})]}
LOOP = ("data.frames=4", "data.stride=3", "data.loop=true")
KILLED = """
import os
from pathlib import Path
import tiny_prior
from test_steering import Hand
from tilework.engine import train
from tilework.runs.store import RunStore

class Dying(Hand):
    def ticked(self, tick):
        super().ticked(tick)
        if tick.step == 9:
            with RunStore.open(self.run.db) as store:
                while store.commands_pending():
                    pass
            os.kill(os.getpid(), 9)

train(tiny_prior.prior(*{overrides!r}, parent={parent!r}), root=Path({root!r}), progress=Dying({at!r}))
"""


@pytest.fixture
def digits(once: Once) -> str:
    """The folder of an autoencoder of digits."""
    (run,) = once("prior-parent-digits", lambda folder: tiny_prior.parent(folder)).iterdir()
    return str(run)


@pytest.fixture
def loops(once: Once) -> str:
    """The folder of an autoencoder of three loops of twelve frames."""
    (run,) = once("prior-parent-loops", lambda folder: tiny_prior.loops_parent(folder)).iterdir()
    return str(run)


def at() -> dict[int, list[tuple[str, dict[str, object]]]]:
    return {step: list(orders) for step, orders in AT.items()}


def validated(run: RunFolder) -> dict[str, float]:
    with RunStore.open(run.db) as store:
        found: dict[str, float] = store.latest()["values"]["val"]
    return found


def arrays(run: RunFolder, kind: str) -> list[dict[str, np.ndarray]]:  # type: ignore[type-arg]
    with RunStore.open(run.db) as store:
        files = [run.path / row.file for row in store.snapshots(kind)]
    return [dict(np.load(file)) for file in files]


def test_it_learns_and_is_listed_shown_and_reported(digits: str, tilework: Command) -> None:
    run = train(tiny_prior.prior("engine.steps=60", "optimizer.lr=0.1", parent=digits))
    assert run_status(run) is RunStatus.FINISHED
    values = validated(run)
    with RunStore.open(run.db) as store:
        bits, meta = store.metrics("bits", "val")[1], store.meta()
    assert bits[-1] < bits[0] - 0.3
    assert bits[-1] < values["coding.unigram"] < values["coding.uniform"] == 3.0
    assert 0.2 < values["accuracy"] <= 1
    assert "coding.copy" not in values
    assert values["bits_per_dim"] == pytest.approx(values["bits"] * 16 / 256)
    assert (meta["task"], meta["unit"], meta["parent"]) == ("prior", "images", Path(digits).name)
    assert {"decoder_hash", "codebook_hash", "data_hash"} <= set(meta)
    (info,) = list_runs()
    listed = tilework("runs")
    assert run.id in listed.out
    assert f"{info.val['bits']:.3f}" in listed.out
    shown = tilework("show", run.path)
    assert "bits per token" in shown.out
    assert "coding baseline" in shown.out
    assert f"{Path(digits).name}, step " in shown.out
    reported = tilework("report", run.path)
    assert reported.code == 0, reported.err
    page = (run.path / "report.html").read_text(encoding="utf-8")
    for words in ("Samples", "against plain codes", "what is hard to predict", "samples over time", "fewer bits than"):
        assert words.lower() in page.lower()
    assert "None yet" not in page
    assert {"samples.png", "token-bits-dark.png"} <= {file.name for file in (run.path / "report").iterdir()}


def test_its_spec_names_the_run_and_the_checkpoint_and_not_last(tmp_path: Path) -> None:
    older = tiny_prior.parent(tmp_path / "runs")
    newer = tiny_prior.parent(tmp_path / "runs")
    run = train(tiny_prior.prior(parent="last"))
    written = load_spec(str(run.spec_file))
    assert written.parent == newer.id != older.id
    assert written.checkpoint.isdecimal()
    # The newest run is a prior now, and has no tokens of its own.
    again = train(tiny_prior.prior(parent="last"))
    assert load_spec(str(again.spec_file)).parent == newer.id
    elsewhere = train(tiny_prior.prior(parent=str(older.path)), root=tmp_path / "other")
    assert load_spec(str(elsewhere.spec_file)).parent == str(older.path)


def test_steered_killed_and_resumed_it_is_the_run_that_was_never_killed(tmp_path: Path, loops: str) -> None:
    overrides = ("engine.steps=16", "engine.save_every_steps=5", "engine.ema_decay=0.9", "engine.batch_size=8", *LOOP)
    code = KILLED.format(root=str(tmp_path / "killed"), at=at(), overrides=overrides, parent=loops)
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    done = children.run([sys.executable, "-c", code], warm=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == -signal.SIGKILL
    (folder,) = (tmp_path / "killed").iterdir()
    run = resume(RunFolder(folder))
    whole = train(tiny_prior.prior(*overrides, parent=loops), root=tmp_path / "whole", progress=Hand(at()))
    assert same(run, whole)
    assert validated(run) == validated(whole)
    assert not same(run, train(tiny_prior.prior(*overrides, parent=loops), root=tmp_path / "plain"))
    assert [curve(run, "lr")[step] for step in (4, 5)] == [0.02, 0.04]
    with RunStore.open(run.db) as store:
        commands = [(c.kind, c.status, c.applied_step) for c in store.commands()]
    assert commands == [("set", "applied", 3), ("set", "applied", 5), ("set", "refused", 7), ("revive", "refused", 7)]


def test_it_is_replayed_bit_for_bit_also_into_another_folder(tmp_path: Path) -> None:
    tiny_prior.parent(tmp_path / "one")
    run = train(tiny_prior.prior(), root=tmp_path / "one", progress=Hand(at()))
    again = replay(run, root=tmp_path / "two")
    assert (again.identical, again.interventions, again.step) == (True, 2, 8)


def test_it_is_watched_and_its_timeline_kept_and_no_bit_of_it_changes(tmp_path: Path, loops: str) -> None:
    spec = tiny_prior.prior("engine.steps=30", "engine.log_every_steps=5", *LOOP, parent=loops)
    connection = Connection()
    run = train(spec, root=tmp_path / "watched", progress=connection)
    connection.close()
    header, _ = connection.frames["motion"][-1]
    assert header["values"] == {"optimizer.lr": 0.02, "prior.dropout": 0.1}
    assert set(header["figures"]) >= {"loss", "bits", "accuracy", "grad_norm", "lr"}
    header, shown = connection.frames["images"][-1]
    assert list(frame_faults(header, shown)) == []
    assert shown["samples"].shape == (6, 4, 16, 16, 1)
    assert shown["token_bits"].shape == (1, 4, 4)
    alone = train(spec, root=tmp_path / "alone")
    assert all(torch.equal(tensor, weights(alone)[name]) for name, tensor in weights(run).items())
    with RunStore.open(run.db) as store:
        kept = store.snapshots("live")
    header, stored = unpack(zlib.decompress((run.path / kept[-1].file).read_bytes()))
    assert list(frame_faults(header, stored)) == []
    assert {"samples", "token_bits"} == set(stored)


def test_samples_come_from_one_seed_and_bits_show_where_they_are_spent(tmp_path: Path, loops: str) -> None:
    spec = tiny_prior.prior("engine.steps=10", "engine.snapshot_every_epochs=5", *LOOP, parent=loops)
    run, again = train(spec, root=tmp_path), train(spec, root=tmp_path)
    taken = arrays(run, "samples")
    assert len(taken) == 3
    assert taken[-1]["samples"].shape == (6, 4, 16, 16, 1)
    assert taken[-1]["tokens"].shape == (6, 4, 1, 4, 4)
    assert taken[-1]["labels"].tolist() == [0, 1, 2, 0, 1, 2]
    assert all(np.array_equal(a["tokens"], b["tokens"]) for a, b in zip(taken, arrays(again, "samples"), strict=True))
    assert not np.array_equal(taken[0]["tokens"], taken[-1]["tokens"])
    bits = arrays(run, "token-bits")[-1]["bits"]
    assert bits.shape == (4, 1, 4, 4)
    assert bits.mean() == pytest.approx(validated(run)["bits"], rel=1e-5)
    assert {"coding.uniform", "coding.unigram", "coding.copy"} < set(validated(run))


def test_levels_have_bits_of_their_own(tmp_path: Path) -> None:
    tiny_prior.parent(tmp_path / "runs", bottleneck="rq")
    values = validated(train(tiny_prior.prior()))
    assert {"level_bits.1", "level_bits.2", "level_bits.3"} < set(values)
    assert np.mean([values[f"level_bits.{level}"] for level in (1, 2, 3)]) == pytest.approx(values["bits"])


def test_it_may_be_judged_by_bits(digits: str) -> None:
    train(tiny_prior.prior("engine.monitor=bits", parent=digits))


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_the_shipped_kinds_train_steer_and_resume(tmp_path: Path, loops: str, kind: str) -> None:
    small = ("prior.width=16", "prior.depth=1", "prior.heads=2", "engine.batch_size=4", "data.validate_items=4")
    overrides = (*small, "engine.steps=4", "engine.log_every_steps=1", "engine.validate_every_epochs=100", *LOOP)
    spec = tiny_prior.prior(*overrides, kind=kind, parent=loops)
    hand = {1: [set_("prior.dropout", 0.3)]}
    whole = train(spec, root=tmp_path, progress=Hand(dict(hand)))
    half = train(spec, root=tmp_path, progress=Hand(dict(hand)), until=3)
    assert not same(half, whole)
    assert same(resume(half), whole)
    values = validated(whole)
    assert set(values) >= {"bits", "bits_per_dim", "coding.copy", "accuracy"}
    assert replay(whole).identical


def test_tensorboard_and_csv_have_its_metrics(tmp_path: Path, digits: str) -> None:
    run = train(tiny_prior.prior("trackers=csv,tensorboard", parent=digits), root=tmp_path)
    assert "bits" in (run.path / "metrics.csv").read_text(encoding="utf-8")
    assert list(run.path.rglob("events.out.tfevents.*"))


def test_mirrored_images_are_more_items_to_train_on_and_none_to_be_judged_by(tmp_path: Path, digits: str) -> None:
    def items(spec: RunSpec) -> tuple[int, int]:
        run = train(spec, root=tmp_path)
        with RunStore.open(run.db) as store:
            held_out, steps = store.get_meta("held_out"), store.get_meta("steps_per_epoch")
        return steps, held_out

    plain = items(tiny_prior.prior(parent=digits))
    both = items(tiny_prior.prior("data.mirror=true", parent=digits))
    assert both[1] == plain[1]
    assert 2 * plain[0] <= both[0] <= 2 * plain[0] + 1


def test_a_moved_parent_is_found_at_its_given_path(tmp_path: Path) -> None:
    parent = tiny_prior.parent(tmp_path / "runs")
    run = train(tiny_prior.prior("engine.steps=8"), until=4)
    moved = tmp_path / "elsewhere" / parent.id
    moved.parent.mkdir()
    shutil.move(parent.path, moved)
    resume(run, overrides=(f"parent={moved}",))
    assert load_spec(str(run.spec_file)).parent == str(moved)
    resume(run, overrides=("engine.steps=10",))
    assert run_status(run) is RunStatus.FINISHED


def test_weights_that_are_no_numbers_end_the_run_with_a_message_and_draw_nothing(tmp_path: Path, digits: str) -> None:
    from tilework.errors import RunFailure

    class Spoiling(tiny_prior.Prior):
        def forward(self, tokens: torch.Tensor, labels: torch.Tensor) -> tiny_prior.Loss:
            found = super().forward(tokens, labels)
            if self.training:
                self.own.data.fill_(float("nan"))
            return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_prior, "Prior", Spoiling)
        with pytest.raises(RunFailure):
            train(
                tiny_prior.prior(
                    "engine.nonfinite_steps=2", "engine.guard.rollbacks=1", "engine.steps=20", parent=digits
                ),
                root=tmp_path,
            )
