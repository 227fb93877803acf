"""Statistics of a store are what numpy computes from all its pixels; the codebook that tokens support; the contact
sheet."""

from __future__ import annotations

import numpy as np
import pytest
from data_fakes import SMALL, listed, noise_items

from tilework.data import Item, prepare, split_by
from tilework.data.catalogue import statistics
from tilework.data.catalogue.sheet import contact_sheet
from tilework.data.catalogue.statistics import supported_codes
from tilework.spec import Size


@pytest.mark.parametrize("channels", [1, 3])
def test_figures_are_those_of_the_pixels(monkeypatch, channels):
    items = [*noise_items(20, channels=channels), *noise_items(4, channels=channels, group="same")]
    items.append(Item(np.full((SMALL.height, SMALL.width, channels), 77, np.uint8), group="plain"))
    store = prepare(listed(items, channels=channels))
    pixels = store.gather(np.arange(store.count)).astype(float) / 255
    monkeypatch.setattr(statistics, "_TOGETHER_BYTES", 200)
    found = statistics.statistics(store)
    assert found.mean == pytest.approx(pixels.mean((0, 1, 2)).tolist())
    assert found.spread == pytest.approx(pixels.std((0, 1, 2)).tolist())
    assert found.constant == pytest.approx(1 / 25)
    assert found.examined == 25
    if channels == 1:
        entropy = []
        for one in store.gather(np.arange(store.count)):
            share = np.bincount(one.ravel(), minlength=256) / one.size
            entropy.append(-sum(p * np.log2(p) for p in share if p))
        assert found.entropy == pytest.approx(np.mean(entropy))
    assert statistics.statistics(store, most=5).examined == 5


def test_codes_that_tokens_support():
    found = supported_codes(25_300, (32, 18))
    assert found.tokens == 25_300 * 576
    assert found.codes == 2**18
    assert found.tokens / found.codes >= 50 > found.tokens / (2 * found.codes)
    assert supported_codes(1, (1, 1)).codes == 2


@pytest.mark.parametrize("size", [Size(8, 8), Size(128, 72), Size(1500, 10)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_contact_sheet_of_any_shape(size, channels):
    store = prepare(listed(noise_items(30, size=size, channels=channels), size=size, channels=channels))
    sheet = contact_sheet(store, split_by(store, listed([]).split), "noise")
    assert sheet.mode == "RGB"
    assert 100 < sheet.width < 1300
    if size == Size(8, 8):  # every pixel of an image is a whole block of the sheet
        first = store.gather(split_by(store, listed([]).split).train[:1])[0]
        found = np.asarray(sheet)
        block = np.repeat(np.repeat(first, 8, 0), 8, 1)
        block = np.repeat(block, 3, 2) if channels == 1 else block
        assert any(np.array_equal(found[top : top + 64, 4:68], block) for top in range(120))
