"""The images of a run lie elsewhere now: the same ones go on, others are refused, and a path means the same from every folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import Outcome
from PIL import Image
from tiny_runs import tiny

import tilework
from tilework.data.catalogue.sets import add
from tilework.engine.replay import replay
from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.spec import SOURCES, RunSpec, dump_yaml, load_spec

Command = Callable[..., Outcome]


def images(folder: Path, seed: int = 0, count: int = 40) -> Path:
    """Folders of two classes, a few random images in each."""
    noise = np.random.default_rng(seed)
    for number in range(count):
        inside = folder / ("cats", "dogs")[number % 2]
        inside.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 255, (16, 16), dtype=np.uint8)).save(inside / f"{number}.png")
    return folder


def clip(file: Path, seed: int = 0) -> Path:
    noise = np.random.default_rng(seed)
    frames = [Image.fromarray(noise.integers(0, 255, (16, 16, 3), dtype=np.uint8)) for _ in range(24)]
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=50, loop=0)
    return file


def spec_of(path: str, *more: str, kind: str = "images") -> RunSpec:
    data = f"data={{kind: {kind}, path: {path}, size: 16x16, channels: 1, split: {{by: frame}}}}"
    return tiny("vq", data, "engine.batch_size=8", *more)


def data_path(run: RunFolder) -> object:
    return load_spec(str(run.spec_file)).data.path  # type: ignore[attr-defined]


def test_a_relative_path_means_the_same_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images(tmp_path / "here" / "set")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run = tilework.train(spec_of("set"), runs=tmp_path / "runs")
    assert data_path(run) == str(tmp_path / "here" / "set")
    monkeypatch.chdir(tmp_path / "elsewhere")
    tilework.resume(run, "engine.steps=6")
    assert replay(run).identical


def test_a_relative_path_that_an_earlier_version_wrote_is_found_beside_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path / "set")
    run = tilework.train(spec_of(str(tmp_path / "set")), runs=tmp_path / "runs")
    spec = load_spec(str(run.spec_file))
    as_typed = spec.model_copy(update={"data": spec.data.model_copy(update={"path": "set"})})  # type: ignore[attr-defined]
    run.spec_file.write_text(dump_yaml(as_typed), encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    tilework.resume(run, "engine.steps=6")
    assert data_path(run) == str(tmp_path / "set"), "written down whole from now on"


@pytest.mark.parametrize("emptied", [False, True])
def test_moved_images_go_on_under_their_new_path(
    tmp_path: Path, tilework: Command, monkeypatch: pytest.MonkeyPatch, emptied: bool
) -> None:
    import tilework as api

    old, new = images(tmp_path / "old"), tmp_path / "new place"
    run = api.train(spec_of(str(old)), runs=tmp_path / "runs")
    shutil.move(old, new)
    if emptied:
        monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "another cache"))
    refused = tilework("resume", run.path, "engine.steps=6")
    assert refused.code == 2
    assert str(old) in refused.err
    assert f"tilework resume {run.id} data.path=PATH" in " ".join(refused.err.split())
    assert data_path(run) == str(old)
    done = tilework("resume", run.path, "engine.steps=6", f"data.path={new}")
    assert done.code == 0, done.err
    assert data_path(run) == str(new)
    assert tilework("resume", run.path, "engine.steps=7").code == 0
    assert replay(run).identical
    assert api.load(run).step > 0


def test_a_finished_run_learns_where_its_images_are(tmp_path: Path) -> None:
    old, new = images(tmp_path / "old"), tmp_path / "new"
    run = tilework.train(spec_of(str(old)), runs=tmp_path / "runs")
    shutil.move(old, new)
    with pytest.raises(UserError, match="not where they were"):
        replay(run)
    tilework.resume(run, f"data.path={new}")
    assert replay(run).identical


def test_other_images_are_refused_with_what_differs(tmp_path: Path) -> None:
    run = tilework.train(spec_of(str(images(tmp_path / "old"))), runs=tmp_path / "runs")
    before = {file: file.read_bytes() for file in run.path.rglob("*.yaml")}
    for other, message in (
        (images(tmp_path / "fewer", count=30), "40 images then, 30 now"),
        (images(tmp_path / "others", seed=1), "40 images as before, but with other pixels"),
    ):
        with pytest.raises(UserError) as refused:
            tilework.resume(run, "engine.steps=6", f"data.path={other}")
        assert str(other) in refused.value.what
        assert message in refused.value.why
        assert "content" in refused.value.why
    with pytest.raises(UserError, match="there is no file or folder"):
        tilework.resume(run, "data.path=nowhere")
    assert before == {file: file.read_bytes() for file in run.path.rglob("*.yaml")}


def test_a_list_of_paths_and_an_animation_move_too(tmp_path: Path) -> None:
    old = [images(tmp_path / "old" / name, seed) for seed, name in enumerate(("a", "b"))]
    run = tilework.train(spec_of(f"[{old[0]}, {old[1]}]"), runs=tmp_path / "runs")
    shutil.move(tmp_path / "old", tmp_path / "new")
    with pytest.raises(UserError) as refused:
        tilework.resume(run, "engine.steps=6")
    assert "1 more" in refused.value.what
    assert "[PATH, ...]" in refused.value.fix
    new = tuple(str(tmp_path / "new" / name) for name in ("a", "b"))
    tilework.resume(run, "engine.steps=6", f"data.path=[{new[0]}, {new[1]}]")
    assert data_path(run) == new

    file = clip(tmp_path / "moves.gif")
    run = tilework.train(spec_of(str(file), kind="animations"), runs=tmp_path / "runs")
    shutil.move(file, tmp_path / "new" / "renamed.gif")
    tilework.resume(run, "engine.steps=6", f"data.path={tmp_path / 'new' / 'renamed.gif'}")
    assert data_path(run) == str(tmp_path / "new" / "renamed.gif")


def test_a_data_set_by_its_name_gives_the_place_of_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILEWORK_DATA_SETS", str(tmp_path / "sets"))
    old, new = images(tmp_path / "old"), tmp_path / "new"
    run = tilework.train(spec_of(str(old)), runs=tmp_path / "runs")
    shutil.move(old, new)
    add("pets", SOURCES.parse({"kind": "images", "path": str(new), "size": "16x16", "channels": 1}))  # type: ignore[arg-type]
    add("clip", SOURCES.parse({"kind": "animations", "path": str(clip(tmp_path / "a.gif"))}))  # type: ignore[arg-type]
    for wrong in ("data=clip", "data=pest"):
        with pytest.raises(UserError, match="does not hold the path"):
            tilework.resume(run, wrong)
    tilework.resume(run, "engine.steps=6", "data=pets")
    assert data_path(run) == str(new)
