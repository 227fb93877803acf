"""The figures of a report, against brute-force arithmetic and pixel by pixel."""

from __future__ import annotations

import io
import math
import sys

import children
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from numpy.typing import NDArray
from PIL import Image

from tilework.report.cells import voronoi_cells
from tilework.report.contact_sheet import contact_sheet, name_rows, strip, whole_scale
from tilework.report.curves import Curve, Panel, curves, smooth
from tilework.report.dimensions import dimensions
from tilework.report.drawing import png, short_number
from tilework.report.facts import duration, reachable
from tilework.report.latent_map import Scene, class_colours, latent_map, latent_story, nearest
from tilework.report.theme import DARK, LIGHT, Theme
from tilework.report.usage import describe, perplexity, usage


def texts(figure: Figure) -> list[str]:
    """Everything that is written in a figure."""
    figure.draw_without_rendering()
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")) if t.get_visible() and t.get_text()]


def crosses(figure: Figure, theme: Theme) -> list[tuple[float, float]]:
    """Places of all crosses in the colour of what is bad."""
    lines = [
        line
        for axes in figure.axes
        for line in axes.lines
        if line.get_marker() == "x" and line.get_color() == theme.bad
    ]
    return [(float(x), float(y)) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def pixels(figure: Figure) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png(figure))).convert("RGB"))


# Cells and nearest codes


@pytest.mark.parametrize("seed", range(5))
def test_every_place_lies_in_the_cell_of_its_nearest_code(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(rng.integers(1, 40), 2)) * rng.uniform(0.01, 100) + rng.normal(size=2) * 10
    low, high = codes.min(0) - 1, codes.max(0) + 1
    cells = voronoi_cells(codes, (low[0], high[0], low[1], high[1]))
    places = rng.uniform(low, high, size=(300, 2))
    for place in places:
        owner = min(range(len(codes)), key=lambda k: math.dist(codes[k], place))
        assert Outline(cells[owner]).contains_point(place, radius=1e-9)
        others = [k for k in range(len(codes)) if k != owner and Outline(cells[k]).contains_point(place)]
        assert others == []


def test_codes_on_a_line_on_a_grid_and_on_one_spot() -> None:
    box = (-2.0, 2.0, -2.0, 2.0)
    on_a_line = voronoi_cells(np.stack([np.linspace(-1, 1, 5), np.zeros(5)], axis=1), box)
    assert all(Outline(cell).contains_point((x, 1.5)) for cell, x in zip(on_a_line, np.linspace(-1, 1, 5), strict=True))
    grid = np.stack(np.meshgrid(np.arange(4.0), np.arange(4.0)), axis=-1).reshape(-1, 2)
    assert all(Outline(c).contains_point(g) for c, g in zip(voronoi_cells(grid, (0, 3, 0, 3)), grid, strict=True))
    twins = voronoi_cells(np.array([[0.5, 0.5], [0.5, 0.5], [-1.0, 0.0]]), box)
    assert [len(c) > 0 for c in twins] == [True, False, True]
    assert voronoi_cells(np.zeros((0, 2)), box) == []


def test_nearest_is_the_first_of_the_nearest() -> None:
    rng = np.random.default_rng(0)
    points, codes = rng.integers(0, 5, size=(1100, 2)).astype(float), rng.integers(0, 5, size=(30, 2)).astype(float)
    expected = [min(range(30), key=lambda k: (math.dist(codes[k], p), k)) for p in points]
    assert nearest(points, codes).tolist() == expected


# Usage


def test_perplexity_of_known_shares() -> None:
    assert perplexity(np.full(16, 7)) == pytest.approx(16)
    assert perplexity(np.array([0, 9, 0])) == pytest.approx(1)
    assert perplexity(np.zeros(4, dtype=int)) == 0
    # Shares 1/2, 1/4, 1/4 have 1.5 bits of entropy.
    assert perplexity(np.array([2, 1, 1])) == pytest.approx(2**1.5)


def test_a_usage_figure_shows_k_n_and_n_over_k() -> None:
    counts = np.array([512 * 2, 0, 512, 512])
    assert describe(counts) == "3 of 4 used · perplexity 2.8 of 4 · K 4 · N 2,048 · N/K 512"
    few = describe(np.array([1, 1, 0, 0]))
    assert few.endswith(f"uniform use would reach {1 - math.exp(-0.5):.0%}")
    assert reachable(2, 4) == pytest.approx(1 - math.exp(-0.5))


def test_dead_codes_are_crosses_at_their_place() -> None:
    counts = np.array([[5, 0, 7, 0, 3], [1, 1, 1, 1, 0]])
    figure = usage(counts, DARK)
    assert sorted(x for x, _ in crosses(figure, DARK)) == [1, 3, 4]
    heights = [[bar.get_height() for bar in axes.patches] for axes in figure.axes]
    assert heights == counts.tolist()
    assert {"level 1", "level 2", describe(counts[0])} <= set(texts(figure))


def test_a_large_codebook_is_sorted_and_its_dead_are_counted() -> None:
    counts = np.random.default_rng(0).permutation(np.concatenate([np.arange(1, 901), np.zeros(124, dtype=int)]))
    figure = usage(counts)
    assert "124 dead" in texts(figure)
    assert len(crosses(figure, LIGHT)) == 1
    in_order = usage(counts, by_index=True)
    assert [int(x) for x, _ in crosses(in_order, LIGHT)] == np.flatnonzero(counts == 0).tolist()


def test_usage_of_nothing_and_of_one_code() -> None:
    assert len(crosses(usage(np.zeros((1, 8), dtype=int)), LIGHT)) == 8
    assert crosses(usage(np.array([[4]])), LIGHT) == []


# Curves


def test_smoothing_is_a_centred_mean_of_what_is_finite() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=730)
    values[[3, 100, 101, 729]] = [math.nan, math.inf, -math.inf, math.nan]
    expected = []
    for t in range(730):
        window = [v for v in values[max(0, t - 7) : t + 8] if math.isfinite(v)]
        expected.append(sum(window) / len(window) if math.isfinite(values[t]) else math.nan)
    np.testing.assert_allclose(smooth(values), expected, rtol=1e-9)
    spike = np.concatenate([[1e300], np.full(799, 1e-3)])
    np.testing.assert_allclose(smooth(spike)[20:], 1e-3)  # one huge value spoils nothing later
    np.testing.assert_array_equal(smooth(values[:50]), np.where(np.isfinite(values[:50]), values[:50], np.nan))


def test_values_that_are_no_numbers_are_marked() -> None:
    values = np.linspace(1, 0.5, 10)
    values[[2, 7]] = [math.nan, math.inf]
    figure = curves([Panel("loss", [Curve("training", np.arange(10), values)])], DARK)
    assert [x for x, _ in crosses(figure, DARK)] == [2, 7]


def test_scales_legends_and_marks() -> None:
    steps = np.arange(1, 41)
    wide = Panel("loss", [Curve("training", steps, 1.0 / steps), Curve("held-out", steps, 2.0 / steps, held_out=True)])
    narrow = Panel("PSNR", [Curve("held-out", steps, 10 + steps / 40, held_out=True)], "dB")
    used = Panel("codes in use", [Curve("held-out", steps, np.minimum(steps * 100.0, 4096))], most=4096)
    figure = curves([wide, narrow, used], marks=[(20, "resumed")])
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear", "linear"]
    labels = texts(figure)
    assert {"loss", "log", "dB", "training  0.025", "held-out  0.05", "held-out  11", "resumed"} <= set(labels)
    assert labels.count("resumed") == 1
    assert figure.axes[2].get_ylim() == (0, pytest.approx(4096 * 1.08))


@pytest.mark.parametrize(
    "values", [[], [1.0], [0.0, 0.0], [math.nan], [math.inf, math.nan], [1e-30, 1e30], [-5.0, 5.0]]
)
def test_any_values_can_be_drawn(values: list[float]) -> None:
    curve = Curve("training", np.arange(len(values)), np.array(values, dtype=float))
    for theme in (LIGHT, DARK):
        assert pixels(curves([Panel("loss", [curve])], theme)).shape[2] == 3
    assert curves([]).axes == []


# Latent map


def test_the_map_shows_points_codes_and_dead_codes() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    points = rng.normal(size=(200, 2)) * 0.2 + np.array([[0, 0], [2, 0], [0, 2]])[labels]
    codes = np.array([[0.0, 0], [2, 0], [0, 2], [2, 2]])
    figure = latent_map(points, labels, codes, np.array([80, 60, 60, 0]), names=("cat", "dog", "owl"))
    assert crosses(figure, LIGHT)[:1] == [(2.0, 2.0)]
    shown = texts(figure)
    assert {"label", "cat", "dog", "owl", "dead code", "c0", "c1", "c2", "c3"} <= set(shown)
    assert "200 images · 3 of 4 codes in use" in shown
    tints = figure.axes[0].collections[0].get_facecolor()
    assert len(tints) == 3  # the cell of the code that has no image stays clear


def test_a_caption_explains_what_is_what() -> None:
    points = np.random.default_rng(0).normal(size=(50, 2))
    for codes, words in ((0, ["dot = image"]), (4, ["dot = image", "numbered box = code", "cell ="]),
                         (100, ["circle = code"])):  # fmt: skip
        figure = latent_map(
            points, np.zeros(50, int), points[:1].repeat(codes, 0) + np.arange(codes)[:, None], caption=True
        )
        last = texts(figure)
        assert all(any(word in text for text in last) for word in words)
        assert pixels(figure).std() > 0
    assert not any("dot =" in text for text in texts(latent_map(points, np.zeros(50, int), points[:3])))


def test_unlabelled_points_many_classes_and_outlying_codes() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 2))
    points[5] = math.nan
    codes = np.concatenate([rng.normal(size=(100, 2)), [[500.0, 500.0]]])
    assert "1 code outside the map" in "".join(texts(latent_map(points, np.full(300, -1), codes)))
    many = texts(latent_map(points, np.arange(300) % 30, codes))
    assert "and 10 more" in many
    colours = class_colours(np.arange(30))
    assert len(set(colours.values())) == 30
    assert class_colours(np.array([-1, -1])) == {}
    assert class_colours(np.array([9, -1]))[9] == "#92dadd"


@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize("codes", [0, 1, 2])
def test_hardly_anything_to_map(size: int, codes: int) -> None:
    points = np.zeros((size, 2), dtype=np.float32)
    figure = latent_map(points, np.zeros(size, dtype=int), np.zeros((codes, 2)), np.zeros(codes, dtype=int), DARK)
    assert pixels(figure).std() > 0
    scene = Scene.of(points, np.zeros(size, dtype=int), np.zeros((codes, 2)))
    assert len(latent_story([("epoch 0", scene), ("epoch 1", scene)], columns=2).axes) == 2


def test_a_story_keeps_one_frame() -> None:
    rng = np.random.default_rng(0)
    scenes = [
        (f"epoch {k}", Scene.of(rng.normal(size=(50, 2)) * k, np.zeros(50, int), rng.normal(size=(4, 2))))
        for k in (1, 5)
    ]
    figure = latent_story(scenes, columns=2)
    assert len({axes.get_xlim() + axes.get_ylim() for axes in figure.axes}) == 1


# Contact sheets


@pytest.mark.parametrize(("channels", "scale"), [(1, 3), (3, 1), (3, 2)])
def test_pixels_stay_pixels(channels: int, scale: int) -> None:
    rng = np.random.default_rng(0)
    originals, recon = rng.integers(0, 256, size=(2, 5, 6, 8, channels), dtype=np.uint8)
    sheet = np.asarray(contact_sheet(originals, recon, columns=3, scale=scale))
    assert sheet.shape[2] == 4
    high, wide, gap = 6 * scale, 8 * scale, 4
    for number in range(5):
        row, column = divmod(number, 3)
        left = column * (wide + gap)
        for part, images in enumerate((originals, recon)):
            top = row * (2 * high + gap + 3 * gap) + part * (high + gap)
            block = sheet[top : top + high, left : left + wide]
            assert (block[..., 3] == 255).all()
            expected = np.broadcast_to(images[number], (6, 8, 3))
            np.testing.assert_array_equal(block[..., :3], np.kron(expected, np.ones((scale, scale, 1), np.uint8)))
    drawn = 5 * 2 * high * wide
    assert (sheet[..., 3] == 255).sum() == drawn  # everything else is a gap that one can see through


@pytest.mark.parametrize("high", [9, 40])
def test_named_rows_leave_the_pixels_alone(high: int) -> None:
    rng = np.random.default_rng(0)
    originals, recon = rng.integers(0, 256, size=(2, 5, high, 8, 3), dtype=np.uint8)
    sheet = contact_sheet(originals, recon, columns=2, scale=1)
    named = np.asarray(name_rows(sheet, high))
    margin = named.shape[1] - sheet.width
    np.testing.assert_array_equal(named[:, margin:], np.asarray(sheet))
    written = np.flatnonzero(named[:, :margin, 3].any(axis=1))
    for row in range(3):  # three pairs of rows: each has a name at its middle
        for part in range(2):
            middle = row * (2 * high + 16) + part * (high + 4) + high // 2
            assert np.abs(written - middle).min() <= 1


def test_errors_are_on_a_fixed_scale() -> None:
    originals = np.zeros((1, 1, 4, 1), np.uint8)
    recon = np.array([0, 51, 128, 255], np.uint8).reshape(1, 1, 4, 1)
    sheet = np.asarray(contact_sheet(originals, recon, scale=1, errors=True))
    assert sheet[-1, :, 3].tolist() == [0, round(51 / 255 / 0.5 * 255), 255, 255]


def test_sheets_fit_and_refuse_what_is_no_image() -> None:
    images = np.zeros((20, 28, 28, 1), np.uint8)
    for width in (300, 1120, 2000):
        assert contact_sheet(images, images, columns=8, width=width).width <= width
        assert strip(images, width=width).width <= width
    assert whole_scale(28, 16, 1120) == 2
    assert whole_scale(500, 16, 100) == 1
    with pytest.raises(ValueError, match="differ in shape"):
        contact_sheet(images, images[:3])
    with pytest.raises(ValueError, match="uint8"):
        contact_sheet(images.astype(float), images.astype(float))


# Colours, numbers


def test_outlines_where_contrast_is_low() -> None:
    white = Theme("w", "#ffffff", "#000000", "#888888", "#888888", "#eeeeee", "#ff0000", ("#000000",))
    # Published ratios on white: #949494 3.03, #959595 2.99; #ff0000 4.00; #00ff00 1.37.
    assert [white.needs_outline(c) for c in ("#949494", "#959595", "#ff0000", "#00ff00")] == [False, True, False, True]
    assert not any(DARK.needs_outline(line) for line in DARK.lines)
    assert not any(LIGHT.needs_outline(line) for line in LIGHT.lines)


def test_themes_differ_and_figures_repeat() -> None:
    kl = np.array([1.0, 0.001, 0.5])
    assert pixels(dimensions(kl, LIGHT))[0, 0].tolist() == [255, 254, 251]
    assert pixels(dimensions(kl, DARK))[0, 0].tolist() == [21, 26, 33]
    assert png(dimensions(kl)) == png(dimensions(kl))


def test_collapsed_dimensions_are_crosses() -> None:
    figure = dimensions(np.array([1.0, 0.001, 0.5, 0.0]))
    assert [x for x, _ in crosses(figure, LIGHT)] == [2, 4]
    assert f"2 of 4 active (> 0.01 nats) · 1.50 nats = {1.501 / math.log(2):.1f} bits an image" in texts(figure)


def test_small_words_for_numbers() -> None:
    assert [short_number(v) for v in (0, 16, 9999, 12_000, 1.5e6, 2e9)] == ["0", "16", "9,999", "12k", "1.5M", "2G"]
    assert [duration(s) for s in (17, 185, 7800)] == ["17 s", "3 min 5 s", "2 h 10 min"]


def test_figures_leave_pyplot_and_torch_alone() -> None:
    code = (
        "import sys, tilework.report; print([m for m in ('matplotlib.pyplot', 'torch', 'sklearn') if m in sys.modules])"
    )
    done = children.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
