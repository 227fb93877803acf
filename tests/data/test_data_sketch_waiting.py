"""Every preparation draws the same, also on a loaded machine: frames wait for what the sketch asked for."""

# ruff: noqa: E501 - sketches stand in one line here

from __future__ import annotations

import json
import sys
from pathlib import Path

import children
import numpy as np
import pytest
from drawn_sketches import Drawn, drawn_once, sketches
from made_media import image, sketch

from tilework.data import prepare

SHOWS = "function draw() { background(20 * frameCount); fill(230, 20, 20); if (there) rect(10, 5, 20, 20); }"
LATE = {
    "fetch": "fetch('d.json').then((r) => r.json()).then(() => { there = true; })",
    "big fetch": "fetch('big.bin').then((r) => r.arrayBuffer()).then((b) => { there = b.byteLength === 4e6; })",
    "xhr": "(() => { const x = new XMLHttpRequest(); x.open('GET', 'd.json'); x.onload = () => { there = true; }; x.send(); })()",
    "image": "Object.assign(new Image(), { onload: () => { there = true; } }).src = 'a.png'",
    "bitmap": "fetch('a.png').then((r) => r.blob()).then(createImageBitmap).then(() => { there = true; })",
    "reader": "fetch('a.png').then((r) => r.blob()).then((b) => { const f = new FileReader(); f.onload = () => { there = true; }; f.readAsDataURL(b); })",
    "script": "document.head.append(Object.assign(document.createElement('script'), { src: 'more.js' }))",
    "module": "import('./own.mjs').then((m) => { there = m.yes; })",
    "chain": "fetch('d.json').then(() => fetch('d.json')).then(() => fetch('d.json')).then((r) => r.text()).then(() => setTimeout(() => { there = true; }, 0))",
    "nothing there": "fetch('none.json').then((r) => { there = !r.ok; })",
}


NEXT = "let n = 0; function setup() { createCanvas(40, 30); } function draw() { background(0); fill(255); rect(0, 0, 4 * n + 1, 30); for (const x of [1, 2]) fetch('sketch.js?' + frameCount + x).then((r) => r.text()).then(() => n++); }"
SIZES = [3_000_000, 10, 800_000, 1, 100_000, 2]
ASKS = "".join(f"fetch('{n}.bin').then((r) => r.arrayBuffer()).then(() => order.push({n}));" for n in range(len(SIZES)))
ORDER = f"const order = []; function setup() {{ createCanvas(60, 30); {ASKS} }} function draw() {{ background(0); order.forEach((n, i) => {{ fill(40 * n + 40); rect(10 * i, 0, 10, frameCount + 9); }}); }}"
TIMER = "<body><script>setTimeout(() => { const c = document.createElement('canvas'); c.width = 40; c.height = 30; document.body.append(c); const p = c.getContext('2d'); let n = 0; (function go() { p.fillRect(0, 0, ++n * 4, 30); requestAnimationFrame(go); })(); }, 700)</script>"


def late(folder: Path) -> None:
    """Sketches whose setup asks for what comes later."""
    for name, way in LATE.items():
        inside = sketch(
            folder / name, f"let there = false; function setup() {{ createCanvas(40, 30); {way}; }} {SHOWS}"
        )
        image(inside / "a.png", 200, (40, 30))
        (inside / "d.json").write_text(json.dumps({"x": 1}))
        (inside / "big.bin").write_bytes(bytes(4_000_000))
        (inside / "more.js").write_text("there = true;")
        (inside / "own.mjs").write_text("export const yes = true;")


@pytest.fixture
def together(browser, once) -> Drawn:
    """All sketches of the next four tests."""

    def fill(folder: Path) -> None:
        late(folder)
        sketch(folder / "next", NEXT)
        sketch(folder / "order", ORDER)
        for number, size in enumerate(SIZES):
            (folder / "order" / f"{number}.bin").write_bytes(bytes(size))
        (folder / "timer").mkdir()
        (folder / "timer" / "index.html").write_text(TIMER)

    return drawn_once(once, "sketch-waiting", fill)


def test_the_first_frame_has_what_setup_asked_for(together):
    assert together.unreadable == {}
    assert {name: [int(f[9, 15, 0]) for f in together.frames[name]] for name in LATE} == {
        name: [230] * 5 for name in LATE
    }


def test_what_a_frame_asks_for_is_there_in_the_next(together):
    assert [int((f[9, :, 0] > 99).sum()) for f in together.frames["next"]] == [1, 9, 17, 25, 33]


def test_answers_come_in_the_order_of_the_questions(together):
    first = together.frames["order"][0]
    assert [int(first[5, 10 * i + 5, 0]) for i in range(6)] == [40, 80, 120, 160, 200, 240]


def test_what_waits_for_a_timer_before_it_draws_gets_it(together):
    assert [int((f[9, :, 0] < 99).sum()) for f in together.frames["timer"]] == [8, 12, 16, 20, 24]


GL = """<body><canvas id="c" width="40" height="30"></canvas><script>
  const gl = document.getElementById("c").getContext("%s"); let n = 0;
  function step() { n++; gl.enable(gl.SCISSOR_TEST); gl.scissor(4 * n, 0, 6, 20); gl.clearColor(n / 8, 0.2, 0.7, 1); gl.clear(gl.COLOR_BUFFER_BIT); %s }
  %s</script>"""


@pytest.mark.parametrize("kind", ["webgl", "webgl2"])
def test_webgl_is_shown_as_a_browser_shows_it(browser, once, kind):
    """Emptied between two frames where it is drawn anew, and kept where it is not; without `preserveDrawingBuffer`."""

    def fill(folder: Path) -> None:
        for context in ("webgl", "webgl2"):
            for name, often, begins in (
                ("each frame", "requestAnimationFrame(step);", "requestAnimationFrame(step);"),
                ("now and then", "", "setInterval(step, 30);"),
            ):
                inside = folder / f"{context} {name}"
                inside.mkdir(parents=True)
                (inside / "index.html").write_text(GL % (context, often, begins))

    frames = drawn_once(once, "sketch-webgl", fill, fps=50, background="white", frames=6).frames
    found = {name: frames[f"{kind} {name}"] for name in ("each frame", "now and then")}
    marks = {
        name: [sorted(set(np.flatnonzero(f[20, :, 1] < 99) // 2)) for f in frames] for name, frames in found.items()
    }
    # Only the newest mark is there, 6 pixels wide: the one before it went when the buffer was emptied.
    assert marks["each frame"] == [[2 * n, 2 * n + 1, 2 * n + 2] for n in range(1, 7)]
    seen = [row[0] // 2 if row else 0 for row in marks["now and then"]]
    assert seen == [0, 0, 1, 2, 2, 3], "what is not drawn anew stays"


@pytest.mark.slow
def test_the_same_on_a_loaded_machine(tmp_path, browser):
    folder = tmp_path / "in"
    late(folder)
    (folder / "gl").mkdir()
    (folder / "gl" / "index.html").write_text(
        GL % ("webgl", "requestAnimationFrame(step);", "requestAnimationFrame(step);")
    )
    quiet = prepare(sketches(folder, frames=12))
    busy = [children.start([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    loaded = prepare(sketches(folder, frames=12, seconds=119))  # another setting, so it is made again
    for one in busy:
        one.kill()
    assert quiet.skipped == loaded.skipped == []
    assert quiet.content_hash == loaded.content_hash
