"""Every preparation draws the same, also on a loaded machine: frames wait for what the sketch asked for."""

# ruff: noqa: E501 - sketches stand in one line here

from __future__ import annotations

import json
import sys
from pathlib import Path

import children
import numpy as np
import pytest
from drawn_sketches import drawn, sketches
from made_media import picture, sketch

from tilework.data import prepare

SHOWS = "function draw() { background(20 * frameCount); fill(230, 20, 20); if (there) rect(10, 5, 20, 20); }"
LATE = {
    "fetch": "fetch('d.json').then((r) => r.json()).then(() => { there = true; })",
    "big fetch": "fetch('big.bin').then((r) => r.arrayBuffer()).then((b) => { there = b.byteLength === 4e6; })",
    "xhr": "(() => { const x = new XMLHttpRequest(); x.open('GET', 'd.json'); x.onload = () => { there = true; }; x.send(); })()",
    "picture": "Object.assign(new Image(), { onload: () => { there = true; } }).src = 'a.png'",
    "bitmap": "fetch('a.png').then((r) => r.blob()).then(createImageBitmap).then(() => { there = true; })",
    "reader": "fetch('a.png').then((r) => r.blob()).then((b) => { const f = new FileReader(); f.onload = () => { there = true; }; f.readAsDataURL(b); })",
    "script": "document.head.append(Object.assign(document.createElement('script'), { src: 'more.js' }))",
    "module": "import('./own.mjs').then((m) => { there = m.yes; })",
    "chain": "fetch('d.json').then(() => fetch('d.json')).then(() => fetch('d.json')).then((r) => r.text()).then(() => setTimeout(() => { there = true; }, 0))",
    "nothing there": "fetch('none.json').then((r) => { there = !r.ok; })",
}


@pytest.fixture
def late(tmp_path) -> Path:
    for name, way in LATE.items():
        folder = sketch(
            tmp_path / "in" / name, f"let there = false; function setup() {{ createCanvas(40, 30); {way}; }} {SHOWS}"
        )
        picture(folder / "a.png", 200, (40, 30))
        (folder / "d.json").write_text(json.dumps({"x": 1}))
        (folder / "big.bin").write_bytes(bytes(4_000_000))
        (folder / "more.js").write_text("there = true;")
        (folder / "own.mjs").write_text("export const yes = true;")
    return tmp_path / "in"


def test_the_first_frame_has_what_setup_asked_for(late, browser):
    source = sketches(late)
    found = drawn(source)
    assert source.unreadable() == []
    assert {name: [int(f[9, 15, 0]) for f in frames] for name, frames in found.items()} == {
        name: [230] * 5 for name in LATE
    }


def test_what_a_frame_asks_for_is_there_in_the_next(tmp_path, browser):
    script = "let n = 0; function setup() { createCanvas(40, 30); } function draw() { background(0); fill(255); rect(0, 0, 4 * n + 1, 30); for (const x of [1, 2]) fetch('sketch.js?' + frameCount + x).then((r) => r.text()).then(() => n++); }"
    (frames,) = drawn(sketches(sketch(tmp_path / "a", script))).values()
    assert [int((f[9, :, 0] > 99).sum()) for f in frames] == [1, 9, 17, 25, 33]


def test_answers_come_in_the_order_of_the_questions(tmp_path, browser):
    sizes = [3_000_000, 10, 800_000, 1, 100_000, 2]
    asks = "".join(
        f"fetch('{n}.bin').then((r) => r.arrayBuffer()).then(() => order.push({n}));" for n in range(len(sizes))
    )
    script = f"const order = []; function setup() {{ createCanvas(60, 30); {asks} }} function draw() {{ background(0); order.forEach((n, i) => {{ fill(40 * n + 40); rect(10 * i, 0, 10, frameCount + 9); }}); }}"
    folder = sketch(tmp_path / "a", script)
    for number, size in enumerate(sizes):
        (folder / f"{number}.bin").write_bytes(bytes(size))
    (frames,) = drawn(sketches(folder)).values()
    assert [int(frames[0][5, 10 * i + 5, 0]) for i in range(6)] == [40, 80, 120, 160, 200, 240]


def test_what_waits_for_a_timer_before_it_draws_gets_it(tmp_path, browser):
    page = "<body><script>setTimeout(() => { const c = document.createElement('canvas'); c.width = 40; c.height = 30; document.body.append(c); const p = c.getContext('2d'); let n = 0; (function go() { p.fillRect(0, 0, ++n * 4, 30); requestAnimationFrame(go); })(); }, 700)</script>"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.html").write_text(page)
    (frames,) = drawn(sketches(tmp_path / "a")).values()
    assert [int((f[9, :, 0] < 99).sum()) for f in frames] == [8, 12, 16, 20, 24]


GL = """<body><canvas id="c" width="40" height="30"></canvas><script>
  const gl = document.getElementById("c").getContext("%s"); let n = 0;
  function step() { n++; gl.enable(gl.SCISSOR_TEST); gl.scissor(4 * n, 0, 6, 20); gl.clearColor(n / 8, 0.2, 0.7, 1); gl.clear(gl.COLOR_BUFFER_BIT); %s }
  %s</script>"""


@pytest.mark.parametrize("kind", ["webgl", "webgl2"])
def test_webgl_is_shown_as_a_browser_shows_it(tmp_path, browser, kind):
    """Emptied between two frames where it is drawn anew, and kept where it is not; without `preserveDrawingBuffer`."""
    for name, often, begins in (
        ("each frame", "requestAnimationFrame(step);", "requestAnimationFrame(step);"),
        ("now and then", "", "setInterval(step, 30);"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(GL % (kind, often, begins))
    found = drawn(sketches(tmp_path, fps=50, background="white", frames=6))
    marks = {
        name: [sorted(set(np.flatnonzero(f[20, :, 1] < 99) // 2)) for f in frames] for name, frames in found.items()
    }
    # Only the newest mark is there, 6 pixels wide: the one before it went when the buffer was emptied.
    assert marks["each frame"] == [[2 * n, 2 * n + 1, 2 * n + 2] for n in range(1, 7)]
    seen = [row[0] // 2 if row else 0 for row in marks["now and then"]]
    assert seen == [0, 0, 1, 2, 2, 3], "what is not drawn anew stays"


@pytest.mark.slow
def test_the_same_on_a_loaded_machine(late, browser):
    (late / "gl").mkdir()
    (late / "gl" / "index.html").write_text(
        GL % ("webgl", "requestAnimationFrame(step);", "requestAnimationFrame(step);")
    )
    quiet = prepare(sketches(late, frames=12))
    busy = [children.start([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    loaded = prepare(sketches(late, frames=12, seconds=119))  # another setting, so it is made again
    for one in busy:
        one.kill()
    assert quiet.skipped == loaded.skipped == []
    assert quiet.content_hash == loaded.content_hash
