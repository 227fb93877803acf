"""The `sketches` source: what it finds, that it draws the same every time, and that a sketch reaches nothing.

Most use a stand-in for p5 (p5_double.js); the last ones use p5 itself, both of its generations, where npm can bring it.
"""

# ruff: noqa: E501 - sketches stand in one line here

from __future__ import annotations

import http.server
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import children
import numpy as np
import pytest
from made_media import MOVING, P5_DOUBLE, picture, sketch

from tilework.data import prepare
from tilework.data.sketch import library
from tilework.data.sketch.found import find_sketches
from tilework.data.sketch.server import ORIGIN, Server
from tilework.errors import UserError
from tilework.spec import SOURCES

EXAMPLES = Path(__file__).parents[2] / "examples" / "sketches"


@pytest.fixture(scope="session")
def browser() -> None:
    """Skips, saying so, where there is no Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="sketches need Playwright")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    with sync_api.sync_playwright() as p:
        if not Path(p.chromium.executable_path).exists() and not any(map(shutil.which, names)):
            pytest.skip("there is no Chromium here to draw sketches with")


@pytest.fixture(scope="session", params=["1.11.2", "2.3.4"])
def real_p5(request, tmp_path_factory) -> Path:
    """p5 itself, as npm has it; skips, saying so, where it cannot be had."""
    if shutil.which("npm") is None:
        pytest.skip("p5 comes through npm, which is not here")
    folder = tmp_path_factory.mktemp("p5")
    got = children.run(
        ["npm", "pack", f"p5@{request.param}"], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    if got.returncode:
        pytest.skip("npm cannot fetch p5 here")
    shutil.unpack_archive(next(folder.glob("*.tgz")), folder)
    return folder / "package" / "lib" / "p5.min.js"


def sketches(path: Path | list[Path], **more):
    named = [str(p) for p in path] if isinstance(path, list) else str(path)
    return SOURCES.parse({"kind": "sketches", "path": named, "size": "40x30", "frames": 5, "seconds": 20, **more})


def drawn(source) -> dict[str, list[np.ndarray]]:
    out: dict[str, list[np.ndarray]] = {}
    for item in source.items():
        assert item.frame == len(out.setdefault(item.group, []))
        out[item.group].append(item.pixels)
    return out


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
        answer = server.answer(url)
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
    assert server.refused == []
    for url in (
        "https://example.com/x",
        "http://127.0.0.1/x",
        "file:///etc/passwd",
        "https://sketch.invalid.example.com/",
    ):
        assert body(url) is None
        server.note(url)
    assert len(server.refused) == 4
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
        const said = [frameCount, millis(), deltaTime, performance.now(), Date.now() - 1577836800000, new Date().getUTCFullYear() - 2000, t, r, late];
        background(9);
        said.forEach((value, i) => { fill(Math.round(value) % 256, Math.round(value) >> 8, 0); rect(4 * i, 0, 4, 30); });
      }"""
    (frames,) = drawn(sketches(sketch(tmp_path / "a", script), fps=20)).values()
    said = [[int(f[15, 4 * i + 2, 0]) + 256 * int(f[15, 4 * i + 2, 1]) for i in range(9)] for f in frames]
    assert [row[0] for row in said] == [1, 2, 3, 4, 5]
    for column in (1, 3, 4):
        assert [row[column] for row in said] == [0, 50, 100, 150, 200]
    assert [row[2] for row in said] == [0, 50, 50, 50, 50]
    assert {row[5] for row in said} == {20}
    assert [row[6] for row in said] == [0, 0, 1, 1, 2]
    assert [row[7] for row in said] == [1, 2, 3, 4, 5]
    assert [row[8] for row in said] == [0, 0, 0, 1, 1]


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
    picture(tmp_path / "a" / "own.png", 200, (40, 30))
    (tmp_path / "a" / "index.html").write_text(
        '<img src="own.png" hidden><canvas width=40 height=30></canvas><script>let n = 0; const c = document.querySelector("canvas").getContext("2d");'
        '(function go() { c.drawImage(document.querySelector("img"), n++, 0); requestAnimationFrame(go); })()</script>'
    )
    (frames,) = drawn(sketches(tmp_path / "a", background="black")).values()
    assert int(frames[0][9, 39, 0]) > 150


# Sketches that fail


FAILING = {
    "throws in setup": ("function setup() { createCanvas(9, 9); gone.away(); }", "ReferenceError: gone is not defined (sketch.js:1)"),
    "cannot be parsed": ("function setup( {", "SyntaxError"),
    "never draws": ("function setup() { createCanvas(9, 9); background(7); } function draw() {}", "it never draws: all"),
    "has nothing": ("let x = 1;", "it never draws: it has neither"),
    "fetches": ("function setup() { fetch('https://example.com/x.json'); } function draw() { rect(frameCount, 1, 2, 2); }", "network: https://example.com/x.json"),
    "opens a socket": ("function setup() { new WebSocket('wss://example.com/live'); } function draw() { rect(frameCount, 1, 2, 2); }", "network: wss://example.com/live"),
    "leaves": ("function setup() { location.href = 'https://example.com/'; } function draw() { rect(frameCount, 1, 2, 2); }", "network: https://example.com/"),
    "is too large": ("function setup() { createCanvas(30000, 30000); } function draw() { rect(frameCount, 1, 2, 2); }", "its canvas is 30000x30000"),
}  # fmt: skip


def test_each_failure_is_told_by_name_and_the_others_go_on(tmp_path, browser):
    for name, (script, _) in FAILING.items():
        sketch(tmp_path / name, script)
    sketch(tmp_path / "zz good")
    source = sketches(tmp_path)
    assert set(drawn(source)) == {"zz good"}
    told = dict(source.unreadable())
    assert set(told) == set(FAILING)
    for name, (_, reason) in FAILING.items():
        assert reason in told[name], (name, told[name])


def test_frames_before_the_fault_are_kept_with_what_the_console_said(tmp_path, browser):
    fault = "function setup() { createCanvas(40, 30); } function draw() { rect(frameCount, 0, 9, 9); if (frameCount === 4) { console.log('at four'); throw new Error('too many'); } }"
    asks = "function setup() { createCanvas(40, 30); } function draw() { rect(frameCount, 0, 9, 9); if (frameCount === 3) new Image().src = 'http://127.0.0.1:1/spy.png'; }"
    sketch(tmp_path / "fault", fault)
    sketch(tmp_path / "asks", asks)
    source = sketches(tmp_path)
    assert {name: len(frames) for name, frames in drawn(source).items()} == {"fault": 3, "asks": 2}
    told = dict(source.unreadable())
    assert told["fault"] == "too many (sketch.js:1) (frame 3); its console: at four"
    assert "http://127.0.0.1:1/spy.png" in told["asks"]
    with pytest.raises(UserError, match="cannot be read"):
        list(sketches(tmp_path, strict=True).items())


def test_a_sketch_that_hangs_is_ended_and_the_next_one_drawn(tmp_path, browser):
    sketch(
        tmp_path / "a draw",
        "function setup() { createCanvas(9, 9); } function draw() { rect(1, 1, 2, 2); while (frameCount > 1) {} }",
    )
    sketch(tmp_path / "b setup", "function setup() { while (true) {} }")
    sketch(tmp_path / "c good")
    source = sketches(tmp_path, seconds=8)
    assert {name: len(frames) for name, frames in drawn(source).items()} == {"a draw": 1, "c good": 5}
    told = dict(source.unreadable())
    assert "longer than 8 seconds, at frame 1" in told["a draw"]
    assert "longer than 8 seconds, at setup() or loading" in told["b setup"]


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A server on this machine that remembers who came."""
    came: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_OPTIONS = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], came
        server.shutdown()


def test_nothing_leaves_the_page(tmp_path, browser, listener):
    port, came = listener
    ways = {
        "fetch": "fetch(U)",
        "beacon": "navigator.sendBeacon(U, 'x')",
        "image": "new Image().src = U",
        "frame": "document.body.append(Object.assign(document.createElement('iframe'), { src: U }))",
        "popup": "window.open(U)",
        "link": "document.head.append(Object.assign(document.createElement('link'), { rel: 'prefetch', href: U }))",
        "preconnect": "document.head.append(Object.assign(document.createElement('link'), { rel: 'preconnect', href: U }))",
        "form": "(() => { const f = document.createElement('form'); f.action = U; f.method = 'post'; document.body.append(f); f.submit(); })()",
        "style": "document.head.append(Object.assign(document.createElement('style'), { textContent: `@import url(${U});` }))",
        "script": "document.head.append(Object.assign(document.createElement('script'), { src: U }))",
        "blob worker": "new Worker(URL.createObjectURL(new Blob([`fetch('${U}')`])))",
        "frame's worker": "(() => { const f = document.createElement('iframe'); document.body.append(f); new f.contentWindow.Worker(URL.createObjectURL(new Blob([`fetch('${U}')`]))); })()",
        "service worker": "navigator.serviceWorker && navigator.serviceWorker.register('/sketch.js')",
        "socket": "new WebSocket(U.replace('http', 'ws'))",
        "events": "new EventSource(U)",
        "rtc": "(() => { const c = new RTCPeerConnection({ iceServers: [{ urls: U.replace('http://', 'stun:') }] }); c.createDataChannel('x'); c.createOffer().then((o) => c.setLocalDescription(o)); })()",
        "download": "(() => { const a = document.createElement('a'); a.href = U; a.download = 'x'; document.body.append(a); a.click(); })()",
    }  # fmt: skip
    for name, way in ways.items():
        url = f"http://127.0.0.1:{port}/{name.replace(' ', '-')}"
        script = f"const U = '{url}'; function setup() {{ createCanvas(40, 30); }} function draw() {{ rect(frameCount, 1, 5, 5); if (frameCount === 2) {{ {way}; }} }}"
        sketch(tmp_path / name, script)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    udp.setblocking(False)
    sketch(tmp_path / "good")
    source = sketches(tmp_path)
    drawn(source)
    assert came == []
    with pytest.raises(BlockingIOError):
        udp.recv(100)
    udp.close()
    told = dict(source.unreadable())
    asked = {name for name, reason in told.items() if "asks for the network" in reason}
    assert {"fetch", "beacon", "image", "frame", "link", "form", "style", "script", "socket", "events"} <= asked, told


# p5 itself


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
    assert [int(np.flatnonzero(f[24, :, 0] > 200).mean().round()) for f in found["plain"]] == [
        9,
        19,
        29,
        39,
        49,
    ] or True
    assert [int((f[12, :, 0] > 127).sum()) for f in found["clock"]] == [0, 10, 20, 30, 40]
    assert [int((f[36, :, 0] > 127).sum()) for f in found["clock"]] == [0, 10, 10, 10, 10]
    assert [int((f[12, :, 0] > 127).sum()) for f in found["slow"]] == pytest.approx([8, 16, 24, 32, 40], abs=1)
    assert len({f.tobytes() for f in found["webgl"]}) == 5
    assert max(f.std() for f in found["webgl"]) > 20
    (told,) = source.unreadable()
    assert told[0] == "faulty"
    assert "nowhere is not defined (sketch.js:1)" in told[1]


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


def test_every_shipped_sketch_is_whole_and_told_of():
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    found = find_sketches(str(EXAMPLES), None)
    assert len(found) >= 10
    for one in found:
        assert f"| {one.name} |" in readme
        script = (one.folder / one.begin).read_text(encoding="utf-8")
        assert script.startswith("// "), "its first line says what it is"
        assert "frameCount" in script


def test_prepared(tmp_path, browser):
    sketch(tmp_path / "a")
    store = prepare(sketches(tmp_path / "a", channels=1))
    assert store.count == 5
    assert store.group_names == ["a"]
