"""The `sketches` source: what it finds and what is drawn, with a stand-in for p5 (p5_double.js)."""

# ruff: noqa: E501 - sketches stand in one line here

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest
from drawn_sketches import drawn, sketches
from made_media import MOVING, P5_DOUBLE, image, sketch

from tilework.data.sketch import library
from tilework.data.sketch.found import find_sketches
from tilework.data.sketch.server import ORIGIN, Server
from tilework.errors import UserError

# What is found; without a browser


def test_a_script_a_page_a_folder_and_a_folder_of_them(tmp_path):
    sketch(tmp_path / "in" / "b 10")
    sketch(tmp_path / "in" / "b 2", p5=False)
    (tmp_path / "in" / "page").mkdir()
    (tmp_path / "in" / "page" / "index.html").write_text(
        "<script src='p5.js'></script><script src='sketch.js'></script>"
    )
    (tmp_path / "in" / "page" / "sketch.js").write_text("")
    sketch(tmp_path / "in" / "page" / "inner")
    sketch(tmp_path / "in" / "node_modules" / "x")
    shutil.copy(P5_DOUBLE, tmp_path / "in" / "p5.js")
    found = find_sketches(str(tmp_path / "in"), None)
    assert [(s.name, s.begin) for s in found] == [("b 2", "sketch.js"), ("b 10", "sketch.js"), ("page", "index.html")]
    assert [s.p5[0].parent.name for s in found] == ["in", "b 10", "in"]
    (one,) = find_sketches(str(tmp_path / "in" / "b 2"), None)
    assert (one.name, one.begin) == ("b 2", "sketch.js")
    (script,) = find_sketches(str(tmp_path / "in" / "b 2" / "sketch.js"), None)
    assert (script.name, script.folder.name) == ("b 2", "b 2")
    (tmp_path / "in" / "b 2" / "waves.js").write_text("")
    (other,) = find_sketches(str(tmp_path / "in" / "b 2" / "waves.js"), None)
    assert (other.name, other.begin) == ("waves", "waves.js")
    twice = find_sketches((str(tmp_path / "in" / "b 2"), str(tmp_path / "in" / "b 2")), None)
    assert [s.name for s in twice] == ["b 2", "b 2 (2)"]


def test_what_a_sketch_may_read(tmp_path):
    sketch(tmp_path / "in" / "a")
    (tmp_path / "in" / "secret.txt").write_text("secret")
    (tmp_path / "in" / "a" / "own file.txt").write_text("mine")
    (tmp_path / "in" / "a" / "link.txt").symlink_to(tmp_path / "in" / "secret.txt")
    (one,) = find_sketches(str(tmp_path / "in" / "a"), None)
    server = Server(one, *one.p5)

    def body(url: str) -> bytes | None:
        answer = server.respond(url)
        return None if answer is None else answer.body

    assert body(f"{ORIGIN}/own%20file.txt") == b"mine"
    for way in (
        "../secret.txt",
        "%2e%2e/secret.txt",
        "link.txt",
        "/etc/passwd",
        "..%2fsecret.txt",
        "a%00b",
        "x" * 5000,
    ):
        assert body(f"{ORIGIN}/{way}") == b"", way
    assert server.blocked == []
    for url in (
        "https://example.com/x",
        "http://127.0.0.1/x",
        "file:///etc/passwd",
        "https://sketch.invalid.example.com/",
    ):
        assert body(url) is None
    assert body("https://cdn.example.com/p5@1.9.0/lib/p5.min.js") == P5_DOUBLE.read_bytes()


def test_the_fingerprint_follows_every_file_of_a_sketch_and_p5(tmp_path):
    sketch(tmp_path / "a", p5=False)
    shutil.copy(P5_DOUBLE, tmp_path / "p5.js")
    source = sketches(tmp_path / "a", p5=str(tmp_path / "p5.js"))
    seen = {source.fingerprint()}
    (tmp_path / "a" / "data.json").write_text("[1]")
    seen.add(source.fingerprint())
    (tmp_path / "p5.js").write_text("another")
    seen.add(source.fingerprint())
    assert len(seen) == 3


def test_no_p5_no_browser_no_playwright(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "SHIPPED", tmp_path / "nowhere")
    sketch(tmp_path / "a", p5=False)
    with pytest.raises(UserError) as caught:
        list(sketches(tmp_path / "a").items())
    assert "data.p5=FILE" in caught.value.why
    with pytest.raises(UserError, match="there is no file") as caught:
        list(sketches(tmp_path / "a", p5=str(tmp_path / "none.js")).items())
    assert "p5js.org" in caught.value.fix
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    with pytest.raises(UserError, match="Playwright") as caught:
        list(sketches(sketch(tmp_path / "b")).items())
    assert "tilework[p5]" in caught.value.fix


# What is drawn


def test_frames_follow_the_number(tmp_path, browser):
    script = """
      let t = 0, r = 0, late = 0;
      setInterval(() => t++, 100);
      requestAnimationFrame(function next() { r++; requestAnimationFrame(next); });
      function setup() { createCanvas(40, 30); setTimeout(() => late++, 150); }
      function draw() {
        const values = [frameCount, millis(), deltaTime, performance.now(),
          Date.now() - 1577836800000, new Date().getUTCFullYear() - 2000, t, r, late];
        background(9);
        values.forEach((value, i) => { fill(Math.round(value) % 256, Math.round(value) >> 8, 0); rect(4 * i, 0, 4, 30); });
      }"""
    (frames,) = drawn(sketches(sketch(tmp_path / "a", script), fps=20)).values()
    numbers = [[int(f[15, 4 * i + 2, 0]) + 256 * int(f[15, 4 * i + 2, 1]) for i in range(9)] for f in frames]
    assert [row[0] for row in numbers] == [1, 2, 3, 4, 5]
    for column in (1, 3, 4):
        assert [row[column] for row in numbers] == [0, 50, 100, 150, 200]
    assert [row[2] for row in numbers] == [0, 50, 50, 50, 50]
    assert {row[5] for row in numbers} == {20}
    assert [row[6] for row in numbers] == [0, 0, 1, 1, 2]
    assert [row[7] for row in numbers] == [1, 2, 3, 4, 5]
    assert [row[8] for row in numbers] == [0, 0, 0, 1, 1]


def test_chance_has_a_seed(tmp_path, browser):
    script = """function setup() { createCanvas(40, 30); }
      function draw() { for (let i = 0; i < 99; i++) { fill(random(256) | 0); rect(random(40), Math.random() * 30, 6, 6); }
      fill(crypto.getRandomValues(new Uint8Array(1))[0]); rect(0, 0, 5, 5); }"""
    sketch(tmp_path / "a", script)
    one, again, other = (drawn(sketches(tmp_path / "a", seed=seed))["a"] for seed in (1, 1, 2))
    assert all(map(np.array_equal, one, again))
    assert not np.array_equal(one[0], other[0])
    assert not np.array_equal(one[0], one[1])


def test_instance_mode_noloop_pages_and_alpha(tmp_path, browser):
    sketch(
        tmp_path / "instance",
        "new p5((s) => { s.setup = () => s.createCanvas(40, 30); s.draw = () => { s.fill(s.frameCount * 40); s.rect(0, 0, 20, 30); }; });",
    )
    sketch(
        tmp_path / "stopped",
        "function setup() { noLoop(); createCanvas(40, 30); } function draw() { loop(); fill(frameCount * 40); rect(0, 0, 20, 30); }",
    )
    sketch(tmp_path / "page", "")
    (tmp_path / "page" / "index.html").write_text(
        '<script src="https://cdn.example.com/p5.js"></script><script src="https://cdn.example.com/p5.sound.min.js"></script>'
        f"<script>{MOVING}</script>"
    )
    sketch(tmp_path / "bare", "", p5=False)
    (tmp_path / "bare" / "index.html").write_text(
        "<canvas width=40 height=30></canvas><script>const c = document.querySelector('canvas').getContext('2d'); let n = 0;"
        "(function go() { c.fillStyle = `rgb(${++n * 40},0,0)`; c.fillRect(0, 0, 20, 30); requestAnimationFrame(go); })()</script>"
    )
    source = sketches(tmp_path, background="blue")
    found = drawn(source)
    assert source.unreadable() == []
    for name in ("instance", "stopped"):
        assert [int(f[9, 9, 0]) for f in found[name]] == [40, 80, 120, 160, 200], name
        assert found[name][0][9, 30].tolist() == [0, 0, 255], "transparent pixels show the background"
    assert [int(f[9, 9, 0]) for f in found["bare"]] == [80, 120, 160, 200, 240]
    assert [int((f[9, :, 0] > 200).argmax()) for f in found["page"]] == [1, 2, 3, 4, 5]


def test_files_of_its_own(tmp_path, browser):
    image(tmp_path / "a" / "own.png", 200, (40, 30))
    (tmp_path / "a" / "index.html").write_text(
        '<img src="own.png" hidden><canvas width=40 height=30></canvas><script>let n = 0; const c = document.querySelector("canvas").getContext("2d");'
        '(function go() { c.drawImage(document.querySelector("img"), n++, 0); requestAnimationFrame(go); })()</script>'
    )
    (frames,) = drawn(sketches(tmp_path / "a", background="black")).values()
    assert int(frames[0][9, 39, 0]) > 150
