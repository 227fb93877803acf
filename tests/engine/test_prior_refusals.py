"""What a prior cannot be trained on is one clear message, and nothing is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_prior
from commands import Outcome

from tilework.engine import train
from tilework.runs.folder import run_names
from tilework.spec import RunSpec, dump_yaml

Command = Callable[..., Outcome]


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    return written(tmp_path / "prior.yaml", tiny_prior.prior())


def written(path: Path, spec: RunSpec) -> Path:
    path.write_text(dump_yaml(spec), encoding="utf-8")
    return path


def refused(done: Outcome, *words: str) -> None:
    assert done.code == 2, done.out + done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in " ".join(done.err.split()), done.err


def test_no_run_at_all(tmp_path: Path, spec_file: Path, tilework: Command) -> None:
    refused(tilework("train", spec_file), "no run whose tokens could be learnt", "tilework train p5-loops")
    refused(tilework("train", spec_file, "parent=gone"), "the parent gone is not there")
    refused(tilework("train", spec_file, f"parent={tmp_path / 'gone'}"), "is not there", "parent=")
    refused(tilework("train", spec_file, "parent="), "parent")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("data.frames=2",), ("was trained on single images", "data.frames=1")),
        (("checkpoint=77",), ("cannot be used", "no checkpoint '77'", "checkpoint=best")),
        (("data.loop=true",), ("one frame goes round nothing",)),
        (("data.stride=0",), ("stride is 0",)),
        (("data.frame=3",), ("did you mean frames?",)),
        (("data=digits",), ("data",)),
        (("prior=maskd",), ("there is no kind 'maskd'", "masked")),
        (("prior.kind=masked", "prior.heads=3"), ("is no multiple of 2 x heads",)),
        (("prior=null",), ("prior needs a kind",)),
        (("bottleneck.codes=3",), ("bottleneck is a section of the task autoencoder",)),
        (("engine.monitor=psnr",), ("engine.monitor is 'psnr'", "bits")),
        (("engine.batch_size=5000",), ()),
    ],
)
def test_what_the_tokens_are_not(
    tmp_path: Path, spec_file: Path, tilework: Command, overrides: tuple[str, ...], words: tuple[str, ...]
) -> None:
    tiny_prior.standing()
    before = run_names(tmp_path / "runs")
    done = tilework("train", spec_file, *overrides, "engine.steps=1")
    if words:
        refused(done, *words)
        assert run_names(tmp_path / "runs") == before
    else:  # a batch larger than the data is one batch
        assert done.code == 0, done.err


def test_loops_that_are_not_gone_round_and_clips_that_are_too_short(
    tmp_path: Path, spec_file: Path, tilework: Command
) -> None:
    tiny_prior.loops_parent(tmp_path / "runs")
    refused(
        tilework("train", spec_file, "data.frames=5", "data.stride=2", "data.loop=true"),
        "do not go round the loops once",
        "that is 10 frames, and 3 of 3 loops have 12 frames",
        "data.frames=4 data.stride=3",
    )
    refused(tilework("train", spec_file, "data.frames=45", "data.stride=4"), "need 180 frames of a clip", "12")
    refused(
        tilework("train", spec_file, "data.frames=12", "data.split=parent", "data.loop=false", "data.stride=2"), "12"
    )
    assert len(run_names(tmp_path / "runs")) == 1


def test_a_parent_without_codes(tmp_path: Path, spec_file: Path, tilework: Command) -> None:
    run = tiny_prior.parent(tmp_path / "runs", "objective.kl=0.1", bottleneck="gaussian")
    refused(tilework("train", spec_file), f"the parent {run.id} has no codes", "gaussian", "vq")
    assert run_names(tmp_path / "runs") == [run.id]


def test_a_parent_that_is_a_prior_is_named_with_its_own_parent(
    tmp_path: Path, spec_file: Path, tilework: Command
) -> None:
    autoencoder = tiny_prior.parent(tmp_path / "runs")
    prior = train(tiny_prior.prior())
    refused(
        tilework("train", spec_file, f"parent={prior.id}"),
        f"the parent {prior.id} is a run of the task prior",
        f"parent={autoencoder.id}",
    )


def test_a_parent_that_was_deleted_or_has_lost_its_checkpoint(tmp_path: Path, tilework: Command) -> None:
    autoencoder = tiny_prior.parent(tmp_path / "runs")
    prior = train(tiny_prior.prior("engine.steps=8"), until=4)
    shutil.move(autoencoder.checkpoints, autoencoder.path / "aside")
    refused(tilework("resume", prior.id), f"the parent {autoencoder.id} cannot be used", "checkpoint")
    shutil.rmtree(autoencoder.path)
    for command in ("resume", "replay"):
        refused(tilework(command, prior.id), f"the parent {autoencoder.id} is not there", "parent=")


def test_going_on_with_another_parent_names_both(tmp_path: Path, tilework: Command) -> None:
    first = tiny_prior.parent(tmp_path / "runs")
    prior = train(tiny_prior.prior("engine.steps=8", parent=first.id), until=4)
    second = tiny_prior.parent(tmp_path / "runs", "seed=1")
    third = tiny_prior.parent(tmp_path / "runs", "seed=2", "engine.steps=9")
    before = (prior.path / "spec.yaml").read_text()
    for other in (second, third):  # the one has a checkpoint of that step, the other perhaps none
        refused(tilework("resume", prior.id, f"parent={other.id}"), first.id, other.id, "trained on tokens of")
    assert (prior.path / "spec.yaml").read_text() == before
    # Another run under the same name is another one too.
    shutil.rmtree(first.path)
    shutil.copytree(second.path, first.path)
    refused(tilework("resume", prior.id), first.id, "does not give the same ones", "decoder")


def test_the_spec_of_an_autoencoder_has_no_parent(tmp_path: Path, tilework: Command) -> None:
    run = tiny_prior.parent(tmp_path / "runs")
    refused(tilework("resume", run.id, "parent=last"), "parent")
