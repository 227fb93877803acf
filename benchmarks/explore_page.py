"""Exploring in a real browser: from the hand to the image, beside the same explorer in Streamlit and Matplotlib.

Run: uv run --group bench benchmarks/explore_page.py

A slider of the Latent page is dragged by the mouse for two seconds, with a VAE of 28x28 and one of 128x128 pixels, while another
run trains with one thread on the other core (`alone`: without it). Times are the page's own, from an input event to the end of
the animation frame that drew its image. The peer (peers/streamlit_matplotlib.py) shows the same run; it hears of a slider only
when it is let go.

    hand       from the newest input event of an ask to its image, painted; 95th percentile
    rate       different images painted a second while the hand moves
    rest       from the last input event to the last image
    release    from letting go to the image, both sides
    open       from the click on "Latent" to the first image: with the model's process at hand, and without
    token      from the pointer on a code of the palette to the painted image, 64x64
    atlas      4,096 codes: from opening the page to every tile drawn; frames a second while it scrolls
    map        the whole set, 20,000 points: frames a second while the pointer is over it, and while it is dragged
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import studio_harness as studio
from explore_latency import BRIEF, LARGE, models_of, trained
from studio_latency import percentile
from studio_live import ENDLESS

PEER = Path(__file__).resolve().parent / "peers" / "streamlit_matplotlib.py"
MOVES_A_SECOND = 60
CODES = (
    "data.kind=loops", "data.size=64x64", "bottleneck.codes=4096", "bottleneck.start=random", "data.variants=8", *BRIEF,
)  # fmt: skip
POINTS = ("data.kind=loops", "data.size=28x28", "data.variants=12", *BRIEF)
HOOK = """
(() => {
  const seen = (window.__seen = { painted: [], edited: [], input: 0, down: 0, asks: new Map(), arrived: 0 })
  addEventListener('input', () => (seen.input = performance.now()), true)
  for (const kind of ['pointermove', 'pointerdown']) addEventListener(kind, () => (seen.down = performance.now()), true)
  const send = WebSocket.prototype.send
  WebSocket.prototype.send = function (text) {
    if (typeof text === 'string' && text.includes('"ask"')) {
      const message = JSON.parse(text)
      if (message.type === 'ask') seen.asks.set(message.ref, { kind: message.ask.kind, input: seen.input, down: seen.down })
    }
    return send.call(this, text)
  }
  const Real = WebSocket
  window.WebSocket = class extends Real {
    constructor(...given) {
      super(...given)
      this.addEventListener('message', ({ data }) => {
        if (typeof data === 'string') return
        const length = new DataView(data).getUint32(0, true)
        seen.arrived = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length))).ref ?? 0
      })
    }
  }
  const put = CanvasRenderingContext2D.prototype.putImageData
  CanvasRenderingContext2D.prototype.putImageData = function (pixels, ...where) {
    const found = put.call(this, pixels, ...where)
    const ask = seen.asks.get(seen.arrived)
    if (ask?.kind === 'paint') requestAnimationFrame(() => setTimeout(() => seen.edited.push(performance.now() - ask.down)))
    if (this.canvas.closest?.('.place') && ask?.kind === 'decode') {
      let sum = 0
      for (let i = 0; i < pixels.data.length; i += 4) sum = (sum * 31 + pixels.data[i]) | 0
      // After the frame that shows it.
      requestAnimationFrame(() => setTimeout(() => seen.painted.push({ input: ask.input, at: performance.now(), sum })))
    }
    return found
  }
})()
"""
PEER_HOOK = """
(() => {
  const seen = (window.__seen = { up: 0, last: '', changes: [] })
  addEventListener('pointerup', () => (seen.up = performance.now()), true)
  addEventListener('mouseup', () => (seen.up = performance.now()), true)
  const look = () => {
    const image = document.querySelector('[data-testid="stImage"] img, .stImage img, [data-testid="stImageContainer"] img')
    if (image?.complete && image.src !== seen.last) { seen.last = image.src; seen.changes.push(performance.now()) }
    requestAnimationFrame(() => setTimeout(look))
  }
  look()
})()
"""
SMALL = {"hand": 40.0, "rest": 50.0, "rate": 30.0}
TARGETS = {"small": SMALL, "alone": SMALL, "large": {"hand": 150.0, "rest": 150.0, "rate": 8.0}}


def main() -> int:
    given = studio.read_arguments(__doc__ or "", "explore_page.json", seconds=2.0, pairs=5, large=(128, "pixels"))
    rows: dict[str, Any] = {}
    faults: list[str] = []
    with studio.scratch() as folder:
        root = folder / "runs"
        root.mkdir()
        runs = {
            "small": trained(root, "vae-digits", *BRIEF),
            "large": trained(root, "vae-digits", *BRIEF, *LARGE, f"data.size={given.large}x{given.large}"),
        }
        codes, points = trained(root, "p5-loops", *CODES), trained(root, "vae-digits", *POINTS)
        drags: dict[str, list[dict[str, Any]]] = {name: [] for name in runs}
        ours: list[float] = []
        theirs: list[float] = []
        drags["alone"] = []
        with studio.studio(root) as (url, _), studio.chromium() as browser:
            for _ in range(given.pairs):
                with closing(latent_page(browser, url, runs["small"])) as page:
                    drags["alone"].append(drag(page, given.seconds))
        with studio.training(root, "rqvae-digits", *ENDLESS) as run, studio.studio(root) as (url, process):
            run.reach(20)
            with studio.chromium() as browser, served(root / runs["small"]) as address:
                for _ in range(given.pairs):
                    for (
                        name,
                        one,
                    ) in runs.items():  # one page at a time: every page that is open takes its share of the core
                        with closing(latent_page(browser, url, one)) as page:
                            drags[name].append(drag(page, given.seconds))
                            faults += page.faults
                        if name == "small":
                            ours.append(drags[name][-1]["release"])
                    if address:
                        with closing(peer_page(browser, address)) as peer:
                            theirs.append(let_go(peer))
                with closing(latent_page(browser, url, runs["small"])) as page:
                    rows |= opened(page.context, url, runs["small"], process, given.pairs)
                    rows |= tokens(page.context, url, codes, given.pairs)
                    rows |= whole_set(page.context, url, points, given.pairs)
    for name, found in drags.items():
        rows |= rows_of(name, found)
    if theirs:
        rows["explore-release"] = studio.row(
            "28x28: from letting a slider go to its image, against Streamlit and Matplotlib", "speedup", 5.0,
            [b / max(a, 1.0) for a, b in zip(ours, theirs, strict=True)],
            ours={"text": f"{statistics.median(ours):.0f} ms"},
            peer={"text": f"{statistics.median(theirs):.0f} ms, nothing while dragging", "script": f"peers/{PEER.name}"},
        )  # fmt: skip
    return studio.finish(given, "explore_page", rows, faults)


# The Latent page ------------------------------------------------------------------------------------------------------


def latent_page(browser: Any, url: str, run: str) -> Any:
    """The page at exact z, after its first image."""
    page = studio.open_page(browser, f"{url}#/runs/{run}/latent?at=zero", HOOK)
    studio.until(page, "window.__seen.painted.length > 0", 120)
    studio.until(page, "document.querySelectorAll('.slider input[type=range]').length > 0", 60)
    time.sleep(2)  # what else the page asks for at its beginning
    return page


def drag(page: Any, seconds: float) -> dict[str, Any]:
    """Drag the first slider to and fro for so long, sixty positions a second."""
    page.bring_to_front()
    box = page.locator(".slider input[type=range]").first.bounding_box()
    y = box["y"] + box["height"] / 2
    low, wide = box["x"] + 0.1 * box["width"], 0.8 * box["width"]
    page.mouse.move(low, y)
    page.mouse.down()
    page.evaluate("window.__seen.painted.length = 0")
    begun = time.perf_counter()
    moves = int(seconds * MOVES_A_SECOND)
    for n in range(1, moves + 1):
        share = abs((n / moves * 3.37) % 2 - 1)
        page.mouse.move(low + wide * share, y)
        time.sleep(max(0.0, begun + n / MOVES_A_SECOND - time.perf_counter()))
    page.mouse.up()
    time.sleep(1)
    painted = page.evaluate("window.__seen.painted")
    last = page.evaluate("window.__seen.input")
    until = painted[0]["input"] + 1000 * seconds if painted else 0
    different = {one["sum"] for one in painted if one["at"] <= until}
    return {
        "hand": [one["at"] - one["input"] for one in painted],
        "rate": len(different) / seconds,
        "rest": max((one["at"] for one in painted), default=last + 5000) - last,
        "release": max(0.0, max((one["at"] for one in painted), default=last + 5000) - last),
    }


def rows_of(name: str, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The rows of one model."""
    target = TARGETS[name]
    size = {"small": "28x28", "alone": "28x28, nothing trains", "large": "128x128"}[name]
    hand = [one for drag in found for one in drag["hand"]] or [5000.0]
    rows = {
        f"explore-{name}-hand": studio.row(f"{size}: input event to its image, painted", "ms", target["hand"], hand),
        f"explore-{name}-rate": studio.row(
            f"{size}: different images while dragging", "per second", target["rate"], [one["rate"] for one in found]
        ),
        f"explore-{name}-rest": studio.row(
            f"{size}: last input event to the last image", "ms", target["rest"], [one["rest"] for one in found]
        ),
    }
    rows[f"explore-{name}-hand"]["value"]["judged"] = percentile(hand, 95)
    return rows


def opened(context: Any, url: str, run: str, process: int, times: int) -> dict[str, Any]:
    """From the address to the first image: with the process at hand, and after it was killed."""
    found: dict[str, list[float]] = {"warm": [], "cold": []}
    address = url.partition("?")[0]
    for _ in range(times):
        for kind in found:
            if kind == "cold":
                for one in models_of(process):
                    one.kill()
            page = context.new_page()
            page.set_default_timeout(60_000)
            page.add_init_script(HOOK)
            page.goto(f"{address}#/runs")
            page.wait_for_selector("article")
            began = page.evaluate("performance.now()")
            page.evaluate(f"location.hash = '#/runs/{run}/latent?at=zero'")
            studio.until(page, "window.__seen.painted.length > 0", 120)
            found[kind].append(page.evaluate("window.__seen.painted[0].at") - began)
            page.close()
    return {
        f"explore-open-{kind}": studio.row(
            f"28x28: from the click to the first image, {'process at hand' if kind == 'warm' else 'process to be started'}",
            "ms", 2000.0 if kind == "warm" else 6000.0, values,
        )
        for kind, values in found.items()
    }  # fmt: skip


# Tokens and codes -----------------------------------------------------------------------------------------------------

READY = (
    "!document.body.innerText.includes('decoded and counted') && document.querySelectorAll('[role=option]').length > 0"
)
SCROLLED = """() => new Promise((resolve) => {
  const list = document.querySelector('[role=listbox].grid')
  const begun = performance.now()
  let frames = 0
  const step = () => {
    frames += 1
    list.scrollTop = (list.scrollHeight - list.clientHeight) * (0.5 - 0.5 * Math.cos((performance.now() - begun) / 400))
    if (performance.now() - begun < 2000) requestAnimationFrame(step)
    else resolve(frames / 2)
  }
  requestAnimationFrame(step)
})"""


def tokens(context: Any, url: str, run: str, times: int) -> dict[str, Any]:
    """A code chosen in the palette; the page of 4,096 codes."""
    address = url.partition("?")[0]
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(HOOK)
    page.goto(f"{address}#/runs/{run}/tokens")
    page.wait_for_selector(".tiles [role=listbox]")
    studio.until(page, "document.querySelectorAll('.tiles [role=option]').length > 0", 120)
    time.sleep(8)  # everything is counted
    box = page.locator(".tiles [role=listbox]").bounding_box()
    edits: list[float] = []
    for n in range(4 * times):
        page.evaluate("window.__seen.edited.length = 0")
        page.mouse.click(box["x"] + box["width"] * (0.1 + 0.8 * (n % 5) / 5), box["y"] + 20 + 30 * (n % 7))
        time.sleep(0.8)
        edits += page.evaluate("window.__seen.edited.slice(0, 1)")  # none where the code was there before
    page.close()
    atlas: list[float] = []
    scroll: list[float] = []
    for _ in range(times):
        page = context.new_page()
        page.set_default_timeout(120_000)
        began = time.perf_counter()
        page.goto(f"{address}#/runs/{run}/codes")
        page.wait_for_selector("[role=listbox].grid")
        studio.until(page, READY, 120)
        atlas.append(1000 * (time.perf_counter() - began))
        scroll.append(page.evaluate(SCROLLED))
        page.close()
    rows = {
        "explore-token": studio.row("64x64: a code chosen to its image, painted", "ms", 60.0, edits),
        "explore-atlas": studio.row("4,096 codes: from the address to every tile", "ms", 2000.0, atlas[1:]),
        "explore-atlas-scroll": studio.row("4,096 codes: frames while they scroll", "per second", 50.0, scroll),
    }
    rows["explore-token"]["value"]["judged"] = percentile(edits, 95)
    rows["explore-atlas"]["first"] = atlas[0]
    return rows


COUNTED = """() => {
  const seen = (window.__frames = { count: 0, begun: performance.now() })
  const step = () => {
    if (window.__frames !== seen) return
    seen.count += 1
    requestAnimationFrame(step)
  }
  requestAnimationFrame(step)
}"""
A_SECOND = "1000 * window.__frames.count / (performance.now() - window.__frames.begun)"


def whole_set(context: Any, url: str, run: str, times: int) -> dict[str, Any]:
    """The map of the data set under a pointer that moves, and under one that drags."""
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{url.partition('?')[0]}#/runs/{run}/latent?at=zero&view=map")
    studio.until(page, "window.__tilework?.shown?.points >= 20000", 120)
    time.sleep(3)
    box = page.get_by_role("application", name="Map of the data set").bounding_box()
    found: dict[str, list[float]] = {"pointer": [], "drag": []}
    for _ in range(times):
        for kind, rates in found.items():
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            if kind == "drag":
                page.mouse.down()
            page.evaluate(COUNTED)
            begun = time.perf_counter()
            for n in range(1, 2 * MOVES_A_SECOND + 1):
                share = abs((n / MOVES_A_SECOND) % 2 - 1) - 0.5
                page.mouse.move(
                    box["x"] + box["width"] * (0.5 + 0.5 * share), box["y"] + box["height"] * (0.5 + 0.3 * share)
                )
                time.sleep(max(0.0, begun + n / MOVES_A_SECOND - time.perf_counter()))
            rates.append(page.evaluate(A_SECOND))
            page.mouse.up()
    page.close()
    return {
        f"explore-map-{kind}": studio.row(
            f"20,000 points: frames while the pointer {does}", "per second", 50.0, found[kind]
        )
        for kind, does in (("pointer", "moves over them"), ("drag", "drags them"))
    }


# The peer -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(run: Path) -> Iterator[str]:
    """The peer's address; "" where Streamlit is not installed."""
    if importlib.util.find_spec("streamlit") is None:
        print("streamlit not installed: `uv run --group bench` brings it; without the peer for now", file=sys.stderr)
        yield ""
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ["STREAMLIT_RUN"] = str(run)
    command = ["-m", "streamlit", "run", str(PEER), "--server.port", str(port), "--server.address", "127.0.0.1",
               "--server.headless", "true", "--browser.gatherUsageStats", "false"]  # fmt: skip
    process = studio.start(command, studio.viewing_core(), out=subprocess.DEVNULL)
    try:

        def answers() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
            if process.poll() is not None:
                raise studio.Missing(f"the peer ended with {process.returncode}")
            return False

        studio.wait_for(answers, "the peer", 60)
        yield f"http://127.0.0.1:{port}/"
    finally:
        studio.end(process)


def peer_page(browser: Any, address: str) -> Any:
    """Its page, after the first image."""
    page = browser.new_context(viewport=studio.WINDOW).new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(PEER_HOOK)
    page.goto(address)
    studio.until(page, "window.__seen.changes.length > 0", 120)
    time.sleep(2)
    return page


def let_go(page: Any) -> float:
    """Drag a slider for a second and let it go: ms until the image has changed."""
    page.bring_to_front()
    thumb = page.locator('[data-testid="stSlider"] [data-testid="stSliderThumbValue"]').first.locator("..")
    box = thumb.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    away = 40 if float(thumb.locator("input").input_value()) <= 0 else -40
    before = page.evaluate("window.__seen.changes.length")
    for n in range(1, 61):
        page.mouse.move(x + away * n / 60, y)
        time.sleep(1 / 60)
    page.mouse.up()
    studio.until(page, f"window.__seen.changes.length > {before}", 30)
    found = page.evaluate("[window.__seen.up, window.__seen.changes]")
    time.sleep(1)
    return float(found[1][before] - found[0])


if __name__ == "__main__":
    sys.exit(main())
