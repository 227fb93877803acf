"""Opening the run of a prior: its autoencoder is found again, and another one is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from dreamt import prior_spec, trained_prior

import tilework
from tilework import dream
from tilework.dream.choosing import chosen, priors_of
from tilework.dream.opening import open_dreamer
from tilework.errors import UserError
from tilework.runs.folder import RunFolder

Once = Callable[..., Path]


@pytest.fixture
def run(once: Once, tmp_path: Path) -> RunFolder:
    """A prior of loops beside its autoencoder, in the test's own folder of runs."""
    shutil.copytree(trained_prior(once).path.parent, tmp_path / "runs", dirs_exist_ok=True)
    return RunFolder(tmp_path / "runs" / trained_prior(once).id)


def parent_of(run: RunFolder) -> RunFolder:
    (found,) = [other for other in run.path.parent.iterdir() if other.name.startswith("dream-loops")]
    return RunFolder(found)


def refused(run: RunFolder, **settings: object) -> str:
    with pytest.raises(UserError) as error:
        open_dreamer(run, device="cpu", **settings)  # type: ignore[arg-type]
    assert error.value.fix
    return f"{error.value.what} {error.value.why} {error.value.fix}"


def test_a_prior_is_opened_with_its_autoencoder(run: RunFolder) -> None:
    dreamer = open_dreamer(run, device="cpu")
    assert dreamer.name == run.id
    assert dreamer.parent.name == parent_of(run).id
    assert dreamer.shape.item == (12, 1, 8, 8)
    assert dreamer.shape.loop
    assert dreamer.stride == 2
    assert dreamer.classes == ("lissajous", "polygons", "truchet")
    assert not dreamer.prior.training
    corpus = dreamer.corpus
    assert set(corpus.loops) == set(corpus.clips)
    assert {corpus.name(group).split()[0] for group in corpus.clips} == set(dreamer.classes)
    assert len(corpus.clips_of("train")) + len(corpus.clips_of("validation")) == 18
    # The tokens are those of the images, frame by frame.
    images = dreamer.parent.images
    assert images is not None
    group = corpus.clips_of("train")[0]
    pixels = images.store.gather(np.flatnonzero(images.store.groups == group))
    assert np.array_equal(dreamer.encode(pixels), corpus.codes[corpus.clips[group]])


def test_it_dreams_the_same_again(run: RunFolder) -> None:
    dreams = [dream.motion(open_dreamer(run, device="cpu"), 24, label="polygons", seed=4) for _ in range(2)]
    assert np.array_equal(dreams[0].images, dreams[1].images)
    assert dreams[0].png() == dreams[1].png()
    assert dreams[0].novelty is not None
    assert dreams[0].loop is not None
    assert dreams[0].loop.repeats


def test_the_shape_is_found_again_where_a_checkpoint_does_not_keep_it(run: RunFolder) -> None:
    import json

    for file in run.checkpoints.glob("*/model.json"):
        about = json.loads(file.read_text())
        del about["item"]
        file.write_text(json.dumps(about))
    dreamer = open_dreamer(run, device="cpu")
    assert dreamer.shape.item == (12, 1, 8, 8)
    assert dreamer.shape.loop


def test_the_autoencoder_may_be_elsewhere_and_is_recognised_by_its_hashes(run: RunFolder, tmp_path: Path) -> None:
    parent = parent_of(run)
    moved = Path(shutil.move(parent.path, tmp_path / "moved"))
    message = refused(run)
    assert parent.id in message
    assert "pass parent=PATH" in message
    assert "write --parent PATH" in refused(run, moved="write --parent PATH")
    assert open_dreamer(run, device="cpu", parent=moved).parent.folder.is_relative_to(moved)


@pytest.mark.parametrize("part", ["decoder", "bottleneck"])
def test_another_tokenizer_is_refused_and_both_runs_are_named(run: RunFolder, tmp_path: Path, part: str) -> None:
    from safetensors.torch import load_file, save_file

    parent = parent_of(run)
    other = RunFolder(Path(shutil.copytree(parent.path, tmp_path / "other-run")))
    for file in other.checkpoints.glob("*/model.safetensors"):
        tensors = load_file(file)
        name = next(name for name in tensors if name.startswith(part) and tensors[name].is_floating_point())
        tensors[name] = tensors[name] + torch.ones_like(tensors[name]) * 0.01
        save_file(tensors, file)
    message = refused(run, parent=other)
    assert parent.id in message
    assert "other-run" in message
    assert {"decoder": "decoder", "bottleneck": "codebook"}[part] in message


def test_a_run_that_is_no_prior_is_refused(run: RunFolder) -> None:
    assert "motion-prior" in refused(parent_of(run))
    assert "no checkpoint '7'" in refused(run, which="7")


def test_the_newest_prior_of_an_autoencoder_is_chosen(run: RunFolder) -> None:
    parent = parent_of(run)
    choice = chosen(parent.id, run.path.parent)
    assert (choice.run, choice.prior, choice.of) == (run.path, True, parent.id)
    assert chosen(run.id, run.path.parent).of is None
    second = tilework.train(prior_spec(parent.id, "engine.steps=2"), runs=run.path.parent)
    assert [found.id for found in priors_of(parent)] == [second.id, run.id]
    assert chosen(parent.id, run.path.parent).run == second.path
    checkpoint = next(run.checkpoints.glob("step-*"))
    assert chosen(str(checkpoint)).prior
    assert not chosen(str(next(parent.checkpoints.glob("step-*")))).prior


def test_an_autoencoder_without_a_prior_shows_how_to_train_one(loops_run: RunFolder) -> None:
    with pytest.raises(UserError, match="cannot dream yet") as error:
        chosen(loops_run.id, loops_run.path.parent)
    assert f"tilework train motion-prior parent={loops_run.id}" in error.value.fix


def test_a_checkpoint_is_opened_by_its_folder_too(run: RunFolder) -> None:
    folder = sorted(run.checkpoints.glob("step-*"))[-1]
    dreamer = open_dreamer(folder, device="cpu")
    assert dreamer.step == 10
    assert dreamer.name == run.id
    assert open_dreamer(run, which="10", device="cpu").step == 10
