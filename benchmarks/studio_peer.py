"""The studio beside the same view in Gradio and Matplotlib. Run: uv run --group bench benchmarks/studio_peer.py

Both show rqvae-digits while it trains with one thread: 1,024 points, 32 codes, curves, 16 reconstructions.
Counted in headless Chromium: how often a second what is displayed is another image; and how much longer training takes with the
page open than without any view, each side against itself. tilework's trainer has one core, server and browser the other; the
peer is one process, and may use both. Sides take turns in an order that rotates; figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import studio_harness as studio
import studio_slowdown

PEER = str(Path(__file__).resolve().parent / "peers" / "gradio_matplotlib.py")
# The plot's image is a data URL: another text is another image.
COUNTER = """(() => {
  const seen = (window.__seen = { images: 0, last: '' })
  const look = () => {
    const src = document.querySelector('#view img')?.src ?? ''
    if (src && src !== seen.last) { seen.images += 1; seen.last = src }
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
})()"""
SIDES = (("tilework", "alone"), ("tilework", "viewer"), ("peer", "alone"), ("peer", "viewer"))


def main() -> int:
    given = studio.read_arguments(
        __doc__ or "", "studio_peer.json", seconds=20, pairs=5, recipe=("rqvae-digits", "what tilework trains"),
        warm=(250, "steps before the clock starts"), interval=(0.1, "seconds between two ticks of the peer's timer"),
    )  # fmt: skip
    if importlib.util.find_spec("gradio") is None:
        print("gradio not installed: run it as `uv run --group bench benchmarks/studio_peer.py`", file=sys.stderr)
        return 2
    rounds: list[dict[tuple[str, str], dict[str, float]]] = []
    faults: list[str] = []
    with studio.scratch() as folder:
        first = studio_slowdown.side("alone", folder / "first", given, 100, faults)
        steps = max(50, round(given.seconds * first["steps"] / 50) * 50)
        for number in range(given.pairs):
            turn = number % len(SIDES)
            found = {}
            for who, how in [*SIDES[turn:], *SIDES[:turn]]:
                if who == "peer":
                    found[who, how] = peer(how == "viewer", given, steps)
                else:
                    found[who, how] = studio_slowdown.side(how, folder / f"{number}-{how}", given, steps, faults)
            rounds.append(found)
            rates = ", ".join(f"{who} {how} {found[who, how]['steps']:.1f} steps/s" for who, how in SIDES)
            print(f"  round {number + 1} of {given.pairs}: {rates}", file=sys.stderr)
    return studio.finish(given, "studio_peer", rows_of(rounds, steps, given), faults)


def peer(watched: bool, given: argparse.Namespace, steps: int) -> dict[str, float]:
    """One run of the peer: steps/s, and the images a second that its page displayed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1] if watched else 0
    command = [
        PEER,
        "--steps",
        str(steps),
        "--warm",
        str(given.warm),
        "--interval",
        str(given.interval),
        "--port",
        str(port),
    ]
    process = studio.start(command, studio.training_core(), studio.viewing_core(), out=subprocess.PIPE)
    assert process.stdout is not None
    shown = 0.0
    lines: list[str] = []
    try:
        if watched:
            for line in process.stdout:
                lines.append(line)
                if line.strip() == "serving":
                    break
            with studio.chromium() as browser:
                page = browser.new_context(viewport=studio.WINDOW).new_page()
                page.add_init_script(COUNTER)
                page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
                studio.until(page, "window.__seen?.images > 1", 120)
                before, began = page.evaluate("window.__seen.images"), time.monotonic()
                _ended(process, given.seconds)
                shown = (page.evaluate("window.__seen.images") - before) / (time.monotonic() - began)
                lines += process.communicate()[0].splitlines() if process.poll() is None else process.stdout.readlines()
        else:
            lines += process.communicate()[0].splitlines()
        if process.wait() or not lines[-1].startswith("{"):
            raise studio.Missing(f"the peer ended with {process.returncode}:\n{''.join(lines)[-2000:]}")
        return {"steps": json.loads(lines[-1])["steps_per_second"], "data": shown}
    finally:
        studio.end(process)


def _ended(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait for its last step, for at most some multiple of the time that it was to take."""
    studio.wait_for(lambda: process.poll() is not None, "the peer's last step", 30 * seconds + 300, 0.2)


def rows_of(
    rounds: list[dict[tuple[str, str], dict[str, float]]], steps: int, given: argparse.Namespace
) -> dict[str, Any]:
    """Displayed updates a second, and time added to training, of both."""
    shown = {who: statistics.median(one[who, "viewer"]["data"] for one in rounds) for who in ("tilework", "peer")}
    added = {
        who: [one[who, "alone"]["steps"] / one[who, "viewer"]["steps"] - 1 for one in rounds]
        for who in ("tilework", "peer")
    }
    same: dict[str, Any] = {"steps": steps, "warm": given.warm, "interval": given.interval}
    return {
        "view-updates": studio.row(
            "rqvae-digits: displayed updates a second against the same view in Gradio and Matplotlib", "speedup", 5.0,
            [one["tilework", "viewer"]["data"] / max(one["peer", "viewer"]["data"], 1e-9) for one in rounds], **same,
            ours={"text": f"{shown['tilework']:.1f} updates/s"},
            peer={"text": f"{shown['peer']:.1f} updates/s", "script": "peers/gradio_matplotlib.py"},
        ),
        "view-slowdown": studio.row(
            "rqvae-digits: time that the view adds to training, each side against itself", "overhead", 0.05,
            added["tilework"], **same, ours={"text": f"{statistics.median(added['tilework']):+.1%}"},
            peer={"text": f"{statistics.median(added['peer']):+.1%}", "script": "peers/gradio_matplotlib.py"},
        ),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
