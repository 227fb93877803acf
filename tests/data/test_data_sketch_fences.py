"""What a sketch cannot do to the machine and to the other sketches, and what is reported of one that fails."""

# ruff: noqa: E501 - sketches stand in one line here

from __future__ import annotations

import asyncio
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from drawn_sketches import Drawn, drawn, drawn_once, sketches
from made_media import sketch

from tilework.data.notes import words
from tilework.data.sketch import chromium, requests, stage
from tilework.errors import UserError

FAILING = {
    "throws in setup": ("function setup() { createCanvas(9, 9); gone.away(); }", "ReferenceError: gone is not defined (sketch.js:1)"),
    "cannot be parsed": ("function setup( {", "SyntaxError"),
    "never draws": ("function setup() { createCanvas(9, 9); background(7); } function draw() {}", "it never draws: all"),
    "has nothing": ("let x = 1;", "it never draws: it has neither"),
    "is too large": ("function setup() { createCanvas(30000, 30000); } function draw() { rect(frameCount, 1, 2, 2); }", "its canvas is 30000x30000"),
}  # fmt: skip


FAULT = "function setup() { createCanvas(40, 30); } function draw() { rect(frameCount, 0, 9, 9); if (frameCount === 4) { console.log('at four'); throw new Error('too many'); } }"
NEEDS = "let got; function setup() { createCanvas(40, 30); fetch('https://example.com/x.json').then((a) => { got = a; }).catch(() => {}); } function draw() { rect(frameCount, 0, 9, 9); if (frameCount === 3) got.json(); }"
NETWORK = {
    "fetch": "fetch('https://example.com/a').catch(() => { failed = true; })",
    "xhr": "(() => { const x = new XMLHttpRequest(); x.open('GET', 'https://example.com/a'); x.onerror = () => { failed = true; }; x.send(); })()",
    "image": "Object.assign(new Image(), { onerror: () => { failed = true; } }).src = 'https://example.com/a'",
    "script": "document.head.append(Object.assign(document.createElement('script'), { src: 'https://example.com/a', onerror: () => { failed = true; } }))",
    "style": "document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: 'https://example.com/a', onerror: () => { failed = true; } }))",
    "font": "new FontFace('x', 'url(https://example.com/a)').load().catch(() => { failed = true; })",
    "socket": "new WebSocket('wss://example.com/a').onerror = () => { failed = true; }",
    "events": "new EventSource('https://example.com/a').onerror = () => { failed = true; }",
}
LEAVING = {
    "location": "location.href = 'https://example.com/'",
    "reload": "location.reload()",
    "form": "(() => { const f = document.createElement('form'); f.action = '/x'; document.body.append(f); f.submit(); })()",
    "link": "(() => { const a = document.createElement('a'); a.href = '/x'; document.body.append(a); a.click(); a.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true })); })()",
    "windows": "for (let i = 0; i < 200; i++) { window.open('/x'); const a = document.createElement('a'); a.href = '/x'; a.target = '_blank'; a.click(); }",
    "download": "Object.assign(document.createElement('a'), { href: 'data:,x', download: 'x.txt' }).click()",
    "questions": "if (alert('a') !== undefined || !confirm('b') || prompt('c', '7') !== '7') nowhere()",
    "worker": "new Worker('w.js').postMessage(1)",
    "service worker": "navigator.serviceWorker && navigator.serviceWorker.register('/w.js').catch(() => {})",
    "camera": "navigator.mediaDevices.getUserMedia({ video: true }).catch(() => {})",
    "console": "for (let i = 0; i < 20000; i++) console.log('x'.repeat(1000), i)",
}


@pytest.fixture
def together(browser, once) -> Drawn:
    """All sketches of the next four tests: those that fail stand between the others."""

    def fill(folder: Path) -> None:
        for name, (script, _) in FAILING.items():
            sketch(folder / name, script)
        sketch(folder / "fault", FAULT)
        sketch(folder / "needs", NEEDS)
        for name, way in NETWORK.items():
            script = f"let failed = false; function setup() {{ createCanvas(40, 30); {way}; }} function draw() {{ fill(failed ? 200 : 50); rect(0, 0, frameCount + 9, 30); }}"
            sketch(folder / name, script)
        for name, way in LEAVING.items():
            script = f"function setup() {{ createCanvas(40, 30); }} function draw() {{ rect(0, 0, 5 * frameCount, 30); if (frameCount === 2) {{ {way}; }} }}"
            sketch(folder / name, script)
        sketch(folder / "zz good")

    return drawn_once(once, "sketch-fences", fill)


def test_each_failure_is_reported_by_name_and_the_others_go_on(together):
    assert set(together.frames) == {"fault", "needs", *NETWORK, *LEAVING, "zz good"}
    assert len(together.frames["zz good"]) == 5
    assert set(together.unreadable) == {*FAILING, "fault", "needs"}
    for name, (_, reason) in FAILING.items():
        assert reason in together.unreadable[name], (name, together.unreadable[name])


def test_frames_before_the_fault_are_kept_with_what_the_console_printed(together, tmp_path):
    assert {name: len(together.frames[name]) for name in ("fault", "needs")} == {"fault": 3, "needs": 2}
    reasons = together.unreadable
    assert reasons["fault"] == "too many (sketch.js:1) (frame 3); its console: at four"
    assert reasons["needs"].startswith(
        "TypeError: Cannot read properties of undefined (reading 'json') (sketch.js:1) (frame 2)"
    )
    assert "it asked for the network, which it cannot reach: https://example.com/x.json" in reasons["needs"]
    sketch(tmp_path / "fault", FAULT)
    with pytest.raises(UserError, match="cannot be read"):
        list(sketches(tmp_path, strict=True).items())


def test_a_sketch_goes_on_where_the_network_does_not_answer(together):
    assert {name: [int(f[9, 5, 0]) for f in together.frames[name]] for name in NETWORK} == {
        name: [200] * 5 for name in NETWORK
    }
    for name in NETWORK:
        (note,) = together.notes[name]
        assert (note.kind, len(note.values)) == ("blocked", 1)
        assert "example.com/a" in words(note)


def test_what_would_leave_the_page_or_ask_the_user_does_nothing(together):
    for name in LEAVING:
        assert [int((f[9, :, 0] < 99).sum()) for f in together.frames[name]] == [5, 10, 15, 20, 25], name


@pytest.mark.slow
def test_a_sketch_that_hangs_is_ended_and_the_next_one_drawn(tmp_path, browser):
    sketch(
        tmp_path / "a draw",
        "function setup() { createCanvas(9, 9); } function draw() { rect(1, 1, 2, 2); while (frameCount > 1) {} }",
    )
    sketch(tmp_path / "b setup", "function setup() { while (true) {} }")
    sketch(tmp_path / "c good")
    source = sketches(tmp_path, seconds=25)
    assert {name: len(frames) for name, frames in drawn(source).items()} == {"a draw": 1, "c good": 5}
    reasons = dict(source.unreadable())
    assert "longer than 25 seconds, at frame 1" in reasons["a draw"]
    assert "longer than 25 seconds, at setup() or loading" in reasons["b setup"]


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
        "worker of a frame": "(() => { const f = document.createElement('iframe'); document.body.append(f); new f.contentWindow.Worker(URL.createObjectURL(new Blob([`fetch('${U}')`]))); })()",
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
    assert source.unreadable() == []
    asked = {note.file for note in source.notes() if note.kind == "blocked"}
    assert {"fetch", "beacon", "image", "frame", "style", "script", "socket", "events"} <= asked


# Sketches that take without end


def test_memory_without_end(tmp_path, browser, monkeypatch):
    monkeypatch.setattr(chromium, "MOST_BYTES", 600 * 2**20)
    sketch(
        tmp_path / "a",
        "const kept = []; function setup() { createCanvas(40, 30); } function draw() { rect(frameCount, 0, 9, 9); if (frameCount > 2) for (;;) kept.push(new Uint8Array(2 ** 22).fill(1)); }",
    )
    sketch(tmp_path / "b")
    source = sketches(tmp_path)
    found = drawn(source)
    assert {name: len(frames) for name, frames in found.items()} == {"a": 2, "b": 5}
    ((name, reason),) = source.unreadable()
    assert name == "a"
    assert "memory" in reason or "broke down" in reason


def test_requests_without_end(tmp_path, browser, monkeypatch):
    monkeypatch.setattr(requests, "MOST_REQUESTS", 60)
    flood = "function setup() { createCanvas(40, 30); } function draw() { rect(frameCount, 0, 9, 9); for (let i = 0; i < 30; i++) fetch('sketch.js?' + i + '-' + frameCount); }"
    sketch(tmp_path / "a", flood)
    sketch(tmp_path / "b")
    source = sketches(tmp_path)
    assert {name: len(frames) for name, frames in drawn(source).items()} == {"a": 2, "b": 5}
    assert source.unreadable() == [("a", "it asked for more than 60 files (frame 2)")]


@pytest.mark.parametrize("times", [1, 2])
def test_a_page_that_crashes_is_drawn_once_more(tmp_path, browser, monkeypatch, times):
    sketch(tmp_path / "a")
    sketch(tmp_path / "b")
    real = stage.Stage._some_frames
    crashed = []

    async def crash(self):
        if self.server.sketch.name == "a" and len(crashed) < times:
            crashed.append(True)
            await self._tab.session.send("Page.enable")
            await asyncio.wait({asyncio.ensure_future(self._tab.session.send("Page.crash"))}, timeout=0.1)
        return await real(self)

    monkeypatch.setattr(stage.Stage, "_some_frames", crash)
    source = sketches(tmp_path)
    assert {name: len(frames) for name, frames in drawn(source).items()} == (
        {"a": 5, "b": 5} if times == 1 else {"b": 5}
    )
    assert source.unreadable() == ([] if times == 1 else [("a", "the browser broke down under it")])


def test_who_stops_taking_frames_does_not_wait_for_a_sketch_that_hangs(tmp_path, browser):
    sketch(tmp_path / "a")
    sketch(tmp_path / "b", "function setup() { while (true) {} }")
    frames = sketches(tmp_path, seconds=100_000, frames=100_000).items()
    assert next(frames).group == "a"
    frames.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tilework-sketch")]
