"""Sketches that are drawn one after the other on one page: none notices the one before it."""

# ruff: noqa: E501 - sketches stand in one line here

from __future__ import annotations

import numpy as np
import pytest
from drawn_sketches import drawn, sketches
from made_media import sketch

from tilework.data.sketch import tab
from tilework.data.sketch.library import shipped
from tilework.data.sources import sketches as source_of_sketches

# Each leaves something behind in its second frame, or as it goes.
LEAVING = {
    "storage": "localStorage.setItem('left', '1'); sessionStorage.setItem('left', '1'); document.cookie = 'left=1; max-age=9999'",
    "storage as it goes": "addEventListener('pagehide', () => { localStorage.setItem('late', '1'); sessionStorage.setItem('late', '1'); document.cookie = 'late=1; max-age=9999'; window.name = 'late'; })",
    "databases": "new Response(new ReadableStream({ start(to) { const r = indexedDB.open('left'); r.onsuccess = () => to.close(); } })).text(); caches.open('left').then((c) => c.put('/x', new Response('left')))",
    "window": "window.name = 'left'; document.title = 'left'; history.pushState({ left: 1 }, '', '/left'); history.pushState({ left: 2 }, '', '/left2'); location.hash = 'left'",
    "prototypes": "Array.prototype.left = 1; Math.sin = () => 7; CanvasRenderingContext2D.prototype.fillRect = () => {}; window.fetch = null; Promise.prototype.then = null",
    "work": "setInterval(() => {}, 1); (function on() { requestAnimationFrame(on); })(); const c = new MessageChannel(); c.port1.onmessage = () => c.port2.postMessage(0); c.port2.postMessage(0)",
    "listeners": "for (const name of ['message', 'error', 'storage', 'beforeunload', 'unload']) addEventListener(name, (event) => { event.preventDefault(); throw new Error('late'); })",
    "requests": "for (let i = 0; i < 20; i++) fetch('/left-' + i); new Image().src = '/left.png'; addEventListener('pagehide', () => { fetch('https://example.com/late', { keepalive: true }); navigator.sendBeacon('https://example.com/late', 'x'); })",
    "frames": "for (const src of ['/own.html', 'data:text/html,left', 'https://example.com/left']) document.body.append(Object.assign(document.createElement('iframe'), { src }))",
    "errors": "setTimeout(() => { throw new Error('late'); }); Promise.reject(new Error('later')); console.log('left')",
    "webgl": "for (let i = 0; i < 12; i++) document.createElement('canvas').getContext('webgl').clear(16384)",
    "memory": "window.left = new Uint8Array(2 ** 26).fill(1)",
    "fault": "gone.away()",
}  # fmt: skip
# What it can see of the world is painted, a column for each thing.
LOOKING = """
  const seen = [localStorage.length, sessionStorage.length, document.cookie, window.name, document.title, history.length, JSON.stringify(history.state),
    location.href, [].left, Math.sin(0), document.referrer, frames.length, typeof fetch, Math.random(), Date.now(), typeof window.left];
  const later = (found) => { const at = seen.push("?") - 1; new Response(new ReadableStream({ async start(to) { to.enqueue(new TextEncoder().encode(JSON.stringify(await found))); to.close(); } })).text().then((text) => { seen[at] = text; }); };
  later(indexedDB.databases());
  later(caches.keys());
  function setup() { createCanvas(40, 30); }
  function draw() {
    background(0);
    seen.forEach((thing, i) => { let mark = 7; for (const letter of String(thing)) mark = (31 * mark + letter.charCodeAt(0)) % 251; fill(mark); rect(2 * i, frameCount, 2, 20); });
  }"""
WEBGL = (
    "<canvas width=40 height=30></canvas><script>const gl = document.querySelector('canvas').getContext('webgl'); let n = 0;"
    "gl.enable(gl.SCISSOR_TEST); (function go() { gl.scissor(5, 5, 9, 9); gl.clearColor(++n / 10, 0.5, 0, 1); gl.clear(gl.COLOR_BUFFER_BIT); requestAnimationFrame(go); })()</script>"
)


@pytest.fixture
def opened(monkeypatch) -> list[tab.Tab]:
    """The pages that were opened, in the one browser there is."""
    monkeypatch.setattr(source_of_sketches, "_MOST_BROWSERS", 1)
    pages: list[tab.Tab] = []
    real = tab.Tab.open

    async def open_one(self: tab.Tab) -> None:
        pages.append(self)
        await real(self)

    monkeypatch.setattr(tab.Tab, "open", open_one)
    return pages


def test_nothing_of_a_sketch_reaches_the_next(tmp_path, browser, opened):
    sketch(tmp_path / "alone", LOOKING)
    alone = drawn(sketches(tmp_path / "alone", frames=3))["alone"]
    assert len(np.unique(alone[0][10, :36:2, 0])) > 5
    opened.clear()
    for name, way in LEAVING.items():
        leaves = f"function setup() {{ createCanvas(40, 30); }} function draw() {{ rect(frameCount, 0, 9, 9); if (frameCount === 2) {{ {way}; }} }}"
        sketch(tmp_path / "in" / f"{name} 1", leaves)
        sketch(tmp_path / "in" / f"{name} 2", LOOKING)
    source = sketches(tmp_path / "in", frames=3)
    found = drawn(source)
    for name in LEAVING:
        assert len(found[f"{name} 1"]) == (1 if name == "fault" else 3), name
        after = found[f"{name} 2"]
        assert len(after) == 3, name
        for one, other in zip(alone, after, strict=True):
            columns = [int(x) // 2 for x in np.unique(np.nonzero(one != other)[1])]
            assert not columns, (name, sorted(set(columns)))
    assert [name for name, _ in source.unreadable()] == ["fault 1"]
    assert {note.file for note in source.notes() if note.kind == "blocked"} <= {"requests 1", "frames 1"}
    assert len(opened) < len(LEAVING), "most find the page of the one before"


def test_many_webgl_sketches_one_after_the_other(tmp_path, browser, opened):
    for n in range(20):
        (tmp_path / f"{n}").mkdir()
        (tmp_path / f"{n}" / "index.html").write_text(WEBGL)
    found = drawn(sketches(tmp_path, frames=2))
    assert len(found) == 20
    assert {tuple(frame.tobytes() for frame in frames) for frames in found.values()} == {
        tuple(frame.tobytes() for frame in found["0"])
    }
    assert len(opened) == 1


def test_each_seed_has_its_own_chance_on_one_page(tmp_path, browser, opened):
    script = "function setup() { createCanvas(40, 30); } function draw() { fill(Math.random() * 256 | 0); rect(frameCount, 0, 30, 30); }"
    sketch(tmp_path / "a", script)
    together = list(drawn(sketches(tmp_path / "a", seeds=3)).values())
    for seed, frames in enumerate(together):
        (alone,) = drawn(sketches(tmp_path / "a", seed=seed)).values()
        assert all(map(np.array_equal, frames, alone))
    assert not np.array_equal(together[0][0], together[1][0])
    # The seeds of a sketch that has no above and below are seen from other sides.
    other = list(drawn(sketches(tmp_path / "a", seeds=3, turned=True)).values())
    assert all(np.array_equal(after, before) for after, before in zip(other[0], together[0], strict=True))
    assert all(np.array_equal(after, before[:, ::-1]) for after, before in zip(other[1], together[1], strict=True))


def test_a_page_that_keeps_too_much_is_not_given_to_the_next(tmp_path, browser, opened, monkeypatch):
    monkeypatch.setattr(tab, "MOST_LEFT", -1)
    for name in "abc":
        sketch(tmp_path / name)
    assert {name: len(frames) for name, frames in drawn(sketches(tmp_path)).items()} == {"a": 5, "b": 5, "c": 5}
    assert len(opened) == 3


def test_the_shipped_p5_draws_the_same_whether_the_browser_holds_it_or_asks_for_it(tmp_path, browser):
    ours = shipped(1)
    if ours is None:
        pytest.skip("no p5 came with this tilework")
    (tmp_path / "p5.js").write_bytes(ours.read_bytes() + b"\n")  # not known, so it is asked for
    script = "function setup() { createCanvas(40, 30); } function draw() { background(random(99)); circle(noise(frameCount) * 40, 15, 9); if (frameCount === 4) gone.away(); }"
    sketch(tmp_path / "in" / "a", script, p5=False)
    sketch(tmp_path / "in" / "b", script + "//", p5=False)
    held, asked = (sketches(tmp_path / "in", p5=str(p5)) for p5 in (ours, tmp_path / "p5.js"))
    for one, other in zip(drawn(held).values(), drawn(asked).values(), strict=True):
        assert len(one) == 3
        assert all(map(np.array_equal, one, other))
    assert held.unreadable() == asked.unreadable()
    assert "gone is not defined (sketch.js:1)" in held.unreadable()[0][1]
