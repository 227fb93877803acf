"""Points: the notation, what is refused, and the numbers that a point stands for."""

from __future__ import annotations

import sys
from collections.abc import Callable

import children
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tilework.errors import UserError
from tilework.explore.directions import label_mean, principal
from tilework.explore.opened import Opened, open_model
from tilework.explore.place import noise, place
from tilework.explore.points import Band, Origin, Point, Principal, Towards, parse
from tilework.runs.folder import RunFolder

Open = Callable[[str], Opened]

_NUMBERS = st.floats(-1e6, 1e6)
_NAMES = st.text("ab;%>*=~,:@ é3BEA2\\/", min_size=1, max_size=6).filter(lambda name: name == name.strip())
_ORIGINS = st.one_of(
    st.just(Origin()),
    st.builds(Origin, st.sampled_from(["seed", "validation", "train"]), st.integers(0, 10**17)),
    st.builds(lambda name: Origin("image", name=name), _NAMES),
)
_BANDS = st.builds(Band, _NUMBERS, st.floats(0, 1e6))
_WAYS = st.one_of(st.builds(Principal, st.integers(1, 99), _NUMBERS), st.builds(Towards, _NAMES, _NAMES, _NUMBERS))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(
    origin=_ORIGINS,
    exact=st.dictionaries(st.integers(0, 9), _NUMBERS),
    bands=st.dictionaries(st.integers(10, 19), _BANDS),
    every=st.none() | _BANDS,
    seeds=st.tuples(st.none() | st.integers(0, 10**9), st.none() | st.integers(0, 10**9)),
    along=st.lists(_WAYS, max_size=3),
)
def test_what_is_written_is_read_again(origin, exact, bands, every, seeds, along) -> None:  # type: ignore[no-untyped-def]
    point = Point(origin, exact, bands, every, *seeds, tuple(along))
    assert parse(str(point)) == point


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("zero", "zero"),
        (" seed:3 ; 0 = 1.50 ", "seed:3;0=1.5"),
        ("validation:12;3~0.5,2;*~0,1e0", "validation:12;*~0,1;3~0.5,2"),
        ("train:0;mu@4;eps@5", "train:0;mu@4;eps@5"),
        ("image:my photo;of you.png", None),
        ("image:C:\\a%3Bb.png;pc2*-1", "image:C:\\a%3Bb.png;pc2*-1"),
        ("zero;3>7*0.5;a*b>c=d*1", "zero;3>7*0.5;a%2Ab>c=d*1"),
        ("zero;0=-0", "zero;0=0"),
    ],
)
def test_forms(text: str, again: str | None) -> None:
    if again is None:
        with pytest.raises(UserError):
            parse(text)
    else:
        assert str(parse(text)) == again


@pytest.mark.parametrize(
    "text",
    ["", "seed", "seed:", "seed:-1", "seed:1.5", "seed:²", "sed:3", "zero:1", "image:", "validation:x", "zero;", "zero;;0=1",
     "zero;0=", "zero;0=nan", "zero;0=inf", "zero;0=1e999", "zero;0=1e7", "zero;0=two", "zero;-1=2", "zero;x=2", "zero;0=1;0=2",
     "zero;0=1;0~1,1", "zero;0~1", "zero;0~1,2,3", "zero;0~1,-1", "zero;*=1", "zero;*~0,1;*~0,2", "zero;mu@", "zero;mu@-3",
     "zero;mu@1;mu@2", "zero;pc0*1", "zero;pc*1", "zero;pc1", "zero;pc1*x", "zero;a>b", "zero;a>*1", "zero;a>b>c*1", "zero;foo",
     "seed:" + "9" * 30, "zero;" + "9" * 30 + "=1", "zero;0=1_0", "zero;0=١"],
)  # fmt: skip
def test_what_is_no_point_is_refused_in_its_own_words(text: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(text)
    assert text in refused.value.what
    assert refused.value.why
    assert refused.value.fix


def test_reading_a_point_needs_no_torch() -> None:
    code = "import sys; from tilework.explore.points import parse; parse('seed:1'); sys.exit('torch' in sys.modules)"
    assert children.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_seed_is_the_noise_of_a_cpu_generator(opened: Open) -> None:
    model = opened("gaussian")
    expected = torch.randn(model.shape, generator=torch.Generator().manual_seed(7))
    before = torch.random.get_rng_state()
    assert torch.equal(place(model, "seed:7"), expected)
    assert torch.equal(torch.random.get_rng_state(), before), "the global generator is left alone"


def test_terms_in_numbers(opened: Open) -> None:
    """Against the formulas, in NumPy."""
    model = opened("gaussian")
    eps = noise(model, 7).numpy().ravel()
    z = place(model, "seed:7;*~1,0.5;2~3,0;4=-2").numpy().ravel()
    expected = 1 + 0.5 * eps
    expected[2], expected[4] = 3, -2
    assert np.allclose(z, expected, atol=1e-6)
    assert z[4] == -2
    assert z[2] == 3

    generator = torch.Generator().manual_seed(5)
    torch.randn(model.shape, generator=generator)
    mu = torch.randn(model.shape, generator=generator).numpy().ravel()
    assert np.allclose(place(model, "seed:7;mu@5").numpy().ravel(), mu + eps, atol=1e-6)
    assert np.allclose(place(model, "seed:7;mu@5;*~9,0").numpy().ravel(), mu, atol=1e-6)
    drawn = place(model, "seed:7;mu@7").numpy().ravel()
    assert np.abs(drawn - 2 * eps).max() > 0.1, "means and noise of one seed are not the same numbers"

    at_zero = place(model, "zero;*~0,1").numpy().ravel()
    assert np.allclose(at_zero, noise(model, 0).numpy().ravel())
    assert np.allclose(place(model, "zero;*~0,1;eps@7").numpy().ravel(), eps)


def test_encoded_images_and_directions(opened: Open) -> None:
    model = opened("gaussian")
    assert model.images is not None
    pixels = model.images.pixels("validation", [5])
    mean, sigma = model.encode(pixels)
    assert torch.equal(place(model, "validation:5"), mean[0])
    assert torch.equal(model.model.encode(pixels).cpu(), mean), "a Gaussian latent is its mean"
    assert sigma is not None
    assert (sigma > 0).all()

    directions = principal(model)
    z = place(model, "validation:5;pc1*2").ravel()
    assert torch.allclose(z, mean[0].ravel() + 2 * directions.step(1), atol=1e-6)
    z = place(model, "validation:5;3>8*0.5;0=1").ravel()
    expected = mean[0].ravel() + 0.5 * (label_mean(model, "8") - label_mean(model, "3"))
    expected[0] = 1
    assert torch.allclose(z, expected, atol=1e-6)


def test_before_the_quantiser(opened: Open) -> None:
    """The latent of a model with codes is what is quantised; decoded through the quantiser it is the reconstruction."""
    for kind in ("rq", "fsq"):
        model = opened(kind)
        assert model.images is not None
        pixels = model.images.pixels("validation", [0, 1])
        latents, sigma = model.encode(pixels)
        assert sigma is None
        assert latents.shape[1:] == model.shape
        recon = model.model.reconstruct(pixels)
        expected = (recon.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        assert np.array_equal(model.decode(latents), expected)
        assert torch.equal(model.codes(latents), model.model.codes(pixels).cpu())
        assert not np.array_equal(model.decode(latents, "decoder"), expected)


def test_past_the_quantiser_channels_are_bounded_as_before_their_rounding(opened: Open) -> None:
    """The decoder of an FSQ model never saw a value beyond its levels, and sees none here, however far a latent is moved."""
    model = opened("fsq")
    latents = torch.stack([place(model, "validation:5"), 30 * place(model, "seed:1").sign()])
    levels = np.array([5, 4, 3]).reshape(3, 1, 1)
    half, offset = (levels - 1) * 1.001 / 2, np.where(levels % 2 == 0, 0.5, 0)
    bounded = (half * np.tanh(latents.double().numpy() + np.arctanh(offset / half)) - offset) / (levels // 2)
    assert np.abs(bounded).max() < 1.01
    with torch.no_grad():
        expected = model.model.network.decoder.eval()(torch.from_numpy(bounded).float())
    torch.testing.assert_close(model.values(latents, "decoder"), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zero;6=1", ["no dimension 6", "6 x 1 x 1", "from 0 to 5"]),
        ("seed:1;99~0,1", ["no dimension 99"]),
        ("validation:100000", ["no image validation:100000", "numbered from 0"]),
        ("zero;3>cat*1", ["'cat'", "0, 1, 2"]),
        ("zero;pc7*1", ["no principal direction 7", "pc6"]),
        ("image:absent.png", ["absent.png", "no such file"]),
    ],
)
def test_a_point_that_the_model_has_not(opened: Open, text: str, expected: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        place(opened("gaussian"), text)
    for part in expected:
        assert part in str(refused.value), refused.value


def test_the_model_alone_without_images(explored_run: Callable[[str], RunFolder]) -> None:
    model = open_model(explored_run("gaussian"), device="cpu", data=False)
    assert place(model, "seed:1;0=2").shape == model.shape
    with pytest.raises(UserError, match="validation:3 needs the images"):
        place(model, "validation:3")
