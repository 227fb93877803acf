"""Measures of loops against loops whose measures are known, and repetitions that are found out."""

from __future__ import annotations

import numpy as np
import pytest

from tilework.data.loops import frames
from tilework.dream.loops import Spectrum, measure, nearest_loop, small, spacing
from tilework.spec import Size

SIZE, FRAMES = Size(32, 32), 24


def drawn(name: str, variant: int = 0, count: int = FRAMES) -> np.ndarray:
    return np.stack(list(frames(name, count, SIZE, 1, variant=variant)))


def spectrum(clip: np.ndarray, name: str = "") -> Spectrum:
    return Spectrum.of(name, small(clip), FRAMES)


def test_a_drawn_loop_has_no_seam_and_a_cut_one_has() -> None:
    whole = drawn("orbits", count=60)
    assert measure(whole, loop=True).seam == pytest.approx(1, abs=0.15)
    cut = measure(whole[:25], loop=True)
    assert cut.seam is not None
    assert cut.seam > 1.5
    assert measure(whole, loop=False).seam is None


def test_what_stands_still_has_no_seam_and_no_energy() -> None:
    still = measure(np.full((8, 4, 4, 1), 90, np.uint8), loop=True)
    assert still.seam is None
    assert still.energy == 0
    assert still.roughness == 0


def test_a_sine_is_as_rough_as_the_formula_gives_and_noise_is_rougher() -> None:
    t = np.arange(30) / 30
    wave = 127.5 + 120 * np.cos(2 * np.pi * (t[:, None] + np.linspace(0, 1, 50)[None]))
    sine = measure(wave.reshape(30, 5, 10, 1).round().astype(np.uint8), loop=True)
    assert sine.roughness == pytest.approx(2 * np.sin(np.pi / 30), rel=0.03)
    noise = measure(np.random.default_rng(0).integers(0, 256, (30, 16, 16, 1), dtype=np.uint8), loop=True)
    assert noise.roughness == pytest.approx(np.sqrt(3), rel=0.05)
    assert noise.energy == pytest.approx(np.sqrt(2 / 12), rel=0.05)


@pytest.mark.parametrize("turn", ["as it is", "shifted", "mirrored", "upside down", "backwards", "blurred", "all"])
def test_a_repetition_is_found_by_name(turn: str) -> None:
    named = [(name, variant) for name in ("polygons", "waves", "orbits", "flow") for variant in range(3)]
    training = [spectrum(drawn(name, variant), f"{name} {variant}") for name, variant in named]
    apart = spacing(training)
    for name, variant in named[::2]:
        clip = drawn(name, variant)
        if turn in {"shifted", "all"}:
            clip = np.roll(clip, 7, 0)
        if turn in {"mirrored", "all"}:
            clip = clip[:, :, ::-1]
        if turn in {"upside down"}:
            clip = clip[:, ::-1]
        if turn in {"backwards", "all"}:
            clip = clip[::-1]
        if turn in {"blurred", "all"}:
            clip = (0.8 * clip.astype(float) + 0.2 * np.roll(clip, 1, 2)).astype(np.uint8)
        match = nearest_loop(spectrum(clip), training, apart)
        assert match.same
        assert match.name == f"{name} {variant}"
        if turn == "mirrored":
            assert match.distance < 1e-6
        if turn == "shifted":
            assert match.shift == pytest.approx(1 - 7 / FRAMES)


def test_another_drawing_of_the_same_sketch_repeats_nothing() -> None:
    training = [spectrum(drawn(name, v), f"{name} {v}") for name in ("polygons", "orbits") for v in range(4)]
    apart = spacing(training)
    for name in ("polygons", "orbits"):
        for variant in range(4, 8):
            assert not nearest_loop(spectrum(drawn(name, variant)), training, apart).same


def test_loops_of_other_lengths_are_compared() -> None:
    training = [spectrum(drawn("waves", v, 60), f"waves {v}") for v in range(3)]
    match = nearest_loop(spectrum(drawn("waves", 1, 45)), training, spacing(training))
    assert match.same
    assert match.name == "waves 1"


def test_a_single_training_loop_is_measured_by_its_own_motion() -> None:
    training = [spectrum(drawn("orbits"), "orbits")]
    assert nearest_loop(spectrum(drawn("orbits")), training, spacing(training)).same
    assert not nearest_loop(spectrum(drawn("waves")), training, spacing(training)).same


def test_small_takes_means() -> None:
    image = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 3), dtype=np.uint8)
    expected = image.mean(-1).reshape(2, 16, 2, 16, 4).mean((2, 4)) / 255
    assert np.allclose(small(image), expected, atol=1e-5)
    assert small(image[:, :9, :20]).shape == (2, 16, 16)
