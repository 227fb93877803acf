"""Every shipped recipe runs to its end through the command line, on a shrunken budget and stand-in images."""

from __future__ import annotations

import gzip
import re
import shutil
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from commands import Outcome, data_folder
from PIL import Image
from shipped import AUTOENCODERS

import tilework as api
from tilework.engine.autoencoder.model import grid_of, source_of
from tilework.runs.folder import RunFolder
from tilework.runs.status import RunStatus, run_status
from tilework.runs.store import RunStore
from tilework.spec import load_spec

Command = Callable[..., Outcome]
BUDGET = ("engine.steps=3", "engine.epochs=1", "engine.threads=1", "engine.log_every_steps=1", "engine.start_batches=2")
BROUGHT = {"video", "hub", "sketches", "images"}
"""Sources whose images a person brings, or fetches."""
P5 = Path(__file__).parents[1] / "data" / "p5_double.js"


def kind_of(recipe: str) -> str:
    return load_spec(recipe).data.kind


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 generated images: soft colour gradients with a bright disc, each in another place."""
    folder = tmp_path_factory.mktemp("images")
    y, x = np.mgrid[0:144, 0:192] / 144
    rng = np.random.default_rng(0)
    for number in range(24):
        a, b, cx, cy = rng.uniform(0.2, 1, 4)
        disc = ((x - cx) ** 2 + (y - cy) ** 2) < 0.04
        image = np.stack([a * x / 1.4, b * y, disc * 0.8], -1).clip(0, 1)
        Image.fromarray((image * 255).astype(np.uint8)).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="session")
def idx_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little set in MNIST's own format: 300 and 50 blurred blots."""
    folder = tmp_path_factory.mktemp("idx")
    rng = np.random.default_rng(1)
    for part, count in (("train", 300), ("t10k", 50)):
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        images = np.zeros((count, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[4 + label : 14 + label, 9:19] = 255
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (folder / f"{name}.gz").write_bytes(gzip.compress(head + array.tobytes()))
    return folder


@pytest.fixture(scope="session")
def lpips_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real weights where there are some, else random ones of the right shapes."""
    data = data_folder()
    real = data / "perceptual" / "lpips_squeeze_v0.1.npz" if data else None
    if real is not None and real.is_file():
        return real
    from tilework.objective.perceptual.backbones import SQUEEZE

    rng = np.random.default_rng(2)
    path = tmp_path_factory.mktemp("lpips") / "made.npz"
    arrays: dict[str, Any] = {n: rng.normal(0, 0.05, s).astype(np.float32) for n, s in SQUEEZE.shapes().items()}
    np.savez(path, **{n: np.abs(a) if n.startswith("lin") else a for n, a in arrays.items()})
    return path


@pytest.fixture(scope="session")
def brought(images: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each source that a person brings images to: a little clip or two, a saved data set, sketches."""
    folder = tmp_path_factory.mktemp("brought")
    stills = [np.asarray(Image.open(file)) for file in sorted(images.glob("*.png"))]
    (folder / "video").mkdir()
    for name in "abc":
        with av.open(str(folder / "video" / f"{name}.mp4"), "w") as out:
            stream = out.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 192, 144, "yuv420p"
            for number in range(40):
                frame = av.VideoFrame.from_ndarray(stills[(number // 2 + ord(name)) % 24], format="rgb24")
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    for number in range(3):
        sketch = folder / "sketches" / f"{number}"
        sketch.mkdir(parents=True)
        (sketch / "sketch.js").write_text(
            "function setup() { createCanvas(64, 64); }"
            f"function draw() {{ background(20); fill(240); rect(frameCount, {9 * number}, 30, 30); }}"
        )
    return {"video": folder / "video", "sketches": folder / "sketches", "hub": folder / "hub", "images": images}


def saved_data_set(folder: Path, images: Path) -> Path:
    datasets = pytest.importorskip("datasets", reason="hub needs the library datasets")
    if not folder.exists():
        files = [str(file) for file in sorted(images.glob("*.png"))]
        made = datasets.Dataset.from_dict({"image": files}, features=datasets.Features({"image": datasets.Image()}))
        made.save_to_disk(folder)
    return folder


def has_chromium() -> bool:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return False
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    with sync_playwright() as p:
        return Path(p.chromium.executable_path).exists() or any(map(shutil.which, names))


def stand_in(
    recipe: str, images: Path, idx_files: Path, lpips_weights: Path, brought: dict[str, Path] | None = None
) -> list[str]:
    """Overrides that give a recipe what it can have here; network, latent and losses stay its own, but for their width."""
    spec = load_spec(recipe)
    kind = spec.data.kind
    overrides = ["engine.batch_size=4"]
    if kind == "mnist":
        overrides.append(f"data.path={idx_files}")
    elif kind == "loops":
        overrides += ["data.frames=6", "data.variants=1"]
    elif kind in BROUGHT and brought is not None:
        if kind == "sketches":
            if not has_chromium():
                pytest.skip("there is no Chromium here to draw sketches with")
            overrides += ["data.frames=12", f"data.p5={P5}"]
        path = saved_data_set(brought["hub"], images) if kind == "hub" else brought[kind]
        overrides.append(f"data.path={path}")
    elif kind in BROUGHT:
        overrides += ["data.kind=images", f"data.path={images}"]
    if source_of(spec).channels == 3:
        # A big image's net is made narrow, to be quick; the number of stages, blocks and the grid stay.
        overrides += ["engine.batch_size=2", "encoder.widths=" + str([8] * len(spec.encoder.widths)).replace(" ", "")]
        overrides += ["bottleneck.dim=8"] if spec.encoder.projection == "none" else []
    if getattr(spec.bottleneck, "codes", 0) > 64:
        overrides.append("bottleneck.codes=32")
    if "lpips" in spec.objective:
        overrides.append(f"objective.lpips.weights={lpips_weights}")
    return overrides


@pytest.mark.parametrize("recipe", AUTOENCODERS)
def test_recipe_runs_to_its_end(
    tilework: Command,
    recipe: str,
    images: Path,
    idx_files: Path,
    lpips_weights: Path,
    brought: dict[str, Path],
) -> None:
    overrides = stand_in(recipe, images, idx_files, lpips_weights, brought)
    done = tilework("train", recipe, *BUDGET, *overrides)
    assert done.code == 0, done.err
    assert "finished after 3 steps" in done.out
    run = RunFolder.find("last")
    assert run.id.startswith(recipe)
    assert run_status(run) is RunStatus.FINISHED

    spec = load_spec(recipe, overrides)
    source, grid = source_of(spec), grid_of(spec)
    model = api.load(run)
    x = torch.rand(2, source.channels, source.size.height, source.size.width)
    assert model.reconstruct(x).shape == x.shape
    assert model.encode(x).shape == (2, model.network.bottleneck.dim, grid.height, grid.width)
    if model.levels:
        assert torch.equal(model.decode(model.codes(x)), model.reconstruct(x))

    with Image.open(run.path / "contact-sheet.png") as sheet:
        assert sheet.width > source.size.width
    assert (run.path / "latent.png").is_file() == (model.network.bottleneck.dim == 2)
    with RunStore.open(run.db) as store:
        logged = dict.fromkeys(name for name, split in store.series() if split == "val")
        assert all(np.isfinite(store.metrics("loss")[1]))
    working = {name for name, term in spec.objective.items() if term.weight.bounds[1] > 0}
    assert working <= set(logged), "each loss term of the recipe was measured"


@pytest.mark.parametrize("recipe", [name for name in AUTOENCODERS if kind_of(name) in BROUGHT])
def test_a_recipe_without_its_images_shows_how_to_bring_them(
    tilework: Command, recipe: str, lpips_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "datasets", None)  # nothing is fetched
    weights = [f"objective.lpips.weights={lpips_weights}"] if "lpips" in load_spec(recipe).objective else []
    refused = tilework("train", recipe, *weights)
    assert refused.code == 2
    output = re.sub(r"\s+", " ", refused.out + refused.err)
    assert "data.path=FOLDER" in output
    assert "Traceback" not in output


def one_of_each_source() -> list[Any]:
    """The first recipe of each kind of source is trained; the others of that kind, which differ in their nets, with `-m slow`."""
    kinds: set[str] = set()
    found: list[Any] = []
    for recipe in AUTOENCODERS:
        if (kind := kind_of(recipe)) in BROUGHT:
            found.append(pytest.param(recipe, marks=[pytest.mark.slow] if kind in kinds else []))
            kinds.add(kind)
    return found


@pytest.mark.parametrize("recipe", [name for name in AUTOENCODERS if kind_of(name) in BROUGHT])
def test_the_settings_of_a_folder_of_images_fit(
    recipe: str, images: Path, idx_files: Path, lpips_weights: Path
) -> None:
    spec = load_spec(recipe, [*BUDGET, *stand_in(recipe, images, idx_files, lpips_weights)])
    assert spec.data.kind == "images"


@pytest.mark.parametrize("recipe", one_of_each_source())
def test_a_folder_of_images_will_do(
    tilework: Command, recipe: str, images: Path, idx_files: Path, lpips_weights: Path
) -> None:
    done = tilework("train", recipe, *BUDGET, *stand_in(recipe, images, idx_files, lpips_weights))
    assert done.code == 0, done.err


@pytest.mark.parametrize("recipe", [name for name in AUTOENCODERS if "lpips" in load_spec(name).objective])
def test_perceptual_recipes_stop_before_the_first_step_without_weights(
    tilework: Command, recipe: str, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILEWORK_LPIPS", str(tmp_path / "none.npz"))
    refused = tilework("train", recipe, *BUDGET, "data.kind=images", f"data.path={images}", "bottleneck.codes=32")
    assert refused.code == 2
    assert "objective.lpips" in refused.err
    assert "objective.lpips.weights=PATH" in refused.err
    assert not (tmp_path / "runs").exists()
