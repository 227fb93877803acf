"""The tokens of a set and the atlas of its codes, against NumPy's own counting, sorting and distances."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from token_models import KINDS, opened_model, spec_of

from tilework.engine.api import Model
from tilework.engine.autoencoder.model import build_model
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.errors import UserError
from tilework.explore.code_atlas import code, ordered
from tilework.explore.code_vectors import order_by_similarity, similar, vectors
from tilework.explore.counted import TokenSet, token_set
from tilework.explore.opened import Opened
from tilework.explore.shown_atlas import Atlas, atlas
from tilework.explore.tiles import tiles
from tilework.explore.token_images import paint, token_grid
from tilework.runs.folder import RunFolder

FEW = 60
"""Images that are counted."""


@pytest.fixture
def token_model(once: Callable[..., Path]) -> Callable[[str], Opened]:
    return lambda kind: opened_model(once, kind)


def counted(opened: Opened) -> tuple[TokenSet, np.ndarray, np.ndarray]:
    """The tokens of some images, as they are given and as `Model.codes` gives them, and the images."""
    found = token_set(opened, "train", FEW)
    assert opened.images is not None
    pixels = opened.images.pixels("train", found.numbers)
    return found, opened.model.codes(pixels).numpy(), pixels


@pytest.mark.parametrize("kind", KINDS)
def test_usage_is_the_count_of_the_models_own_codes(token_model: Callable[[str], Opened], kind: str) -> None:
    opened = token_model(kind)
    found, codes, _ = counted(opened)
    grid = token_grid(opened.model)
    assert np.array_equal(found.codes, codes)
    for level in range(grid.levels):
        flat = codes[:, level].reshape(-1)
        assert np.array_equal(found.counts[level], np.bincount(flat, minlength=grid.size))
        assert found.count == len(flat)
        every = found.every_position(level + 1)
        for number in (int(flat[0]), int(flat[-1]), grid.size - 1):
            where = (codes[:, level] == number).sum(0)
            assert np.array_equal(found.positions(level + 1, number), where)
            assert np.array_equal(every[number], where)
        assert np.array_equal(every.sum((1, 2)), found.counts[level])
    assert token_set(opened, "train", FEW) is found, "computed once"
    assert token_set(opened, "validation", 10_000).images == len(token_set(opened, "validation", 10_000).numbers)


@pytest.mark.parametrize("kind", ["vq", "search", "rq", "fsq"])
def test_patches_are_the_nearest_tokens_of_different_images(token_model: Callable[[str], Opened], kind: str) -> None:
    opened = token_model(kind)
    found, codes, pixels = counted(opened)
    level = token_grid(opened.model).levels
    place = level - 1
    used = np.flatnonzero(found.counts[place])
    for number in (int(used[0]), int(found.counts[place].argmax())):
        distance = np.where(codes[:, place] == number, found.distance[:, place], np.inf).reshape(FEW, -1)
        nearest = distance.min(1)
        expected = np.argsort(nearest, kind="stable")[: min(8, int(np.isfinite(nearest).sum()))]
        about = code(opened, level, number, most=FEW, margin=0)
        assert np.allclose(nearest[expected], nearest[np.searchsorted(found.numbers, about.images)], rtol=1e-5)
        assert len(set(about.images)) == len(about.images) == len(expected)
        assert about.count == found.counts[place, number]
        for patch, image, (y, x) in zip(about.patches, about.images, about.cells, strict=True):
            own = pixels[np.searchsorted(found.numbers, image)]
            assert np.array_equal(patch, own[y * 4 : y * 4 + 4, x * 4 : x * 4 + 4])
            assert codes[np.searchsorted(found.numbers, image), place, y, x] == number


@pytest.mark.parametrize("kind", ["vq", "rq", "shared"])
def test_distances_are_those_that_the_quantiser_compares(token_model: Callable[[str], Opened], kind: str) -> None:
    opened = token_model(kind)
    found, codes, pixels = counted(opened)
    with torch.no_grad():
        left = opened.model.network.encoder(opened.model.as_input(pixels)).permute(0, 2, 3, 1)
    for level, book in enumerate(opened.model.network.bottleneck.codebooks()):
        left = left - book[torch.from_numpy(codes[:, level])]
        assert np.allclose(found.distance[:, level], left.square().sum(-1).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_nearest_codes_by_numpy_distances(token_model: Callable[[str], Opened], kind: str) -> None:
    opened = token_model(kind)
    grid, bottleneck = token_grid(opened.model), opened.model.network.bottleneck
    books = bottleneck.codebooks()
    every = torch.arange(grid.size)[:, None, None, None]
    points = (books[-1].detach() if books else bottleneck.lookup(every).flatten(1)).numpy().astype(np.float64)
    assert np.allclose(vectors(opened.model, grid.levels).numpy(), points, atol=1e-6)
    for number in (0, grid.size - 1):
        distance = np.sqrt(np.square(points - points[number]).sum(1))
        found = similar(opened, grid.levels, number)
        assert found.codes[0] == number
        assert sorted(found.codes) == list(range(grid.size))
        assert np.allclose(found.distance, np.sort(distance), atol=1e-5)
        assert np.allclose(distance[found.codes], found.distance, atol=1e-5)
        assert np.array_equal(similar(opened, grid.levels, number, 5).codes, found.codes[:5])


@pytest.mark.parametrize("kind", KINDS)
def test_the_three_orders_of_an_atlas(token_model: Callable[[str], Opened], kind: str) -> None:
    opened = token_model(kind)
    found = atlas(opened, 1, most=FEW)
    size = found.grid.size
    assert found.counts is not None
    assert found.tiles.shape == (size, *found.size.shape, 1)
    assert list(ordered(found, "index")) == list(range(size))
    usage = ordered(found, "usage")
    assert list(usage) == sorted(range(size), key=lambda k: (-found.counts[k], k))
    alike = ordered(found, "similarity")
    assert sorted(alike) == list(range(size))
    assert alike[0] == found.counts.argmax()
    points = vectors(opened.model, 1).numpy().astype(np.float64)
    for at in range(size - 1):  # each is followed by the nearest that is left
        left = np.square(points[alike[at + 1 :]] - points[alike[at]]).sum(1)
        assert left[0] <= left.min() + 1e-5


def test_a_file_of_some_codes_shows_those_alone(token_model: Callable[[str], Opened]) -> None:
    opened = token_model(KINDS[0])
    whole, part = atlas(opened, 1, most=FEW), atlas(opened, 1, most=FEW, only=slice(2, 5))
    assert sorted(part.order) == [2, 3, 4]
    assert len(whole.order) == whole.grid.size
    assert ("shown", "codes 2 to 4") in part.facts()
    assert "shown" not in dict(whole.facts())
    assert part.sheet().height < whole.sheet().height
    listed = part.html().split('<div class="all">')[1]
    assert re.findall(r"<b>(\d+)</b>", listed) == [str(code) for code in part.order]


def test_no_tile_is_decoded_that_nobody_asks_for(token_model: Callable[[str], Opened], tmp_path: Path) -> None:
    from tilework.studio.models.asks.tokens import ASKS
    from tilework.studio.models.opening import Loaded

    opened, decoded = token_model("vq"), []
    opened.model.network.decoder.register_forward_pre_hook(lambda _, given: decoded.append(len(given[0])))
    model = Loaded(opened, RunFolder(opened.folder), opened.folder.name, lambda name: pytest.fail(name))
    asked = {"kind": "atlas", "level": 1, "most": FEW}
    order = ASKS["palette"](model, {"kind": "palette", "level": 1, "most": FEW}).arrays["order"]
    assert sum(decoded) == 0, "the order of codes shows none of them"
    part = ASKS["atlas"](model, asked | {"first": 4, "count": 5}).arrays["tiles"]
    assert (len(part), sum(decoded)) == (5, 5)
    part = ASKS["atlas"](model, asked | {"first": 6, "count": 5}).arrays["tiles"]
    assert (len(part), sum(decoded)) == (5, 7), "those that are known are not decoded again"
    assert len(ASKS["atlas"](model, asked | {"first": 22, "count": 9}).arrays["tiles"]) == 2, "there are 24"
    assert sum(decoded) == 9
    found = atlas(opened, 1, most=FEW)
    found.save(tmp_path / "atlas.png")
    assert sum(decoded) == found.grid.size == len(order)
    found.save(tmp_path / "atlas.html")
    assert sum(decoded) == found.grid.size
    assert np.abs(tiles(opened, 1, np.arange(24), found.among, 1).astype(int) - found.tiles).max() <= 1


@pytest.mark.parametrize("kind", ["vq", "rq", "fsq", "vector"])
def test_a_used_code_looks_as_it_does_in_an_image(token_model: Callable[[str], Opened], kind: str) -> None:
    """Five cells on a side are more than this decoder sees: the tile is that of the image where the code fits best."""
    opened = token_model(kind)
    found, _, _ = counted(opened)
    shown = atlas(opened, 1, most=FEW, margin=0)
    ranked = found.ranked(1)
    tall, wide = shown.size.shape
    for number in np.flatnonzero(found.counts[0])[:6]:
        first = ranked.start[number]
        y, x = divmod(int(ranked.cell[first]), found.grid.width)
        whole = paint(opened, found.codes[ranked.image[first]])
        part = whole[y * tall : (y + 1) * tall, x * wide : (x + 1) * wide]
        assert np.abs(part.astype(int) - shown.tiles[number]).max() <= 1


def test_an_unused_code_takes_the_place_of_the_nearest_used_one(token_model: Callable[[str], Opened]) -> None:
    opened = token_model("lfq")
    found = token_set(opened, "train", 2)
    unused = np.flatnonzero(found.counts[0] == 0)
    assert len(unused), "two images do not use all 32 codes"
    number = int(unused[0])
    used = np.flatnonzero(found.counts[0])
    points = vectors(opened.model, 1)
    stands_in = int(used[torch.cdist(points[[number]], points[used]).argmin()])
    ranked = found.ranked(1)
    first = ranked.start[stands_in]
    y, x = divmod(int(ranked.cell[first]), 8)
    codes = found.codes[ranked.image[first]].astype(np.int64)
    codes[0, y, x] = number
    expected = paint(opened, codes)[y * 4 : y * 4 + 4, x * 4 : x * 4 + 4]
    shown = tiles(opened, 1, np.array([number]), found)[0]
    assert np.abs(expected.astype(int) - shown).max() <= 1


@pytest.mark.parametrize("kind", ["vq", "rq", "lfq", "vector"])
def test_without_the_images_codes_stand_among_mean_codes(token_model: Callable[[str], Opened], kind: str) -> None:
    whole = token_model(kind)
    opened = replace(whole, images=None, missing={"what": "gone", "why": "moved", "fix": "bring back"}, _found={})
    found = atlas(opened, 1, margin=0)
    assert found.counts is None
    assert found.used == 0
    grid, bottleneck = found.grid, opened.model.network.bottleneck
    a, b = min(5, grid.height), min(5, grid.width)
    means = [vectors(opened.model, level).mean(0) for level in range(1, grid.levels + 1)]
    for number in (0, grid.size - 1):
        others = sum(means[1:], torch.zeros_like(means[0]))
        centre = bottleneck.outer((vectors(opened.model, 1)[number] + others)[None])[0]
        z = bottleneck.outer(sum(means)[None])[0][None, :, None, None].repeat(1, 1, a, b)
        z[0, :, a // 2, b // 2] = centre
        with torch.no_grad():
            image = to_uint8(opened.model.network.decoder(z))[0]
        tall, wide = found.size.shape
        top, left = a // 2 * tall, b // 2 * wide
        assert np.abs(found.tiles[number].astype(int) - image[top : top + tall, left : left + wide]).max() <= 1
    about = code(opened, 1, 0)
    assert about.positions is None
    assert len(about.patches) == 0
    assert len(about.near.codes) > 1
    with pytest.raises(UserError, match="gone"):
        token_set(opened)
    assert "not counted" in found.html()
    assert found.sheet().width > 100


@pytest.mark.parametrize("among", [True, False])
def test_one_code_of_too_many_to_list_is_painted_too(token_model: Callable[[str], Opened], among: bool) -> None:
    opened = token_model("large")
    found = counted(opened)[0] if among else None
    unused = int(np.flatnonzero(found.counts[0] == 0)[0]) if found is not None else 5
    assert tiles(opened, 1, np.array([unused]), found, 1).shape == (1, 12, 12, 1)


def test_too_many_codes_are_refused_with_the_reason(token_model: Callable[[str], Opened]) -> None:
    opened = token_model("large")
    for call in (lambda: atlas(opened), lambda: vectors(opened.model, 1), lambda: similar(opened, 1, 5)):
        with pytest.raises(UserError, match="65,536 codes") as refused:
            call()
        assert "16,384" in refused.value.why
        assert refused.value.fix
    assert list(similar(opened, 1, 5, 3).codes) == [5, 1, 4], "one bit away, the lower numbers first"
    found, codes, _ = counted(opened)
    number = int(codes[0, 0, 0, 0])
    assert code(opened, 1, number, most=FEW).count == found.counts[0, number] >= 1


def test_a_million_codes_of_lfq() -> None:
    spec = spec_of("large").model_copy(
        update={"bottleneck": spec_of("large").bottleneck.model_copy(update={"dim": 20})}
    )
    model = Model(build_model(spec), spec, 0, torch.device("cpu"))
    opened = Opened(model, "untrained", 0, Path(), None, None)
    with pytest.raises(UserError, match="1,048,576 codes"):
        atlas(opened)
    assert list(similar(opened, 1, 2**20 - 1, 2).codes) == [2**20 - 1, 2**19 - 1], (
        "one bit away, the lowest number first"
    )
    assert code(opened, 1, 7).near.codes[0] == 7


def test_what_there_is_not_is_refused(token_model: Callable[[str], Opened], opened: Callable[[str], Opened]) -> None:
    vq = token_model("vq")
    for call, part in (
        (lambda: atlas(vq, 0), "level 0"),
        (lambda: atlas(vq, 2), "level 2"),
        (lambda: similar(vq, 1, 24), "code 24"),
        (lambda: code(vq, 1, -1), "code -1"),
    ):
        with pytest.raises(UserError, match=part) as refused:
            call()
        assert refused.value.fix
    with pytest.raises(UserError, match="has no tokens"):
        atlas(opened("gaussian"))


def test_similarity_of_repeated_points_lists_each_once() -> None:
    points = torch.tensor([[0.0], [1.0], [0.0], [1.0], [5.0], [0.0]])
    order = order_by_similarity(points, 4)
    assert list(order[:3]) == [4, 1, 3]
    assert sorted(order) == list(range(6))


@pytest.mark.parametrize("kind", ["vq", "vector"])
def test_the_page_has_every_code_once(token_model: Callable[[str], Opened], kind: str) -> None:
    opened = token_model(kind)
    found: Atlas = atlas(opened, 1, most=FEW, by="similarity")
    html = found.html()
    numbers = [int(part.split("</b>")[0]) for part in html.split('class="all">')[1].split("<b>")[1:]]
    assert numbers == list(ordered(found, "similarity"))
    assert found.counts is not None
    assert html.count("unused</div>") == int((found.counts == 0).sum())
    assert "http" not in html.replace("http-equiv", "")
    assert "<script" not in html
    assert (resources.files("tilework.explore") / "page.css").read_text() in html, "the style that all pages share"
