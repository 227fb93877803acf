"""The Python interface: what goes in, what comes out, and what is refused."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import BOTTLENECKS, tiny

import tilework
from tilework.bottlenecks import BottleneckConfig
from tilework.engine import checkpoint
from tilework.engine.api import Model
from tilework.errors import UserError
from tilework.runs.folder import RunFolder

GRID = (4, 4)
LAYERS = {kind: cast(BottleneckConfig, tiny(kind).bottleneck).build() for kind in BOTTLENECKS}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], RunFolder]:
    """A run of each bottleneck, trained once for all tests here."""
    root, made = tmp_path_factory.mktemp("trained"), {}

    def get(bottleneck: str) -> RunFolder:
        if bottleneck not in made:
            made[bottleneck] = tilework.train(tiny(bottleneck, "engine.ema_decay=0.5"), runs=root)
        return made[bottleneck]

    return get


def images(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_shapes_and_types(trained: Callable[[str], RunFolder], bottleneck: str) -> None:
    model = tilework.load(trained(bottleneck))
    layer = LAYERS[bottleneck]
    levels, k = layer.levels, layer.codes_per_level
    x = images()
    z, recon = model.encode(x), model.reconstruct(x)
    assert (model.levels, model.codebook_size, model.step) == (
        levels,
        k,
        checkpoint.find(trained(bottleneck).checkpoints, "best").step,
    )
    assert z.shape == (3, layer.dim, *GRID)
    assert recon.shape == x.shape
    assert z.dtype == recon.dtype == torch.float32
    assert not z.requires_grad
    assert not recon.requires_grad
    assert torch.equal(model.decode(z), recon)
    if levels:
        codes = model.codes(x)
        assert codes.shape == (3, levels, *GRID)
        assert codes.dtype == torch.int64
        assert 0 <= codes.min() <= codes.max() < k
        assert torch.equal(model.decode(codes), model.decode(z)), "codes and z are the same latent, to the last bit"
        assert torch.equal(model.decode(codes.to(torch.uint8)), recon)
        assert torch.equal(model.decode(codes.numpy()), recon)
    else:
        with pytest.raises(UserError, match="has no codes"):
            model.codes(x)
        with pytest.raises(UserError, match="decode"):
            model.decode(torch.zeros(3, 1, *GRID, dtype=torch.int64))


def test_uint8_equals_float_and_numpy_equals_torch(trained: Callable[[str], RunFolder]) -> None:
    model = tilework.load(trained("vq"))
    raw = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1), dtype=np.uint8)
    scaled = raw.transpose(0, 3, 1, 2).astype(np.float32) / 255
    expected = model.reconstruct(torch.from_numpy(scaled))
    for given in (raw, torch.from_numpy(raw), scaled, scaled.astype(np.float64), raw[::-1][::-1]):
        assert torch.equal(model.reconstruct(given), expected)


def test_no_images_give_no_reconstructions(trained: Callable[[str], RunFolder]) -> None:
    model = tilework.load(trained("none"))
    assert model.reconstruct(images(0)).shape == (0, 1, 16, 16)


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("encode", torch.zeros(3, 1, 16, 8)),
        ("encode", torch.zeros(3, 3, 16, 16)),
        ("encode", torch.zeros(1, 16, 16)),
        ("encode", torch.zeros(3, 1, 16, 16, dtype=torch.uint8)),
        ("encode", torch.zeros(3, 1, 16, 16, dtype=torch.int64)),
        ("encode", torch.full((3, 1, 16, 16), 255.0)),
        ("encode", torch.full((3, 1, 16, 16), -1.0)),
        ("encode", torch.full((3, 1, 16, 16), float("nan"))),
        ("encode", "image.png"),
        ("encode", np.array([object()])),
        ("reconstruct", None),
        ("codes", torch.zeros(3, 1, 17, 16)),
        ("decode", torch.full((3, 1, 4, 4), 8)),
        ("decode", torch.full((3, 1, 4, 4), -1)),
        ("decode", torch.zeros(3, 2, 4, 4, dtype=torch.int64)),
        ("decode", torch.zeros(3, 1, 5, 4, dtype=torch.int64)),
        ("decode", torch.zeros(3, 4, 4, dtype=torch.int64)),
        ("decode", torch.zeros(3, 5, 4, 4)),
        ("decode", torch.zeros(3, 4, 4, 5)),
        ("decode", torch.zeros(3, 4)),
        ("decode", [["a"]]),
    ],
)
def test_what_does_not_fit_is_refused(trained: Callable[[str], RunFolder], method: str, given: Any) -> None:
    model = tilework.load(trained("vq"))
    with pytest.raises(UserError) as refused:
        getattr(model, method)(given)
    assert refused.value.why
    assert refused.value.fix


def test_every_way_to_name_a_run(trained: Callable[[str], RunFolder], monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained("vq")
    monkeypatch.setenv("TILEWORK_RUNS", str(run.path.parent))
    x = images()
    expected = tilework.load(run).reconstruct(x)
    best = checkpoint.find(run.checkpoints, "best").folder
    monkeypatch.chdir(run.path.parent)
    for name in (run.id, run.path, str(run.path), best, str(best), Path(run.id)):
        assert torch.equal(tilework.load(name).reconstruct(x), expected), name


def test_a_copy_elsewhere_loads_without_its_images(tmp_path: Path, trained: Callable[[str], RunFolder]) -> None:
    gone = tmp_path / "images.npy"
    np.save(gone, np.random.default_rng(0).integers(0, 255, (64, 16, 16), dtype=np.uint8))
    run = tilework.train(tiny("vq", "data.kind=array", f"data.path={gone}"))
    x = images()
    expected = tilework.load(run).reconstruct(x)
    gone.unlink()
    shutil.move(run.path, tmp_path / "else where [1]")
    assert torch.equal(tilework.load(tmp_path / "else where [1]").reconstruct(x), expected)


def test_best_and_last_and_averaged_weights() -> None:
    """Training goes wrong on purpose after a while: the best weights are not the last ones."""
    lr = "optimizer.lr={kind: staircase, start: 0.003, rise: 1.0, every: 45 steps, limit: 1.003}"
    run = tilework.train(tiny("none", "engine.steps=null", "engine.epochs=2", "engine.ema_decay=0.5", lr))
    best, last = (checkpoint.find(run.checkpoints, which) for which in ("best", "last"))
    assert best.step < last.step
    for found, which in ((best, "best"), (last, "last")):
        model = tilework.load(run, which=which)
        assert model.step == found.step
        slow, fast = load_file(found.folder / "ema.safetensors"), load_file(found.folder / "model.safetensors")
        for name, weight in model.network.named_parameters():
            assert torch.equal(weight, slow[name])
        assert any(not torch.equal(slow[name], fast[name]) for name in slow)
    # The figure that chose the best is that of the model as it is loaded.
    with pytest.raises(UserError, match="no checkpoint 'first'"):
        tilework.load(run, which="first")


def test_the_loaded_model_has_the_held_out_error_that_the_run_reported() -> None:
    from tilework.data import Batches, prepare, split_by
    from tilework.engine.autoencoder.model import source_of
    from tilework.runs.store import RunStore

    run = tilework.train(tiny("vq", "encoder.norm=batch", "engine.ema_decay=0.5", "engine.steps=12"))
    spec = tilework.recipe(str(run.spec_file))
    store = prepare(source_of(spec))
    held_out = Batches(store, split_by(store, source_of(spec).split).validation, 32, shuffle=False, drop_last=False)
    x = torch.cat([b.images for b in held_out.epoch(0)])
    mse = (tilework.load(run, which="last").reconstruct(x) - x).square().mean().item()
    with RunStore.open(run.db) as rows:
        assert mse == pytest.approx(rows.last("mse", "val"), rel=1e-4)


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, trained: Callable[[str], RunFolder]) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint.find(trained("vq").checkpoints, "best").folder, folder)
    about = json.loads((folder / "model.json").read_text())
    for wrong in (
        {**about, "spec": {"layers": 3}},
        {**about, "format": 99},
        {**about, "spec": {**about["spec"], "bottleneck": {"kind": "vq", "dim": 4, "codes": 9}}},
    ):
        (folder / "model.json").write_text(json.dumps(wrong))
        with pytest.raises(UserError) as refused:
            tilework.load(folder)
        assert refused.value.fix
    with pytest.raises(UserError, match="no-such-run"):
        tilework.load("no-such-run")
    with pytest.raises(UserError):
        tilework.load(tmp_path)


def test_every_public_name_is_the_same_before_and_after_everything_is_imported() -> None:
    """A sub-package of the same name would take a function's place as soon as it is imported."""
    import importlib

    for module in ("spec", "recipes", "engine.api", "runs.folder", "cli.train", "report"):
        importlib.import_module(f"tilework.{module}")
    for name in ("load", "train", "resume", "recipe", "Model"):
        assert name in tilework.__all__
        assert callable(getattr(tilework, name)), name
    assert tilework.recipe("rqvae-digits", "engine.epochs=5").engine.epochs == 5


def test_train_takes_a_recipe_with_overrides_or_a_spec_but_not_both() -> None:
    with pytest.raises(UserError, match="overrides"):
        tilework.train(tiny("vq"), "engine.steps=3")
    with pytest.raises(UserError, match="codez"):
        tilework.train("rqvae-digits", "bottleneck.codez=3")


def test_evaluation_mode_whatever_was_done_before(trained: Callable[[str], RunFolder]) -> None:
    """A Gaussian latent is its mean, the same at every call; nothing a caller does with gradients leaks in."""
    model = tilework.load(trained("gaussian"))
    assert isinstance(model, Model)
    x = images().requires_grad_(True)
    assert torch.equal(model.encode(x), model.encode(x))
    assert not model.encode(x).requires_grad


def test_weights_that_are_not_finite_are_refused_and_never_encoded() -> None:
    """A code of a NaN would be the code of zero."""
    from tilework.engine.autoencoder.model import build_model

    spec = tiny("vq")
    network = build_model(spec)
    with torch.no_grad():
        next(network.encoder.parameters()).fill_(float("nan"))
    model = Model(network, spec, 0, torch.device("cpu"))
    for method in (model.encode, model.codes, model.reconstruct):
        with pytest.raises(UserError, match="NaN or infinite"):
            method(images())


def test_a_model_survives_pickling(trained: Callable[[str], RunFolder]) -> None:
    model = tilework.load(trained("rq"))
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again.codes(images()), model.codes(images()))
    assert torch.equal(again.reconstruct(images()), model.reconstruct(images()))


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: tilework.train(3), "train() was given a int"),  # type: ignore[arg-type]
        (lambda: tilework.load(None), "load() was given a NoneType"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_run_and_no_spec_is_refused(call: Callable[[], object], part: str) -> None:
    with pytest.raises(UserError) as refused:
        call()
    assert part in refused.value.what


def test_a_device_that_does_not_exist_is_refused() -> None:
    from tilework.engine.device import choose_device

    with pytest.raises(UserError, match="no device 'toaster'"):
        choose_device("toaster")
