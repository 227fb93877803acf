"""Eight hours of a fast run in little time: memory of server and page must stay flat. Run: uv run benchmarks/studio_soak.py

A run without a model (`sides/fake_run.py`) writes what eight hours at 60 steps/s would: 172,800 rows of ten series, a mark
every ten seconds, the timeline's frames. Time passes quicker, so live frames are sent as quickly as the page takes them, by a
server that looks for them more often than usual; and the page, which shows the run from its first step, draws a few times a
second only, for else drawing would be all that it had time for. The result holds how many hours of 30 frames/s the
frames taken are.

After a forced garbage collection are read: the page's JavaScript heap, its buffers (frames lie there), its DOM nodes, and the
resident memory of its process and of the server. Growth is from the second tenth of the time to the last.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import studio_harness as studio

HERE = Path(__file__).resolve().parent
STEPS_PER_SECOND, FRAMES_PER_SECOND = 60, 30
SAMPLES = 60
TARGET = 0.10
SELDOM = """(() => {
  const real = window.requestAnimationFrame
  window.requestAnimationFrame = (painter) => { setTimeout(() => real(painter), 200); return 0 }
})()"""
WORDS = {
    "server": "resident memory of the server",
    "heap": "JavaScript heap of the page",
    "buffers": "buffers of the page",
    "page": "resident memory of the page's process",
    "nodes": "DOM nodes of the page",
}


def main() -> int:
    given = studio.read_arguments(
        __doc__ or "", "studio_soak.json", seconds=1800, pairs=0, hours=(8.0, "hours that are simulated"),
        quick=(20.0, "times as often as usual that the server looks for news"), query=("", "of the page, as ?view=all"),
    )  # fmt: skip
    with studio.scratch() as folder:
        root = folder / "runs"
        root.mkdir()
        quick = [str(HERE / "sides/quick_studio.py"), "--quick", str(given.quick)]
        with studio.studio(root, *quick) as (url, server), studio.chromium() as browser:
            samples, frames, faults = soak(given, root, url, server, browser)
    hours = frames / FRAMES_PER_SECOND / 3600
    print(f"  {frames:,} live frames were taken: {hours:.2f} h at {FRAMES_PER_SECOND} a second", file=sys.stderr)
    rows = {f"soak-{kind}": grown(kind, samples, frames, given) for kind in WORDS}
    return studio.finish(given, "studio_soak", rows, faults)


def soak(
    given: argparse.Namespace, root: Path, url: str, server: int, browser: Any
) -> tuple[list[dict[str, float]], int, list[str]]:
    """(samples over the time, live frames that the page took, faults of the page)."""
    steps = int(given.hours * 3600 * STEPS_PER_SECOND)
    # Rows, marks and frames a little quicker than the clock, so that the run is whole at the end.
    rate = 1.02 * steps / given.seconds
    process = studio.start(
        [str(HERE / "sides/fake_run.py"), str(root), "--rate", str(rate), "--frames", "240", "--steps", "0"],
        studio.training_core(),
    )
    try:
        run = studio.wait_for(lambda: next((r for r in root.glob("fake*") if (r / "live").exists()), None), "the run")
        page = studio.watch(browser, url, run, given.query, SELDOM)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        samples = []
        began = time.monotonic()
        every = given.seconds / SAMPLES
        for number in range(SAMPLES + 1):
            time.sleep(max(0.0, began + number * every - time.monotonic()))
            samples.append({"seconds": time.monotonic() - began, **memory(session, server)})
            if process.poll() is not None:
                raise studio.Missing(f"the run ended with {process.returncode}")
        shown = page.evaluate("({frames: __tilework.frames, step: __tilework.shown.step})")
        if shown["step"] < 0.9 * steps:
            raise studio.Missing(f"the page shows step {shown['step']:,} of {steps:,}: give more --seconds")
        return samples, shown["frames"], page.faults
    finally:
        studio.end(process)


def memory(session: Any, server: int) -> dict[str, float]:
    """What is held now, after a collection; MiB, and a number of nodes."""
    # Frames that arrive between the collection and the reading are megabytes of rubbish: the lowest of a few is what is held.
    usage: dict[str, float] = {}
    for _ in range(5):
        session.send("HeapProfiler.collectGarbage")
        again = session.send("Runtime.getHeapUsage")
        usage = again if not usage or again["usedSize"] < usage["usedSize"] else usage
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return {
        "server": psutil.Process(server).memory_info().rss / 2**20,
        "heap": usage["usedSize"] / 2**20,
        "buffers": usage.get("backingStorageSize", 0) / 2**20,
        "page": _renderer() / 2**20,
        "nodes": metrics["Nodes"],
    }


def _renderer() -> int:
    """Resident memory of the largest renderer below this process."""
    sizes = [0]
    for process in psutil.Process().children(recursive=True):
        try:
            if any("--type=renderer" in part for part in process.cmdline()):
                sizes.append(process.memory_info().rss)
        except psutil.Error:
            continue
    return max(sizes)


def grown(kind: str, samples: Sequence[dict[str, float]], frames: int, given: argparse.Namespace) -> dict[str, Any]:
    """The row of one figure: growth after the first tenth, its level, and its slope over the simulated hours."""
    tenth = max(1, len(samples) // 10)
    early = statistics.median(one[kind] for one in samples[tenth : 2 * tenth])
    late = statistics.median(one[kind] for one in samples[-tenth:])
    after = samples[tenth:]
    slope = statistics.linear_regression([one["seconds"] for one in after], [one[kind] for one in after]).slope
    an_hour = slope * given.seconds / given.hours
    unit = "" if kind == "nodes" else " MiB"
    return studio.row(
        f"{given.hours:g} hours of a fast run in {given.seconds:,.0f} s: growth of the {WORDS[kind]} after the first tenth",
        "overhead", TARGET, [late / max(early, 1e-9) - 1], frames=frames, slope_an_hour=an_hour,
        ours={"text": f"{early:,.1f} to {late:,.1f}{unit}, {an_hour:+.2f}{unit} an hour"},
        samples=[round(one[kind], 2) for one in samples],
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
