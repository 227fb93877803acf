"""Opening a checkpoint: which one, with which images, and what is reported where something is missing."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import Outcome
from PIL import Image

import tilework as product
from tilework.errors import UserError
from tilework.explore.opened import Opened, open_model
from tilework.runs.checkpoints import pointed
from tilework.runs.folder import RunFolder
from tilework.spec.load import load_spec

Run = Callable[[str], RunFolder]


def test_which_checkpoint(own_run: Run) -> None:
    run = own_run("gaussian")
    last = open_model(run, which="last", device="cpu", data=False)
    assert (last.name, last.step) == (run.id, 150)
    assert open_model(run.id, which="75", data=False).step == 75
    assert open_model(run.id, which="step-00000075", data=False).folder.name == "step-00000075"
    assert product.load(run, which="75").step == 75
    by_folder = open_model(run.checkpoints / "step-00000075", device="cpu", data=False)
    assert (by_folder.name, by_folder.step) == (run.id, 75)
    for which in ("76", "step-76", "", "nan", "../last", "best-1"):
        with pytest.raises(UserError, match="has no checkpoint") as refused:
            open_model(run, which=which)
        assert "75, 150" in str(refused.value)


def test_a_checkpoint_outside_of_its_run(own_run: Run, tmp_path: Path) -> None:
    alone = shutil.copytree(own_run("gaussian").checkpoints / "step-00000075", tmp_path / "alone")
    model = open_model(alone, device="cpu")
    assert (model.name, model.step) == ("alone", 75)
    assert model.images is not None, "digits come with the program"


def test_images_are_those_of_training(opened: Callable[[str], Opened]) -> None:
    model = opened("gaussian")
    assert model.missing is None
    assert model.images is not None
    counts = len(model.images.side("train")), len(model.images.side("validation"))
    assert sum(counts) == 1797
    assert model.images.label("validation", 0) in model.images.store.classes
    assert model.images.file("validation", 0) == "scikit-learn digits"


def test_another_version_and_damage(own_run: Run) -> None:
    run = own_run("gaussian")
    last = pointed(run.checkpoints, "last")
    assert last is not None
    about = last / "model.json"
    written = json.loads(about.read_text())
    about.write_text(json.dumps(written | {"format": 99}))
    with pytest.raises(UserError, match="format 99"):
        open_model(run, which="last")
    about.write_text(json.dumps(written | {"spec": {"task": "sonnets"}}))
    with pytest.raises(UserError):
        open_model(run, which="last")
    about.unlink()
    with pytest.raises(UserError):
        open_model(run, which=last.name)
    shutil.rmtree(run.path)
    with pytest.raises(UserError, match="not a run folder"):
        open_model(run.path)


@pytest.fixture
def of_files(tmp_path: Path) -> RunFolder:
    """A run on image files."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(12):
        Image.fromarray(rng.integers(0, 255, (20, 24, 3), dtype=np.uint8)).save(tmp_path / "images" / f"{number}.png")
    spec = load_spec(
        "naruto",
        ["data.kind=images", f"data.path={tmp_path / 'images'}", "data.size=16x16", "encoder.widths=[8,8]",
         "bottleneck.codes=8", "engine.steps=2", "engine.epochs=1", "engine.batch_size=4", "engine.start_batches=1",
         "engine.threads=1", "engine.device=cpu"],
    )  # fmt: skip
    return product.train(spec)


def test_the_data_set_is_prepared_again_as_asked(
    of_files: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tilework: Callable[..., Outcome]
) -> None:
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "another cache"))
    missing = open_model(of_files).missing
    assert missing is not None
    done = tilework(*shlex.split(missing["fix"].partition(": tilework ")[2]))
    assert done.code == 0, done.err
    assert open_model(of_files).images is not None


def test_the_data_set_is_not_there(of_files: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_model(of_files).images is not None
    (tmp_path / "images" / "0.png").unlink()
    assert open_model(of_files).images is not None, "what was prepared is known by its content"
    shutil.rmtree(tmp_path / "images")
    assert open_model(of_files).images is not None

    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "another cache"))
    model = open_model(of_files)
    assert model.images is None
    assert model.missing is not None
    assert str(tmp_path / "images") in model.missing["what"]
    assert model.missing["fix"]
    assert not (tmp_path / "another cache").exists(), "nothing is prepared"
    assert model.decode(model.encode(np.zeros((1, 16, 16, 3), np.uint8))[0]).shape == (1, 16, 16, 3)


def test_other_images_now(of_files: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers would mean other images: then there are none."""
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "another cache"))
    (tmp_path / "images" / "0.png").unlink()
    spec = open_model(of_files, data=False).model.spec
    from tilework.data import prepare
    from tilework.engine.autoencoder.model import source_of

    prepare(source_of(spec))
    model = open_model(of_files)
    assert model.images is None
    assert model.missing is not None
    assert "have changed" in model.missing["why"]


def test_what_is_no_run() -> None:
    with pytest.raises(UserError, match="given a int"):
        open_model(3)  # type: ignore[arg-type]


def test_a_device_that_is_not_there(explored_run: Run) -> None:
    with pytest.raises(UserError, match="no device"):
        open_model(explored_run("gaussian"), device="toaster")
