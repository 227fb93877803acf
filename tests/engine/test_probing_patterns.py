"""What repeats from token to token, and what is printed on smooth areas, against patterns that were put there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from probed import TOKEN, Still, landscapes, lossless, pattern, speckle, subject

from tilework.engine.probing.grid import TokenGrid, level
from tilework.engine.probing.left_out import NotApplicable
from tilework.engine.probing.running import shipped
from tilework.engine.probing.smooth import SmoothAreas, colours
from tilework.spec import Size

GRID = TokenGrid(TOKEN, TOKEN, 12, 12)


def folded(parts: torch.Tensor) -> torch.Tensor:
    """The mean token of each part, without its mean: what repeats, computed the plain way."""
    n, c, h, w = parts.shape
    tokens = parts.reshape(n, c, h // TOKEN, TOKEN, w // TOKEN, TOKEN).mean((2, 4))
    return tokens - tokens.mean((2, 3), keepdim=True)


def test_what_repeats_is_the_mean_token() -> None:
    clean = pattern(0.02)(torch.zeros(2, 3, 24, 24))
    rms, stands_out = GRID.repeated(clean)
    assert torch.allclose(rms, folded(clean).square().mean((1, 2, 3)).sqrt(), rtol=1e-4)
    assert (stands_out > 1e3).all()


def test_noise_repeats_by_chance_alone_and_is_taken_off() -> None:
    noise = 0.1 * torch.randn(200, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    rms, stands_out = GRID.repeated(noise)
    by_folding = folded(noise).square().mean((1, 2, 3))  # with a share of the noise's power in it
    assert float((by_folding - rms.square()).mean()) == pytest.approx(0.01 * 15 / 16 / 36, rel=0.15)
    assert float(stands_out.mean()) == pytest.approx(1, rel=0.15)
    both = GRID.repeated(noise + pattern(0.05)(torch.zeros_like(noise)))[0]
    assert float(both.square().mean().sqrt()) == pytest.approx(0.05, rel=0.05)


def test_a_slope_is_no_pattern() -> None:
    y, x = torch.meshgrid(torch.linspace(0, 1, 12), torch.linspace(0, 2, 12), indexing="ij")
    slope = (0.3 * y - 0.2 * x)[None, None]
    assert float(level(slope).abs().max()) < 1e-6
    assert float(GRID.repeated(slope)[0]) < 1e-6


@pytest.mark.parametrize(
    ("grid", "image", "token"),
    [((8, 8), (64, 64), 8), ((15, 9), (60, 36), 4), ((8, 8), (30, 30), 4), ((9, 9), (33, 33), 4)],
)
def test_a_token_has_as_many_pixels_as_the_stages_make(
    grid: tuple[int, int], image: tuple[int, int], token: int
) -> None:
    made = TokenGrid.of(Size(*grid), Size(*image))
    assert (made.high, made.wide) == (token, token)
    inner = made.inner(torch.zeros(1, 1, image[1], image[0]))
    assert inner.shape[2] % token == 0
    assert min(inner.shape[2:]) >= 3 * token


def test_a_vector_has_no_grid() -> None:
    with pytest.raises(NotApplicable):
        TokenGrid.of(Size(1, 1), Size(28, 28))


def test_smooth_windows_are_those_without_texture() -> None:
    x = landscapes(4)
    areas = SmoothAreas.of(GRID, x, x)
    # The upper half: rows of tokens 0 to 5, windows of three of them.
    assert len(areas) == 4 * 4 * 10
    assert areas.windows == 4 * 10 * 10
    assert areas.rough > 0.05
    assert len(colours(x, GRID, 8)) == 8
    assert not len(colours(torch.rand(4, 3, 48, 48), GRID, 8))


@pytest.mark.parametrize("strength", [0.0, 0.004, 0.02, 0.05])
def test_a_printed_grid_is_measured(strength: float) -> None:
    seen = subject(landscapes(), pattern(strength))
    smooth = shipped()["smooth-areas"].measure(seen).values
    flat = shipped()["flat-colours"].measure(seen).values
    for found in (smooth["grid"], flat["grid"]):
        assert found == pytest.approx(strength * 255, rel=0.05, abs=0.02)
    assert smooth["grid_share"] == (1.0 if strength > 0.01 else 0.0)


def test_texture_on_smooth_areas_is_measured_and_is_no_grid() -> None:
    found = shipped()["smooth-areas"].measure(subject(landscapes(), speckle(0.05))).values
    assert found["detail"] == pytest.approx(0.05 * 255, rel=0.1)
    assert found["burnt"] > 0.9
    assert found["grid_share"] < 0.2
    healthy = shipped()["smooth-areas"].measure(subject(landscapes())).values
    assert healthy["burnt"] == healthy["grid"] == 0
    assert healthy["detail"] == healthy["detail_in"] < 1


def test_where_nothing_is_smooth_nothing_is_reported_of_it() -> None:
    rough = torch.rand(8, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    seen = subject(rough, pattern(0.1))
    found = shipped()["smooth-areas"].measure(seen).values
    assert found == {"windows": 0, "share": 0.0}
    with pytest.raises(NotApplicable):
        shipped()["flat-colours"].measure(seen)


def test_evidence_shows_what_was_printed() -> None:
    seen = subject(landscapes(), pattern(0.02))
    for name in ("smooth-areas", "flat-colours"):
        image = shipped()[name].measure(seen).image
        assert image is not None
        assert image.dtype == np.uint8
        assert image.shape[2] == 3
        assert max(image.shape[:2]) <= 1200


def test_many_windows_are_thinned_out() -> None:
    x = landscapes(64)
    areas = SmoothAreas.of(GRID, x, x)
    assert areas.windows <= 4096
    model = lossless(3, (48, 48))
    assert model(Still(x).shown().images)[0].shape == (16, 3, 48, 48)
