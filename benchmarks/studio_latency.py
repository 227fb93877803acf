"""From moving a slider in the page to the changed weight in the loop, and to its marks on the page.

Run: uv run benchmarks/studio_latency.py

A run trains at its own speed on one core; server and headless Chromium share the other. Two sliders are moved in turn, each time
after a pause (a drag would be gathered to one mark). Times are the page's own, from the input event to the end of the animation
frame that drew what is waited for:

    note       the words beside the slider that name the step at which the value took effect
    timeline   the diamond on the timeline
    chart      the dashed line through the curves

Steps are counted in the run's store, which for this logs every step: how many optimiser steps began after the command was
committed and before the first one that felt it. 1 = it acted as soon as the step that was under way was done.
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from collections.abc import Sequence
from typing import Any

import studio_harness as studio
from studio_live import ENDLESS

SETTINGS = ("objective.commitment", "objective.codebook")
HOOK = """
// Counts what is drawn in one go: diamonds on the timeline (four corners, closed and filled) and dashed lines in the chart. A new
// mark is there when there is one more of them than ever before.
(() => {
  const kinds = { timeline: { now: 0, most: 0, at: 0 }, chart: { now: 0, most: 0, at: 0 } }
  const count = (kind) => {
    const one = kinds[kind]
    if (one.now++ === 0) queueMicrotask(() => {
      if (one.now > one.most) Object.assign(one, { most: one.now, at: performance.now() })
      one.now = 0
    })
  }
  const canvas = CanvasRenderingContext2D.prototype
  const { closePath, setLineDash } = canvas
  let corners = 0
  const line = canvas.lineTo, begin = canvas.beginPath
  canvas.beginPath = function () { corners = 0; return begin.call(this) }
  canvas.lineTo = function (x, y) { corners += 1; return line.call(this, x, y) }
  canvas.closePath = function () {
    if (corners === 3 && this.canvas.closest('footer')) count('timeline')
    return closePath.call(this)
  }
  canvas.setLineDash = function (dash) {
    if (dash.length === 2 && dash[0] === 3 && dash[1] === 3) count('chart')
    return setLineDash.call(this, dash)
  }
  window.__marks = kinds
})()
"""
MOVE = """([name, position]) => new Promise((resolve) => {
  const slider = document.getElementById(`steer-${name}`)
  const note = slider.closest('.one').querySelector('.note')
  const before = { note: note.textContent, timeline: __marks.timeline.most, chart: __marks.chart.most }
  const begun = performance.now()
  const found = {}
  const look = () => {
    const now = performance.now()
    if (!('note' in found) && /since/.test(note.textContent) && note.textContent !== before.note) found.note = now - begun
    for (const kind of ['timeline', 'chart'])
      if (!(kind in found) && __marks[kind].most > before[kind]) found[kind] = now - begun
    if (Object.keys(found).length === 3 || now - begun > 5000) resolve(found)
    else requestAnimationFrame(() => setTimeout(look)) // after the page has drawn
  }
  slider.value = position
  slider.dispatchEvent(new Event('input', { bubbles: true }))
  look()
})"""
TARGET_MS = 100.0


def main() -> int:
    given = studio.read_arguments(__doc__ or "", "studio_latency.json", seconds=1.0, pairs=60)
    with studio.scratch() as folder:
        root = folder / "runs"
        root.mkdir()
        with (
            studio.training(root, "rqvae-digits", *ENDLESS, "engine.log_every_steps=1") as run,
            studio.studio(root) as (url, _),
            studio.chromium() as browser,
        ):
            run.reach(50)
            page = studio.open_page(browser, f"{url}#/runs/{run.folder.name}", HOOK)
            studio.until(page, "document.querySelectorAll('.one input[type=range]:enabled').length > 1")
            time.sleep(2)
            found = samples(page, given.pairs, given.seconds)
            time.sleep(1)
            steps = steps_between(run)
            faults = page.faults
    return studio.finish(given, "studio_latency", rows_of(found, steps), faults)


def samples(page: Any, count: int, seconds: float) -> list[dict[str, float]]:
    """Move the sliders in turn, about `seconds` apart, at no particular moment of a step or a frame."""
    at = random.Random(0)
    found = []
    for number in range(count):
        position = 60 + 10 * (number % 20)
        found.append(page.evaluate(MOVE, [SETTINGS[number % 2], position]))
        time.sleep(seconds * at.uniform(0.5, 1.5))
    return found


def steps_between(run: studio.TrainedRun) -> list[int]:
    """For each change: the step that felt it, less the one that was under way when it was committed."""
    done = sorted(run.times().items(), key=lambda one: one[1])
    found = []
    for committed, applied in run.ask(
        "SELECT time, applied_step FROM commands WHERE kind = 'set' AND status = 'applied'"
    ):
        under_way = max((step for step, when in done if when <= committed), default=0) + 1
        found.append(applied - under_way)
    return found


def rows_of(found: list[dict[str, float]], steps: list[int]) -> dict[str, Any]:
    """A row for the steps and one for each mark; a mark that never came counts as the five seconds that were waited."""
    rows = {}
    if steps:
        rows["slider-steps"] = studio.row(
            "a slider's change: optimiser steps from its commit to its effect", "steps", 1, steps, of="steps"
        )
        rows["slider-steps"]["value"]["judged"] = percentile(steps, 95)
    for kind, words in (
        ("note", "note beside it"),
        ("timeline", "mark on the timeline"),
        ("chart", "mark in the curves"),
    ):
        times = [one.get(kind, 5000.0) for one in found]
        rows[f"slider-{kind}"] = studio.row(f"a slider's input event to its {words}", "ms", TARGET_MS, times)
        rows[f"slider-{kind}"]["value"]["judged"] = percentile(times, 95)
    print(f"  steps {json.dumps(steps)}", file=sys.stderr)
    return rows


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` per cent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


if __name__ == "__main__":
    sys.exit(main())
