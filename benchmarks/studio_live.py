"""Drawn frames and data frames a second of the studio's live page. Run: uv run benchmarks/studio_live.py

A run trains at its own speed on one core (one thread); server and headless Chromium share the other. Counted in the page, by
what it drew: redraws of the latent canvas, and different data frames among them. Curves, reconstructions, usage and decoded
codes stand beside it as they always do.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import studio_harness as studio

SAMPLER = """() => {
  const bench = (window.__bench = { seen: new Set(), ticks: 0, longest: 0, begun: performance.now(), drawn: __tilework.drawn })
  let last = performance.now()
  const tick = () => {
    const now = performance.now()
    bench.longest = Math.max(bench.longest, now - last)
    bench.ticks += 1
    last = now
    bench.seen.add(__tilework.shown.seq)
    requestAnimationFrame(tick)
  }
  requestAnimationFrame(tick)
}"""
COUNTED = """() => {
  const { seen, ticks, longest, begun, drawn } = window.__bench
  const seconds = (performance.now() - begun) / 1000
  return {
    seconds, drawn: (__tilework.drawn - drawn) / seconds, data: (seen.size - 1) / seconds, ticks: ticks / seconds,
    longest_gap_ms: longest, points: __tilework.shown.points, marks: __tilework.shown.marks,
  }
}"""
CANVAS = ".stage canvas"
ENDLESS = ("engine.epochs=100000", "engine.early_stopping=null")
RECIPES = {
    "digits": ("rqvae-digits", "1,024 points, 32 codes, curves, 16 reconstructions"),
    "loops": ("p5-loops", "1,024 of the tokens of 8x8 grids, 128 codes, curves, reconstructions"),
}


def main() -> int:
    given = studio.read_arguments(
        __doc__ or "", "studio_live.json", seconds=20, pairs=3, only=("digits,loops", "recipes, comma-separated"),
        warm=(5.0, "seconds before the clock starts"),
    )  # fmt: skip
    rows: dict[str, Any] = {}
    faults: list[str] = []
    with studio.scratch() as folder:
        for name in given.only.split(","):
            found = [measure(name, folder / f"{name}-{number}", given, faults) for number in range(given.pairs)]
            rows |= rows_of(name, found)
    return studio.finish(given, "studio_live", rows, faults)


def measure(name: str, folder: Path, given: argparse.Namespace, faults: list[str]) -> dict[str, float]:
    """One run, one page: what it drew, and how quickly the run trained meanwhile."""
    root = folder / "runs"
    root.mkdir(parents=True)
    with (
        studio.training(root, RECIPES[name][0], *ENDLESS) as run,
        studio.studio(root) as (url, _),
        studio.chromium() as browser,
    ):
        run.reach(1)
        page = studio.watch(browser, url, run.folder)
        time.sleep(given.warm)
        before = page.locator(CANVAS).first.screenshot()
        began = time.time()
        page.evaluate(SAMPLER)
        time.sleep(given.seconds)
        studio.wait_for(lambda: sum(when > began for when in run.times().values()) > 1, "two logged rows")
        found: dict[str, float] = page.evaluate(COUNTED)
        ended = time.time()
        if page.locator(CANVAS).first.screenshot() == before:
            raise studio.Missing("the canvas shows the same pixels as before: nothing moved")
        time.sleep(0.5)  # the last rows are on their way to the store
        found["steps"] = run.speed(began, ended)
        faults += page.faults
    print(
        f"  {name}: {found['drawn']:.1f} drawn/s ({found['ticks']:.1f} animation frames), {found['data']:.1f} data frames/s, "
        f"longest gap {found['longest_gap_ms']:.0f} ms, {found['steps']:.1f} steps/s",
        file=sys.stderr,
    )
    return found


def rows_of(name: str, found: list[dict[str, float]]) -> dict[str, Any]:
    """The rows of one recipe. A run of fewer than 20 steps/s has no 20 different frames a second to show."""
    recipe, what = RECIPES[name]
    steps = sorted(one["steps"] for one in found)[len(found) // 2]
    side = {"text": f"training at {steps:.0f} steps/s", "steps_per_second": steps}
    rows = {}
    for key, target, figure in (("drawn", 50.0, "drawn frames/s"), ("data", 20.0, "data frames/s")):
        rows[f"live-{name}-{key}"] = studio.row(
            f"{recipe} ({what}): {figure} while it trains at its own speed", "per second", target,
            [one[key] for one in found], ours=side, longest_gap_ms=max(one["longest_gap_ms"] for one in found),
        )  # fmt: skip
    if name == "digits":
        rows["live-digits-steps"] = studio.row(
            f"{recipe}: steps/s of the training meanwhile",
            "per second",
            30.0,
            [one["steps"] for one in found],
            ours=side,
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
