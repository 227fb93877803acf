"""Sketches of every shape: how they are started, what moves, what moves only with a mouse, and which p5 draws them."""

# ruff: noqa: E501 - sketches stand in one line here

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_sketches import Drawn, drawn, drawn_once, sketches
from made_media import MOVING, P5_DOUBLE, sketch

from tilework.data import prepare
from tilework.data.notes import words
from tilework.data.sketch.chromium import Chromium
from tilework.data.sketch.drawing import Outcome, draw
from tilework.data.sketch.found import find_sketches
from tilework.data.sketch.stage import Pace
from tilework.data.sketch.story import SketchFailed


def widths(frames, level: int = 99) -> list[int]:
    """How many pixels of a row in the middle are dark."""
    return [int((f[9, :, 0] < level).sum()) for f in frames]


def test_a_sketch_that_stands_still_is_one_frame_and_reported(tmp_path, browser):
    sketch(tmp_path / "still", "function setup() { createCanvas(40, 30); } function draw() { rect(5, 5, 20, 20); }")
    sketch(
        tmp_path / "stopped",
        "function setup() { createCanvas(40, 30); noLoop(); } function draw() { rect(0, 0, 4 * frameCount, 20); }",
    )
    sketch(
        tmp_path / "waits",
        "function setup() { createCanvas(40, 30); } function draw() { rect(5, 5, 20, 20); } addEventListener('mousemove', () => 0);",
    )
    sketch(tmp_path / "moves", MOVING)
    store = prepare(sketches(tmp_path, channels=1))
    assert store.skipped == []
    counts = {name: int((store.groups == number).sum()) for number, name in enumerate(store.group_names)}
    assert counts == {"moves": 5, "still": 1, "stopped": 1, "waits": 1}
    assert {note.file: note.kind for note in store.notes} == {
        "still": "static",
        "stopped": "static",
        "waits": "static-with-mouse",
    }
    assert "--set pointer=circle" in words(next(note for note in store.notes if note.file == "waits"))


def test_redraw_and_loop_are_obeyed(tmp_path, browser):
    sketch(
        tmp_path / "own clock",
        "function setup() { createCanvas(40, 30); noLoop(); setInterval(redraw, 100); } function draw() { rect(0, 0, 4 * frameCount, 20); }",
    )
    sketch(
        tmp_path / "stops",
        "function setup() { createCanvas(40, 30); } function draw() { rect(0, 0, 4 * frameCount, 20); if (frameCount === 3) noLoop(); }",
    )
    found = drawn(sketches(tmp_path, fps=20))
    assert widths(found["own clock"]) == [4, 4, 8, 8, 12]
    assert widths(found["stops"]) == [4, 8, 12, 12, 12]


def test_a_pointer_moves_presses_and_is_where_the_frame_shows_it(tmp_path, browser):
    script = """let x = 0, down = 0, clicks = 0;
      addEventListener('mousemove', (e) => { x = e.clientX; }); addEventListener('mousedown', () => down = 1);
      addEventListener('pointerup', () => { down = 0; }); addEventListener('click', () => clicks++);
      function setup() { createCanvas(40, 30); } function draw() { background(255); fill(0); rect(0, 0, x, 15); fill(down ? 0 : 255); rect(0, 15, 10, 15); fill(clicks ? 0 : 255); rect(20, 15, 10, 15); }"""
    sketch(tmp_path / "a", script)
    source = sketches(tmp_path / "a", pointer="sweep", frames=61)
    (frames,) = drawn(source).values()
    (again,) = drawn(source).values()
    assert all(map(np.array_equal, frames, again))
    reach = widths(frames)
    assert reach == sorted(reach)
    assert (reach[0], reach[30], reach[60]) == (4, 20, 36)
    assert [number for number, f in enumerate(frames) if f[22, 5, 0] < 99] == list(range(10, 40))
    assert [number for number, f in enumerate(frames) if f[22, 25, 0] < 99] == list(range(40, 61))
    assert source.notes() == []


def test_another_p5_is_tried_until_one_draws(tmp_path, browser):
    folder = sketch(tmp_path / "a", MOVING, p5=False)
    shutil.copy(P5_DOUBLE, tmp_path / "good.js")
    (tmp_path / "bad.js").write_text(
        "window.p5 = class { constructor() { throw new Error('too old'); } }; addEventListener('load', () => new p5());"
    )
    (one,) = find_sketches(str(folder), str(tmp_path / "good.js"))
    pace = Pace(3, 60.0, 20.0, (512, 512))
    bad, good = tmp_path / "bad.js", tmp_path / "good.js"
    with Chromium() as chromium:
        frames = list(draw(chromium, replace(one, p5=(bad, good)), pace, (0, 0, 0), Outcome()))
        assert [number for number, _ in frames] == [0, 1, 2]
        with pytest.raises(SketchFailed) as caught:
            list(draw(chromium, replace(one, p5=(bad, bad)), pace, (0, 0, 0), Outcome()))
    assert caught.value.trouble.kind == "threw"
    assert "too old" in caught.value.trouble.error


SOUND = """let fft, amp, song, osc, env, heard = 1;
      function setup() { createCanvas(40, 30); osc = new p5.Oscillator('sine'); osc.start(); osc.freq(220, 0.1); osc.amp(0.5).connect();
        env = new p5.Envelope(0.1, 0.5, 0.2, 0.5); env.setADSR(1, 1, 1, 1); env.play(osc); fft = new p5.FFT(0.8, 64); fft.setInput(osc); amp = new p5.Amplitude();
        song = loadSound('none.mp3', () => { heard = 0; }); song.loop(); new p5.Reverb().process(osc, 3, 2); new p5.LowPass().freq(100); new p5.PolySynth().play('A4', 1, 0, 1);
        new p5.Part().addPhrase(new p5.Phrase('x', () => {}, [1])); new p5.AudioIn().start(); userStartAudio(); getAudioContext().resume(); }
      function draw() { background(255); fill(0); rect(0, 0, 4 * frameCount + fft.analyze().length - 64 + fft.waveform().length - 64 + fft.getEnergy('bass') + amp.getLevel() + heard + (song.isPlaying() ? 0 : 9) + osc.getFreq() - 220, 30); }"""
SOUND_PAGE = '<script src="https://cdn.example.com/p5.js"></script><script src="https://cdn.example.com/addons/p5.sound.min.js"></script><script src="sketch.js"></script>'
CONST = "const setup = () => createCanvas(40, 30); let draw = () => rect(0, 0, 4 * frameCount, 20);"
MODULE = "import { wide } from './wide.js'; window.setup = () => createCanvas(40, 30); window.draw = () => rect(0, 0, wide(frameCount), 20);"
FADES = "function setup() { createCanvas(9, 9); } function draw() { background(frameCount * 20); }"


@pytest.fixture
def together(browser, once) -> Drawn:
    """All sketches of the next three tests."""

    def fill(folder: Path) -> None:
        (sketch(folder / "sound", SOUND) / "index.html").write_text(SOUND_PAGE)
        sketch(folder / "const", CONST)
        (sketch(folder / "module", MODULE) / "wide.js").write_text("export const wide = (n) => 4 * n;")
        sketch(folder / "fades", FADES)

    return drawn_once(once, "sketch-looks", fill)


def test_sound_is_silence_and_not_missed(together):
    assert "sound" not in together.unreadable
    assert widths(together.frames["sound"]) == [4, 8, 12, 16, 20]
    assert "sound" not in together.notes


def test_module_scripts_and_names_declared_with_const(together):
    assert together.unreadable == {}
    assert widths(together.frames["const"]) == widths(together.frames["module"]) == [4, 8, 12, 16, 20]


def test_a_sketch_that_fills_its_canvas_with_one_colour_after_another_draws(together):
    assert [int(one[0, 0, 0]) for one in together.frames["fades"]] == [20, 40, 60, 80, 100]
    assert "fades" not in together.unreadable
