"""Fit modes and colours against Pillow's own operations and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tilework.data.media.fit import fit_image, recolour
from tilework.errors import UserError
from tilework.spec import Size

BICUBIC = Image.Resampling.BICUBIC


def image(width: int, height: int, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(width * 100 + height)
    return rng.integers(0, 256, size=(height, width, channels), dtype=np.uint8)


def test_stretch_is_a_plain_resize():
    raw = image(50, 30)
    expected = np.asarray(Image.fromarray(raw).resize((16, 24), BICUBIC))
    assert np.array_equal(fit_image(raw, Size(16, 24), 3, "stretch"), expected)


@pytest.mark.parametrize(("width", "height"), [(64, 32), (32, 64), (40, 40)])
def test_crop_is_pillows_centred_fit(width, height):
    raw = image(width, height)
    expected = np.asarray(ImageOps.fit(Image.fromarray(raw), (16, 16), BICUBIC))
    assert np.array_equal(fit_image(raw, Size(16, 16), 3, "crop"), expected)


def test_crop_of_even_margins_cuts_the_middle():
    raw = image(20, 10)
    assert np.array_equal(fit_image(raw, Size(10, 10), 3, "crop"), raw[:, 5:15])


def test_pad_shows_all_on_the_border_colour():
    raw = image(40, 20)
    out = fit_image(raw, Size(20, 20), 3, "pad", padding=(10, 200, 30))
    assert (out[:5] == (10, 200, 30)).all()
    assert (out[15:] == (10, 200, 30)).all()
    assert np.array_equal(out[5:15], np.asarray(Image.fromarray(raw).resize((20, 10), BICUBIC)))


def test_pad_of_a_grey_image_keeps_a_coloured_border():
    out = fit_image(image(8, 4, 1), Size(8, 8), 3, "pad", padding=(255, 0, 0))
    assert (out[0] == (255, 0, 0)).all()
    assert fit_image(image(8, 4, 1), Size(8, 8), 1, "pad", padding=(255, 0, 0))[0, 0, 0] == 76  # 0.299 x 255


def test_refuse_names_the_image_and_the_fix():
    with pytest.raises(UserError, match=r"cat\.png is 8x4, not 6x6") as caught:
        fit_image(image(8, 4), Size(6, 6), 3, "refuse", name="cat.png")
    assert "data.fit=crop" in caught.value.fix
    same = image(6, 6)
    assert np.array_equal(fit_image(same, Size(6, 6), 3, "refuse"), same)


def test_grey_is_rec_601_luma():
    raw = image(9, 7)
    luma = raw @ np.array([0.299, 0.587, 0.114])
    assert np.abs(recolour(raw, 1)[:, :, 0] - luma).max() <= 1
    assert np.array_equal(recolour(raw[:, :, :1], 3), np.repeat(raw[:, :, :1], 3, axis=2))


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.builds(Size, st.integers(1, 24), st.integers(1, 24)),
    st.sampled_from([1, 3]),
    st.sampled_from(["crop", "pad", "stretch"]),
)
def test_every_shape_comes_out_at_size(width, height, given_channels, size, channels, fit):
    flat = np.full((height, width, given_channels), 130, dtype=np.uint8)
    out = fit_image(flat, size, channels, fit, padding=(130, 130, 130))
    assert out.shape == (size.height, size.width, channels)
    assert out.dtype == np.uint8
    assert out.flags.c_contiguous
    assert (np.abs(out.astype(int) - 130) <= 1).all()  # a constant image stays constant
