"""LPIPS: published values, both known faults as regressions, and the errors when weights are missing or wrong."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tilework.errors import UserError
from tilework.objective import LossTerm, Outcome
from tilework.objective.perceptual import PerceptualDistance, load_weights
from tilework.objective.perceptual.backbones import BACKBONES
from tilework.spec import TERMS

DATA = (
    Path(os.environ.get("TILEWORK_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data")
    / "perceptual"
)
FILE = DATA / "lpips_squeeze_v0.1.npz"


@pytest.fixture(scope="module")
def real() -> PerceptualDistance:
    if not FILE.is_file():
        pytest.skip(f"no LPIPS weights at {FILE}; set TILEWORK_DATA")
    return PerceptualDistance("squeeze", load_weights("squeeze", str(FILE)))


def random_weights(net: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights of the right shapes, from the published channel counts of each network."""
    shapes = {
        "squeeze": {0: (64, 3, 3)}
        | {
            f"{at}.{part}": shape
            for at, (c, s, e) in {
                3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128),
                9: (256, 48, 192), 10: (384, 48, 192), 11: (384, 64, 256), 12: (512, 64, 256),
            }.items()
            for part, shape in {"squeeze": (s, c, 1), "expand1x1": (e, s, 1), "expand3x3": (e, s, 3)}.items()
        },
        "alex": {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)},
        "vgg": {
            at: (o, i, 3)
            for at, i, o in [
                (0, 3, 64), (2, 64, 64), (5, 64, 128), (7, 128, 128), (10, 128, 256), (12, 256, 256), (14, 256, 256),
                (17, 256, 512), (19, 512, 512), (21, 512, 512), (24, 512, 512), (26, 512, 512), (28, 512, 512),
            ]
        },
    }[net]  # fmt: skip
    widths = {
        "squeeze": (64, 128, 256, 384, 384, 512, 512),
        "alex": (64, 192, 384, 256, 256),
        "vgg": (64, 128, 256, 512, 512),
    }
    g = torch.Generator().manual_seed(seed)
    weights = {}
    for at, (out, width, kernel) in shapes.items():
        weights[f"features.{at}.weight"] = (
            torch.randn(out, width, kernel, kernel, generator=g) / (width * kernel**2) ** 0.5
        )
        weights[f"features.{at}.bias"] = torch.zeros(out)
    for level, width in enumerate(widths[net]):
        weights[f"lin{level}.weight"] = torch.rand(1, width, 1, 1, generator=g)
    return weights


def image(name: str) -> torch.Tensor:
    pixels = np.array(Image.open(DATA / f"{name}.png").convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def lpips(**settings: object) -> LossTerm:
    return TERMS.parse({"kind": "lpips", **settings}).build()  # type: ignore[attr-defined]


def test_published_values(real: PerceptualDistance) -> None:
    torch.manual_seed(123)
    a, b = torch.rand(10, 3, 100, 100) * 2 - 1, torch.rand(10, 3, 100, 100) * 2 - 1
    assert real(a, b).mean().item() == pytest.approx(0.1008, abs=5e-5)
    term = lpips(weights=str(FILE))  # takes [0, 1]
    for other, value in (("ex_p0", 0.7112), ("ex_p1", 0.1479)):
        assert term(Outcome(image("ex_ref"), image(other))).item() == pytest.approx(value, abs=5e-5)


def test_the_range_fault_is_reproducible_and_makes_contrast_cheap(real: PerceptualDistance) -> None:
    x = image("ex_ref")
    washed = Outcome(x, 0.5 + (x - 0.5) * 0.6)
    right, faulty = lpips(weights=str(FILE)), lpips(weights=str(FILE), input_range_fault=True)
    assert faulty(washed).item() == pytest.approx(real(x, washed.recon).item(), rel=1e-5)
    assert faulty(washed).item() < right(washed).item()


def test_identical_images_are_at_distance_zero_and_the_distance_is_symmetric(real: PerceptualDistance) -> None:
    a, b = torch.rand(2, 3, 40, 32), torch.rand(2, 3, 40, 32)
    assert real(a, a).abs().max().item() == 0
    torch.testing.assert_close(real(a, b), real(b, a))
    assert real(a, b).shape == (2,)


def test_zero_activations_have_finite_gradients() -> None:
    weights = random_weights("squeeze")
    for name in weights:
        if name.startswith("features"):
            weights[name] = torch.zeros_like(weights[name])  # every feature of every image is exactly 0
    distance = PerceptualDistance("squeeze", weights)
    y = torch.rand(1, 3, 32, 32, requires_grad=True)
    distance(torch.rand(1, 3, 32, 32), y).sum().backward()
    assert torch.isfinite(y.grad).all()


@pytest.mark.parametrize("net", ["squeeze", "alex", "vgg"])
def test_gradient_equals_finite_differences_of_a_plain_double_precision_version(net: str) -> None:
    weights = random_weights(net)
    distance = PerceptualDistance(net, weights)
    g = torch.Generator().manual_seed(7)
    x, y = torch.rand(2, 3, 35, 33, generator=g), torch.rand(2, 3, 35, 33, generator=g).requires_grad_()
    value = distance(x, y)
    (grad,) = torch.autograd.grad(value.sum(), y)
    exact = {n: v.double() for n, v in weights.items()}

    def plain(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        shift = torch.tensor([-0.030, -0.088, -0.188]).double().view(1, 3, 1, 1)
        scale = torch.tensor([0.458, 0.448, 0.450]).double().view(1, 3, 1, 1)
        total = torch.zeros(a.shape[0]).double()
        features = [BACKBONES[net].features((p - shift) / scale, exact) for p in (a, b)]
        for level, (fa, fb) in enumerate(zip(*features, strict=True)):
            na, nb = fa.norm(dim=1, keepdim=True) + 1e-10, fb.norm(dim=1, keepdim=True) + 1e-10
            total += ((fa / na - fb / nb) ** 2 * exact[f"lin{level}.weight"]).sum(1).mean((1, 2))
        return total

    torch.testing.assert_close(value.double(), plain(x.double(), y.detach().double()), rtol=1e-4, atol=1e-6)
    direction = torch.randn(y.shape, generator=g).double()
    step = 1e-5
    ends = [plain(x.double(), y.detach().double() + s * step * direction).sum() for s in (1, -1)]
    slope = (ends[0] - ends[1]).item() / (2 * step)
    assert (grad.double() * direction).sum().item() == pytest.approx(slope, rel=2e-2, abs=1e-4)


def test_grey_images_equal_the_same_image_in_three_channels(real: PerceptualDistance) -> None:
    a, b = torch.rand(2, 1, 28, 28), torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(real(a, b), real(a.repeat(1, 3, 1, 1), b.repeat(1, 3, 1, 1)))


def test_no_optimiser_and_no_checkpoint_sees_the_frozen_network() -> None:
    distance = PerceptualDistance("squeeze", random_weights("squeeze"))
    assert list(distance.parameters()) == []
    assert distance.state_dict() == {}
    assert not any(b.requires_grad for b in distance.buffers())
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    distance(x, torch.rand(1, 3, 32, 32)).sum().backward()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("net", ["squeeze", "alex", "vgg"])
def test_the_smallest_image_is_the_one_that_is_documented(net: str) -> None:
    distance = PerceptualDistance(net, random_weights(net))
    smallest = BACKBONES[net].smallest
    assert torch.isfinite(distance(torch.rand(1, 3, smallest, 40), torch.rand(1, 3, smallest, 40))).all()
    with pytest.raises(UserError, match=f"at least {smallest} x {smallest} pixels, not 40x{smallest - 1}"):
        distance(torch.rand(1, 3, smallest - 1, 40), torch.rand(1, 3, smallest - 1, 40))
    prepared = torch.rand(1, 3, smallest - 1, smallest - 1)
    with pytest.raises(RuntimeError):  # one pixel less really does not fit
        BACKBONES[net].features(prepared, random_weights(net))


def write(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **{n: v.numpy() for n, v in weights.items()})
    else:
        save_file(weights, path)
    return path


def test_weights_are_found_by_path_by_variable_and_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = random_weights("alex")
    name = "lpips_alex_v0.1.npz"
    x, y = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    expected = PerceptualDistance("alex", weights)(x, y)
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TILEWORK_LPIPS", raising=False)
    with pytest.raises(UserError, match="has no weights for net alex") as caught:
        lpips(net="alex")
    assert name in caught.value.why
    for way in ("objective.lpips=0", "objective.lpips.weights=PATH", "objective.lpips.weights=torchvision"):
        assert way in caught.value.fix
    (tmp_path / "cache").mkdir()
    cached = write(tmp_path / "cache" / name, weights)
    for source in (None, str(cached), str(write(tmp_path / "w.safetensors", weights))):
        got = load_weights("alex", source)
        torch.testing.assert_close(PerceptualDistance("alex", got)(x, y), expected)
    cached.rename(tmp_path / name)
    for value in (tmp_path, tmp_path / name):
        monkeypatch.setenv("TILEWORK_LPIPS", str(value))
        assert load_weights("alex", None).keys() == weights.keys()
    monkeypatch.setenv("TILEWORK_LPIPS", str(tmp_path / "gone.npz"))
    with pytest.raises(UserError, match=r"there is no file .*gone\.npz"):
        lpips(net="alex")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.npz", b"not a zip at all", "cannot be read as LPIPS weights"),
        ("w.npz", b"PK\x03\x04 cut off", "cannot be read as LPIPS weights"),
        ("w.npz", b"\x93NUMPY\x01\x00", "cannot be read as LPIPS weights"),
        ("w.npz", b"", "cannot be read as LPIPS weights"),
        ("w.safetensors", b"\xff" * 20, "cannot be read as LPIPS weights"),
        ("w.pth", b"a pickle", "is not a file of LPIPS weights"),
    ],
)
def test_unreadable_weights(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        lpips(weights=str(tmp_path / name))


def test_a_pickle_inside_an_npz_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", evil=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match="cannot be read as LPIPS weights"):
        lpips(weights=str(tmp_path / "w.npz"))


def test_weights_of_another_net_incomplete_or_not_finite(tmp_path: Path) -> None:
    path = write(tmp_path / "vgg.npz", random_weights("vgg"))
    with pytest.raises(UserError, match="does not hold the weights of LPIPS net squeeze") as caught:
        lpips(weights=str(path))
    assert "objective.lpips.net=vgg" in caught.value.fix
    weights = random_weights("alex")
    weights["lin3.weight"] = weights["lin3.weight"][:, :5]
    with pytest.raises(UserError, match="does not hold") as caught:
        lpips(net="alex", weights=str(write(tmp_path / "short.npz", weights)))
    assert caught.value.why == "lin3.weight has the shape (1, 5, 1, 1), not (1, 256, 1, 1)"
    weights = random_weights("alex")
    weights["features.3.bias"][7] = float("nan")
    with pytest.raises(UserError, match="does not hold") as caught:
        lpips(net="alex", weights=str(write(tmp_path / "nan.npz", weights)))
    assert caught.value.why == "features.3.bias holds numbers that are not finite"
    weights = random_weights("alex")
    weights["features.3.weight"] = weights["features.3.weight"][:, :, :3]
    with pytest.raises(UserError, match="does not hold") as caught:
        lpips(net="alex", weights=str(write(tmp_path / "shape.npz", weights)))
    assert caught.value.why == "features.3.weight has the shape (192, 64, 3, 5), not (192, 64, 5, 5)"


def test_torchvision_weights_name_the_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(UserError, match="needs the package torchvision, which is not installed") as caught:
        lpips(weights="torchvision")
    assert "pip install torchvision lpips" in caught.value.fix


def test_torchvision_weights_join_the_two_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins with the packages' own names and keys; the real ones need a network."""
    weights = random_weights("alex")
    for package in ("torchvision", "torchvision/models", "lpips", "lpips/weights/v0.1"):
        (tmp_path / package).mkdir(parents=True)
    for package in ("torchvision", "torchvision/models", "lpips"):
        (tmp_path / package / "__init__.py").write_text("")
    torch.save(
        {n.replace(".", ".model.1."): v for n, v in weights.items() if n.startswith("lin")},
        tmp_path / "lpips" / "weights" / "v0.1" / "alex.pth",
    )
    for module in ("torchvision", "torchvision.models", "lpips"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    import torchvision.models

    class Stand(types.SimpleNamespace):
        def state_dict(self) -> dict[str, torch.Tensor]:
            return weights | {"classifier.1.weight": torch.zeros(3)}

    monkeypatch.setattr(torchvision.models, "alexnet", lambda weights: Stand(), raising=False)
    monkeypatch.setattr(torchvision.models, "AlexNet_Weights", types.SimpleNamespace(IMAGENET1K_V1="x"), raising=False)
    got = load_weights("alex", "torchvision")
    assert got.keys() == weights.keys()
    assert all(torch.equal(got[n], weights[n]) for n in weights)

    def no_network(weights: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr(torchvision.models, "alexnet", no_network)
    with pytest.raises(UserError, match="could not get the weights of alexnet"):
        load_weights("alex", "torchvision")
