"""Tokens of an image, what they paint, level by level, and where one of them reaches; on models that were really trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from token_models import KINDS, opened_model

from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.errors import UserError
from tilework.explore.opened import Opened
from tilework.explore.reach import field, receptive
from tilework.explore.shown_tokens import tokens
from tilework.explore.token_images import levels, paint, token_grid
from tilework.explore.token_sheet import TokenSheet


@pytest.fixture
def token_model(once: Callable[..., Path]) -> Callable[[str], Opened]:
    return lambda kind: opened_model(once, kind)


def validation(opened: Opened, number: int) -> np.ndarray:
    assert opened.images is not None
    return opened.images.pixels("validation", [number])[0]


@pytest.mark.parametrize("kind", KINDS)
def test_unchanged_tokens_paint_the_reconstruction(token_model: Callable[[str], Opened], kind: str) -> None:
    opened = token_model(kind)
    image = validation(opened, 2)
    found = tokens(opened, image)
    made = opened.model.reconstruct(image[None])
    assert np.array_equal(found.codes, opened.model.codes(image[None])[0].numpy())
    assert np.array_equal(paint(opened, found.codes), to_uint8(made)[0])
    assert np.array_equal(found.image, to_uint8(made)[0])
    mse = float((made[0] - torch.from_numpy(image / np.float32(255)).permute(2, 0, 1)).square().mean())
    assert found.mse == pytest.approx(mse, rel=1e-6)
    assert found.psnr == pytest.approx(10 * math.log10(1 / mse))
    for same in ("validation:2", "validation:2;0~0,0;0=0"[:12]):
        assert np.array_equal(tokens(opened, same).codes, found.codes)


@pytest.mark.parametrize("kind", KINDS)
def test_levels_end_in_the_reconstruction(token_model: Callable[[str], Opened], kind: str) -> None:
    opened = token_model(kind)
    image = validation(opened, 5)
    found = tokens(opened, image)
    shown = levels(opened, found.codes, image)
    grid, bottleneck = found.grid, opened.model.network.bottleneck
    assert np.array_equal(shown.images[-1], found.image)
    assert shown.mse is not None
    assert shown.mse[-1] == pytest.approx(found.mse)
    assert shown.bits[-1] == pytest.approx(bottleneck.bits_per_position * grid.height * grid.width)
    assert np.allclose(np.diff(shown.bits, prepend=0), shown.bits[0])
    books = bottleneck.codebooks()
    for number in range(grid.levels if books else 0):
        z = sum(books[level][found.codes[level]] for level in range(number + 1))
        z = bottleneck.outer(z.reshape(-1, z.shape[-1])).reshape(grid.height, grid.width, -1).permute(2, 0, 1)
        assert np.array_equal(shown.images[number], paint(opened, found.codes, number + 1))
        off = np.abs(to_uint8(opened.model.decode(z[None].detach()))[0].astype(int) - shown.images[number])
        assert off.max() <= 1
    assert levels(opened, found.codes).mse is None


def test_a_point_that_is_no_image_has_tokens_too(token_model: Callable[[str], Opened]) -> None:
    opened = token_model("vq")
    found = tokens(opened, "seed:3")
    assert found.original is None
    assert found.mse is None
    noise = torch.randn(opened.shape, generator=torch.Generator().manual_seed(3))
    expected = opened.codes(noise[None])
    assert expected is not None
    assert np.array_equal(found.codes, expected[0].numpy())
    assert np.array_equal(found.image, paint(opened, found.codes))


@pytest.mark.parametrize("kind", ["vq", "rq", "fsq"])
@pytest.mark.parametrize("cell", [(0, 0), (3, 5), (7, 7)])
def test_what_a_cell_changes_by_brute_force(
    token_model: Callable[[str], Opened], kind: str, cell: tuple[int, int]
) -> None:
    """Every other code in that cell, one at a time (of all levels at once), against the image as it was."""
    opened = token_model(kind)
    model, grid = opened.model, token_grid(opened.model)
    codes = tokens(opened, validation(opened, 1)).codes
    found = field(opened, codes, *cell, others=grid.size - 1)
    base = model.decode(torch.from_numpy(codes[None]))[0]
    total = torch.zeros(base.shape[1:])
    for step in range(1, grid.size):
        other = codes.copy()
        other[:, *cell] = (other[:, *cell] + step) % grid.size
        total += (model.decode(torch.from_numpy(other[None]))[0] - base).abs().mean(0)
    expected = (total / (grid.size - 1)).numpy()
    assert np.allclose(found.strength, expected, atol=1e-6)
    assert found.box is not None
    inside = np.zeros(expected.shape, bool)
    inside[found.box[0] : found.box[2], found.box[1] : found.box[3]] = True
    assert not (found.strength[~inside] > 0).any()
    assert expected[~inside].max(initial=0) < 1e-5
    # Two transposed convolutions of 4 with stride 2 behind a 1x1 convolution reach 10 pixels, 3 beyond the cell's own 4.
    top, left = cell[0] * 4, cell[1] * 4
    assert found.box == (max(0, top - 3), max(0, left - 3), min(32, top + 7), min(32, left + 7))


def test_fewer_other_codes_are_spread_over_all(token_model: Callable[[str], Opened]) -> None:
    opened = token_model("lfq")
    codes = tokens(opened, validation(opened, 1)).codes
    assert field(opened, codes, 2, 2, others=5).strength.max() > 0
    with pytest.raises(UserError, match="row 8"):
        field(opened, codes, 8, 0)
    with pytest.raises(UserError, match="column -1"):
        field(opened, codes, 0, -1)


@pytest.mark.parametrize("cell", [(0, 0), (4, 3), (7, 7)])
def test_what_decides_a_cell_by_finite_differences(token_model: Callable[[str], Opened], cell: tuple[int, int]) -> None:
    opened = token_model("vq")
    image = validation(opened, 3)
    found = receptive(opened, image, *cell)
    network = opened.model.network
    x = opened.model.as_input(image[None]).double()
    encoder = network.encoder.double()
    try:
        with torch.no_grad():
            expected = np.zeros(image.shape[:2])
            for i, j in [(cell[0] * 4 + 1, cell[1] * 4 + 2), (cell[0] * 4 + 3, cell[1] * 4), (16, 16), (0, 31)]:
                step = torch.zeros_like(x)
                step[0, 0, i, j] = 1e-5
                off = (encoder(x + step) - encoder(x - step))[0, :, *cell] / 2e-5
                expected[i, j] = float(off.norm())
                assert found.strength[i, j] == pytest.approx(expected[i, j], rel=1e-3, abs=1e-6)
    finally:
        encoder.float()
    # Two convolutions of 4 with stride 2 see 10 pixels: the cell's own 4 and 3 on each side.
    top, left = cell[0] * 4, cell[1] * 4
    assert found.box == (max(0, top - 3), max(0, left - 3), min(32, top + 7), min(32, left + 7))
    assert all(p.grad is None for p in network.parameters())


def test_what_is_out_of_range_is_refused(token_model: Callable[[str], Opened], opened: Callable[[str], Opened]) -> None:
    vq = token_model("vq")
    image = validation(vq, 0)
    codes = tokens(vq, image).codes
    for wrong in (codes + 24, codes - 24, codes[:, :4], codes.astype(float)):
        for call in (lambda: paint(vq, wrong), lambda: levels(vq, wrong), lambda: field(vq, wrong, 0, 0)):  # noqa: B023
            with pytest.raises(UserError):
                call()
    for number in (0, 2):
        with pytest.raises(UserError, match=f"level {number}"):
            paint(vq, codes, number)
    with pytest.raises(UserError):
        tokens(vq, image[:16])
    with pytest.raises(UserError, match="validation:180"):
        tokens(vq, "validation:180000")
    continuous = opened("gaussian")
    for call in (lambda: tokens(continuous, "validation:0"), lambda: token_grid(continuous.model)):
        with pytest.raises(UserError, match="has no tokens") as refused:
            call()
        assert "gaussian" in refused.value.why


@pytest.mark.parametrize("kind", ["vq", "rq", "vector", "large"])
def test_the_drawing_shows_the_pixels(token_model: Callable[[str], Opened], kind: str) -> None:
    """The image, the reconstruction and the edited one stand in the sheet pixel for pixel, enlarged by a whole factor."""
    opened = token_model(kind)
    found = tokens(opened, "validation:0")
    codes = found.codes.copy()
    codes[-1, -1, -1] = (codes[-1, -1, -1] + 1) % found.grid.size
    sheet = TokenSheet(found, codes, reveal=True, cell=(0, 0)).sheet()
    assert isinstance(sheet, Image.Image)
    pixels = np.asarray(sheet)
    assert found.original is not None
    for image in (found.original, found.image):
        assert any(_stands_in(pixels, image, factor) for factor in range(8, 20)), "not found in the sheet"


def _stands_in(sheet: np.ndarray, image: np.ndarray, factor: int) -> bool:
    wanted = np.repeat(image, 3, -1).repeat(factor, 0).repeat(factor, 1)
    row = np.flatnonzero((sheet[:, :, None] == wanted[0, 0]).all(-1).any(1))
    for top in row[:200]:
        if top + len(wanted) > len(sheet):
            break
        for left in np.flatnonzero((sheet[top] == wanted[0, 0]).all(-1)):
            part = sheet[top : top + wanted.shape[0], left : left + wanted.shape[1]]
            if part.shape == wanted.shape and np.array_equal(part, wanted):
                return True
            if left > 2000:
                break
    return False
