"""What is computed on a latent space, against the formulas in NumPy."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from tilework.data import Batches
from tilework.errors import UserError
from tilework.explore.dimensions import most_active, statistics, usual_range
from tilework.explore.directions import label_means, principal
from tilework.explore.encoded import encode
from tilework.explore.map import map_of, nearest, search, whole
from tilework.explore.opened import Opened, open_model
from tilework.explore.place import place
from tilework.explore.sampling import prior, sample
from tilework.explore.traversal import plane, traverse
from tilework.explore.walking import slerp, walk
from tilework.runs.folder import RunFolder

Open = Callable[[str], Opened]


def test_samples_are_what_their_points_ask_for(opened: Open) -> None:
    model = opened("gaussian")
    alone = sample(model, "seed:2")
    among = sample(model, prior(5))
    assert np.array_equal(alone.latents[0], among.latents[2]), "a point does not depend on the others"
    assert np.array_equal(alone.latents[0], place(model, "seed:2").numpy())
    assert among.images.shape == (5, 16, 16, 1)
    decoded = model.model.decode(torch.from_numpy(among.latents))
    expected = (decoded.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    assert np.array_equal(among.images, expected)
    for nothing in ([], prior(16) * 300):
        with pytest.raises(UserError, match="images were asked for"):
            sample(model, nothing)


@pytest.mark.parametrize("kind", ["gaussian", "none", "rq", "fsq"])
def test_encoded_images(opened: Open, kind: str) -> None:
    model = opened(kind)
    assert model.images is not None
    found = encode(model, "validation:3")
    pixels = model.images.pixels("validation", [3])
    recon = model.model.reconstruct(pixels)[0].permute(1, 2, 0).numpy()
    wanted = pixels[0].astype(np.float64) / 255
    assert found.mse == pytest.approx(mean_squared_error(wanted, recon.astype(np.float64)), rel=1e-5)
    assert found.psnr == pytest.approx(
        peak_signal_noise_ratio(wanted, recon.astype(np.float64), data_range=1), rel=1e-5
    )
    assert replace(found, mse=0.0).psnr == peak_signal_noise_ratio(wanted, wanted, data_range=1) == np.inf
    assert found.mean.shape == model.shape
    assert (found.sigma is None) == (kind != "gaussian")
    assert (found.codes is None) == (kind in {"gaussian", "none"})
    with pytest.raises(UserError, match="not an image"):
        encode(model, "seed:1")


def test_kl_of_each_dimension(opened: Open) -> None:
    """The closed form in NumPy, and the bottleneck's own over a validation pass."""
    model = opened("gaussian")
    assert model.images is not None
    found = statistics(model)
    pixels = model.images.pixels("validation", np.arange(found.images))
    mean, sigma = (part.flatten(1).double().numpy() for part in model.encode(pixels))
    kl = (0.5 * (mean**2 + sigma**2 - 1 - np.log(sigma**2))).mean(0)
    assert found.kl is not None
    assert np.allclose(found.kl, kl, atol=1e-6)
    summed, tokens = np.zeros(model.dimensions), 0
    data = Batches(model.images.store, model.images.side("validation"), 64, shuffle=False, drop_last=False)
    for batch in data.epoch(0):
        h = model.model.network.encoder(batch.images)
        summed += len(batch.images) * model.model.network.bottleneck(h).stats["kl_per_dim"].detach().double().numpy()
        tokens += len(batch.images)
    assert np.allclose(found.kl, summed / tokens, rtol=1e-4)
    assert found.active.tolist() == (kl > 0.01).tolist()
    assert found.order.tolist() == np.argsort(-kl, kind="stable").tolist()
    assert np.allclose(found.mean, mean.mean(0))
    assert np.allclose(found.deviation, mean.std(0))
    assert most_active(model, 2) == found.order[:2].tolist()
    assert "KL" in found._repr_html_()


def test_a_latent_without_kl_is_judged_by_its_variance(opened: Open) -> None:
    model = opened("none")
    found = statistics(model)
    assert found.kl is None
    assert found.sigma is None
    assert found.order.tolist() == np.argsort(-(found.deviation**2), kind="stable").tolist()
    low, high = usual_range(model, 1)
    assert (low + high) / 2 == pytest.approx(found.mean[1])
    assert high - low == pytest.approx(6 * found.deviation[1])
    assert usual_range(opened("gaussian"), 1) == (-3, 3)


def test_principal_directions(opened: Open) -> None:
    """The singular value decomposition of the centred latents."""
    model = opened("gaussian")
    assert model.images is not None
    found = principal(model)
    latents = (
        model.encode(model.images.pixels("train", np.arange(len(model.images.side("train")))))[0].flatten(1).double()
    )
    centred = latents - latents.mean(0)
    _, values, rows = np.linalg.svd(centred.numpy(), full_matrices=False)
    deviations = values / np.sqrt(len(latents) - 1)
    assert np.allclose(found.deviations, deviations, rtol=1e-4)
    assert np.allclose(np.abs((found.axes * rows).sum(1)), 1, atol=1e-3)
    assert np.allclose(found.shares.sum(), 1, atol=1e-5)
    assert (found.axes[np.arange(6), np.abs(found.axes).argmax(1)] > 0).all()


def test_label_means(opened: Open) -> None:
    model = opened("gaussian")
    assert model.images is not None
    store, train = model.images.store, model.images.side("train")
    means = label_means(model)
    assert set(means) == set("0123456789")
    sevens = np.flatnonzero(store.labels[train] == store.classes.index("7"))
    expected = model.encode(model.images.pixels("train", sevens))[0].flatten(1).mean(0)
    assert torch.allclose(means["7"], expected, atol=1e-5)


def test_a_map_of_everything(opened: Open) -> None:
    model = opened("gaussian")
    assert model.images is not None
    found = map_of(model)
    every = whole(model)
    assert (found.how, found.xy.shape) == ("pca", (1797, 2))
    latents = every.latents.astype(np.float64)
    centred = latents - latents.mean(0)
    _, values, rows = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ rows[:2].T
    assert np.allclose(np.abs(found.xy), np.abs(expected), atol=1e-3), "up to the sign of each axis"
    assert found.shares == pytest.approx(values[:2] ** 2 / (values**2).sum(), rel=1e-4)
    for place_of in (0, 1000, 1796):
        side = ("train", "validation")[every.sides[place_of]]
        pixels = model.images.pixels(side, [every.numbers[place_of]])  # type: ignore[arg-type]
        assert np.allclose(model.encode(pixels)[0].flatten().numpy(), every.latents[place_of], atol=1e-5)
    few = whole(model, 100)
    assert abs(len(few.latents) - 100) <= 1
    assert map_of(model) is found, "kept while the model is open"


def test_umap_is_an_extra(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    model = opened("gaussian")
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(UserError, match="UMAP") as refused:
        map_of(model, "umap")
    assert "tilework[umap]" in refused.value.fix

    class Reducer:
        def __init__(self, n_components: int, random_state: int) -> None:
            assert (n_components, random_state) == (2, 0)

        def fit_transform(self, latents: np.ndarray) -> np.ndarray:
            return latents[:, :2]

    module = types.ModuleType("umap")
    module.UMAP = Reducer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "umap", module)
    found = map_of(model, "umap", most=200)
    assert found.how == "umap"
    assert np.array_equal(found.xy, found.whole.latents[:, :2])
    with pytest.raises(UserError, match="no map 'tsne'"):
        map_of(model, "tsne")  # type: ignore[arg-type]


def test_neighbours(opened: Open) -> None:
    model = opened("gaussian")
    found = nearest(model, "validation:5", 7)
    assert found.found[0].origin == "validation:5"
    every = whole(model)
    distances = np.linalg.norm(every.latents - place(model, "validation:5").flatten().numpy(), axis=1)
    assert [one.distance for one in found.found] == pytest.approx(np.sort(distances)[:7].tolist(), abs=1e-4)
    assert found.images.shape == (7, 16, 16, 1)


def test_searching_by_label_and_by_file(opened: Open) -> None:
    model = opened("gaussian")
    sevens = search(model, "7")
    assert {one.label for one in sevens} == {"7"}
    assert sevens[0].side == "validation"
    assert len(search(model, "SCIKIT")) == 200
    assert search(model, "cat") == search(model, " ") == []


def test_traversals(opened: Open) -> None:
    model = opened("gaussian")
    found = traverse(model, "validation:2", [4, 0], -2, 2, steps=5)
    z = place(model, "validation:2")
    assert found.images.shape == (2, 5, 16, 16, 1)
    for row, dimension in enumerate((4, 0)):
        for column, value in enumerate((-2, -1, 0, 1, 2)):
            moved = z.flatten().clone()
            moved[dimension] = value
            expected = model.decode(moved.reshape(1, *model.shape))[0]
            difference = expected.astype(int) - found.images[row, column]
            assert np.abs(difference).max() <= 1
    assert traverse(model).dimensions == tuple(statistics(model).order.tolist())
    assert len(found.film().frames) == 8, "forth and back, no frame twice"


def test_a_plane_is_a_map(opened: Open) -> None:
    """x grows to the right, y upwards."""
    model = opened("gaussian")
    found = plane(model, "zero", 1, 3, -1, 2, steps=4)
    assert found.xs.tolist() == [-1, 0, 1, 2]
    assert found.ys.tolist() == [2, 1, 0, -1]
    expected = sample(model, "zero;1=2;3=1").images[0].astype(int)
    assert np.abs(expected - found.images[1, 3]).max() <= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dimensions": [6]}, "no dimension 6"),
        ({"dimensions": [-1]}, "no dimension -1"),
        ({"low": float("nan")}, "from nan to 3"),
        ({"low": 3.0, "high": 1.0}, "from 3 to 1"),
        ({"high": 1e30}, "from -3 to 1e+30"),
        ({"steps": 1}, "1 steps"),
        ({"steps": 100_000}, "100000 steps"),
        ({"dimensions": list(range(6)) * 200, "steps": 9}, "10,800 images"),
        ({"dimensions": []}, "0 images"),
    ],
)
def test_ranges_that_are_none(opened: Open, settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as refused:
        traverse(opened("gaussian"), **settings)  # type: ignore[arg-type]
    assert message in refused.value.what


def test_a_plane_of_one_dimension(opened: Open) -> None:
    with pytest.raises(UserError, match="named twice"):
        plane(opened("gaussian"), "zero", 1, 1)


def in_numpy(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    angle = np.arccos((a / np.linalg.norm(a)) @ (b / np.linalg.norm(b)))
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def test_spherical_interpolation() -> None:
    rng = np.random.default_rng(0)
    for size in (2, 12, 512):
        a, b = rng.normal(size=(2, size))
        for t in (0.1, 0.5, 0.9):
            assert np.allclose(slerp(torch.from_numpy(a), torch.from_numpy(b), t).numpy(), in_numpy(a, b, t))
        b *= np.linalg.norm(a) / np.linalg.norm(b)
        middle = slerp(torch.from_numpy(a), torch.from_numpy(b), 0.3)
        assert float(middle.norm()) == pytest.approx(np.linalg.norm(a)), "between vectors of one length, all have it"
    for b in (2 * a, -a, 0 * a):
        assert np.allclose(slerp(torch.from_numpy(a), torch.from_numpy(b), 0.25).numpy(), 0.75 * a + 0.25 * b)


@pytest.mark.parametrize("how", ["linear", "spherical"])
@pytest.mark.parametrize("ease", [False, True])
def test_a_walk_passes_every_point_exactly(opened: Open, how: str, ease: bool) -> None:
    model = opened("gaussian")
    points = ["validation:0", "seed:1", "seed:2;0=2"]
    found = walk(model, points, 24, how, ease)  # type: ignore[arg-type]
    assert len(found.latents) == len(found.images) == 24
    assert (found.stops[0], found.stops[-1]) == (0, 23)
    for stop, point in zip(found.stops, points, strict=True):
        assert np.array_equal(found.latents[stop], place(model, point).numpy())
    a, b = (place(model, point).double().numpy().ravel() for point in points[:2])
    t = 3 / found.stops[1]
    t = t * t * (3 - 2 * t) if ease else t
    expected = in_numpy(a, b, t) if how == "spherical" else (1 - t) * a + t * b
    assert np.allclose(found.latents[3].ravel(), expected, atol=1e-6)


def test_a_closed_loop_has_no_frame_twice(opened: Open) -> None:
    model = opened("gaussian")
    found = walk(model, ["seed:0", "seed:1", "seed:2"], 30, loop=True)
    assert found.stops == (0, 10, 20)
    flat = found.latents.reshape(30, -1)
    assert len(np.unique(flat, axis=0)) == 30
    steps = np.linalg.norm(np.diff(np.concatenate([flat, flat[:1]]), axis=0), axis=1)
    for segment in range(3):
        assert np.allclose(steps[segment * 10 : segment * 10 + 10], steps[segment * 10], rtol=1e-3), (
            "also the last step"
        )
    assert len(walk(model, ["seed:0", "seed:1"], 2, loop=True).latents) == 2
    still = walk(model, ["seed:0", "seed:0"], 4, "spherical")
    assert np.array_equal(still.latents[1], still.latents[0])


@pytest.mark.parametrize(
    ("points", "settings", "message"),
    [
        (["seed:0"], {}, "two points"),
        ([], {}, "two points"),
        (["seed:0", "seed:1", "seed:2"], {"frames": 2}, "too few"),
        (["seed:0", "seed:1"], {"frames": 1_000_000}, "1,000,000 images"),
        (["seed:0", "seed:1"], {"how": "wiggly"}, "no kind of interpolation 'wiggly'"),
        (["seed:0", "seed:1"], {"fps": float("nan")}, "nan frames a second"),
        (["seed:0", "seed:1"], {"fps": 0}, "0 frames a second"),
        (["seed:0", "seed:1;9=1"], {}, "no dimension 9"),
    ],
)
def test_ways_that_are_none(opened: Open, points: list[str], settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as refused:
        walk(opened("gaussian"), points, **settings)  # type: ignore[arg-type]
    assert message in refused.value.what


def test_what_works_without_images(explored_run: Callable[[str], RunFolder]) -> None:
    model = open_model(explored_run("none"), device="cpu", data=False)
    assert traverse(model, steps=3).images.shape[:2] == (5, 3)
    assert len(walk(model, ["seed:0", "zero"], 5).images) == 5
    for needs in (statistics, principal, map_of, label_means, lambda model: search(model, "7")):
        with pytest.raises(UserError, match="needs the images"):
            needs(model)


def test_a_latent_of_512_dimensions() -> None:
    """Few are moved unless more are named, and all can be."""
    from explored import spec_of

    from tilework.engine.api import Model
    from tilework.engine.autoencoder.model import build_model
    from tilework.spec.load import apply_overrides, parse_spec

    raw = apply_overrides(spec_of("gaussian").model_dump(mode="json"), ["bottleneck.dim=512"])
    spec = parse_spec(raw, "512")
    network = Model(build_model(spec), spec, 0, torch.device("cpu"))  # type: ignore[arg-type]
    from pathlib import Path

    model = Opened(network, "wide", 0, Path(), None, None)
    assert len(traverse(model, steps=2).dimensions) == 12
    assert traverse(model, dimensions=range(512), steps=2).images.shape[:2] == (512, 2)
    assert place(model, "seed:1;511=1").shape == (512, 1, 1)
