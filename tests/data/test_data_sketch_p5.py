"""Sketches with p5 itself, both of its generations, where npm can bring it; and the sketches that are shipped."""

# ruff: noqa: E501 - sketches stand in one line here

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_sketches import drawn, sketches
from made_media import sketch

from tilework.data.sketch.found import find_sketches

EXAMPLES = Path(__file__).parents[2] / "examples" / "sketches"


@pytest.fixture
def looping(tmp_path) -> Path:
    for name, script in {
        "plain": "function setup() { createCanvas(64, 48); } function draw() { background(20); fill(250); noStroke(); circle(10 * frameCount, 24, 20); }",
        "webgl": "function setup() { createCanvas(64, 48, WEBGL); } function draw() { background(0); normalMaterial(); rotateY(frameCount / 3); box(24); }",
        "instance": "new p5((s) => { s.setup = () => s.createCanvas(64, 48); s.draw = () => { s.background(s.frameCount * 20); s.line(0, 0, 64, 48); }; });",
        "chance": "function setup() { createCanvas(64, 48); } function draw() { background(255 * noise(frameCount)); for (let i = 0; i < 9; i++) circle(random(64), random(48), 9); }",
        "clock": "function setup() { createCanvas(64, 48); noStroke(); } function draw() { background(0); fill(255); rect(0, 0, millis() / 4, 24); rect(0, 24, deltaTime / 4, 24); }",
        "slow": "function setup() { createCanvas(64, 48); frameRate(5); } function draw() { background(0); fill(255); rect(0, 0, frameCount * 8, 48); }",
        "faulty": "function setup() { createCanvas(64, 48); } function draw() { background(frameCount * 9); line(0, 0, 9, 9); if (frameCount === 3) nowhere(); }",
    }.items():  # fmt: skip
        sketch(tmp_path / "in" / name, script, p5=False)
    return tmp_path / "in"


def test_with_p5_itself(looping, browser, real_p5):
    source = sketches(looping, p5=str(real_p5), size="64x48", fps=25)
    found, again = drawn(source), drawn(source)
    assert {name: len(frames) for name, frames in found.items()} == {
        "plain": 5, "webgl": 5, "instance": 5, "chance": 5, "clock": 5, "slow": 5, "faulty": 2,
    }  # fmt: skip
    assert all(np.array_equal(a, b) for name in found for a, b in zip(found[name], again[name], strict=True))
    middles = [np.flatnonzero(f[24, :, 0] > 200).mean() for f in found["plain"]]
    assert middles == pytest.approx([9.5, 19.5, 29.5, 39.5, 49.5], abs=1)
    assert [int((f[12, :, 0] > 127).sum()) for f in found["clock"]] == [0, 10, 20, 30, 40]
    assert [int((f[36, :, 0] > 127).sum()) for f in found["clock"]] == [0, 10, 10, 10, 10]
    assert [int((f[12, :, 0] > 127).sum()) for f in found["slow"]] == pytest.approx([8, 16, 24, 32, 40], abs=1)
    assert len({f.tobytes() for f in found["webgl"]}) == 5
    assert max(f.std() for f in found["webgl"]) > 20
    (unreadable,) = source.unreadable()
    assert unreadable[0] == "faulty"
    assert "nowhere is not defined (sketch.js:1)" in unreadable[1]


@pytest.mark.slow
@pytest.mark.parametrize("real_p5", ["1.11.2"], indirect=True)
def test_the_shipped_sketches_loop(browser, real_p5):
    source = sketches(EXAMPLES, p5=str(real_p5), size=64, channels=1, frames=181, seconds=60)
    frames: dict[str, list[np.ndarray]] = {}
    for item in source.items():
        if item.frame in {0, 1, 180}:
            frames.setdefault(item.group, []).append(item.pixels.astype(int))
    assert source.unreadable() == []
    assert len(frames) >= 10
    for name, (first, second, last) in frames.items():
        assert np.abs(first - last).mean() < 0.01, f"{name} does not join"
        assert not np.array_equal(first, second), f"{name} stands still"
        assert np.ptp(first, axis=2).max() == 0, f"{name} is not grey"


def test_every_shipped_sketch_is_whole_and_listed():
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    found = find_sketches(str(EXAMPLES), None)
    assert len(found) >= 10
    for one in found:
        assert f"| {one.name} |" in readme
        script = (one.folder / one.begin).read_text(encoding="utf-8")
        assert script.startswith("// "), "its first line describes it"
        assert "frameCount" in script
