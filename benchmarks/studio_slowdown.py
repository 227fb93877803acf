"""How much longer training takes while the studio watches it, and while it only runs. Run: uv run benchmarks/studio_slowdown.py

    viewer      one page in headless Chromium shows the run
    idle        the studio serves, and nobody looks
    neighbour   (--control) the same server and page show another run that needs no training: what a busy second core costs here,
                of which the studio's trainer knows nothing
    alone       no studio, no browser: what the others are compared with

Every side is a run of its own with the same seed and the same number of steps, timed between the same two rows of its store; the
trainer has one core and one thread, everything else the other core. Sides take turns in an order that rotates; the figure is the
median over the rounds of the ratio within a round.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path
from typing import Any

import studio_harness as studio

SIDES = ("alone", "viewer", "idle")
TARGETS = {"viewer": 0.05, "idle": 0.005, "neighbour": 0.05}
CLAIMS = {
    "viewer": "rqvae-digits: time that one viewer adds to training",
    "idle": "rqvae-digits: time that the studio adds to training while nobody looks",
    "neighbour": "rqvae-digits: time that server and page cost a run that they do not show (the machine's share)",
}
FAKE = str(Path(__file__).resolve().parent / "sides" / "fake_run.py")


def main() -> int:
    given = studio.read_arguments(
        __doc__ or "", "studio_slowdown.json", seconds=20, pairs=7, recipe=("rqvae-digits", "what is trained"),
        warm=(250, "steps before the clock starts: by then the page must be there"), control=(False, "the side `neighbour` too"),
    )  # fmt: skip
    sides = (*SIDES, "neighbour") if given.control else SIDES
    rounds: list[dict[str, dict[str, float]]] = []
    faults: list[str] = []
    with studio.scratch() as folder:
        # Untimed: prepares the data, and shows how many steps fill the time.
        steps = max(50, round(given.seconds * side("alone", folder / "first", given, 100, faults)["steps"] / 50) * 50)
        print(f"  {steps} steps a side", file=sys.stderr)
        for number in range(given.pairs):
            turn = number % len(sides)
            order = [*sides[turn:], *sides[:turn]]
            rounds.append({kind: side(kind, folder / f"{number}-{kind}", given, steps, faults) for kind in order})
            speeds = ", ".join(f"{kind} {rounds[-1][kind]['steps']:.2f} steps/s" for kind in sides)
            print(f"  round {number + 1} of {given.pairs}: {speeds}", file=sys.stderr)
    rows = {f"slowdown-{kind}": compared(kind, rounds, steps, given) for kind in sides if kind != "alone"}
    return studio.finish(given, "studio_slowdown", rows, faults)


def side(kind: str, folder: Path, given: argparse.Namespace, steps: int, faults: list[str]) -> dict[str, float]:
    """One run of `kind`: steps/s between step `warm` and `steps` later, and the data frames/s that were drawn meanwhile."""
    root = folder / "runs"
    root.mkdir(parents=True)
    last = given.warm + steps
    data = 0.0
    with contextlib.ExitStack() as stack:
        url, browser = "", None
        if kind != "alone":
            url, _ = stack.enter_context(studio.studio(root))
        if kind in {"viewer", "neighbour"}:
            browser = stack.enter_context(studio.chromium())
        if kind == "neighbour":
            stack.enter_context(_fake(root))
            page = studio.watch(browser, url, next(root.glob("fake*")))
        run = stack.enter_context(
            studio.training(root, given.recipe, f"engine.steps={last + 20}", "engine.early_stopping=null", "seed=1")
        )
        if kind == "viewer":
            page = studio.watch(browser, url, run.folder)
            if run.step() >= given.warm:
                raise studio.Missing(f"the page came after step {given.warm}: give a larger --warm")
        run.reach(given.warm)
        before = page.evaluate("[performance.now(), __tilework.frames]") if browser else None
        run.reach(last, seconds=20 * given.seconds + 300)
        if before:
            after = page.evaluate("[performance.now(), __tilework.frames]")
            data = 1000 * (after[1] - before[1]) / (after[0] - before[0])
            if data < 1:
                raise studio.Missing("the page got no frames: it did not watch")
            faults += page.faults
        times = run.times()
    return {"steps": steps / (times[last] - times[given.warm]), "data": data}


@contextlib.contextmanager
def _fake(root: Path) -> Any:
    """Another run, which only moves points, on the viewing core."""
    process = studio.start([FAKE, str(root), "--rate", "60", "--frames", "16"], studio.viewing_core())
    try:
        studio.wait_for(lambda: any((run / "live").exists() for run in root.glob("fake*")), "the other run")
        time.sleep(0.5)
        yield
    finally:
        studio.end(process)


def compared(
    kind: str, rounds: list[dict[str, dict[str, float]]], steps: int, given: argparse.Namespace
) -> dict[str, Any]:
    """The row of one side: time added, against the run alone in the same round."""
    added = [one["alone"]["steps"] / one[kind]["steps"] - 1 for one in rounds]
    middle = len(rounds) // 2
    ours, alone = (sorted(one[of]["steps"] for one in rounds)[middle] for of in (kind, "alone"))
    shown = sorted(one[kind]["data"] for one in rounds)[middle]
    text = f"{ours:.1f} steps/s" + (f", {shown:.1f} frames/s" if shown else "")
    return studio.row(
        CLAIMS[kind], "overhead", TARGETS[kind], added, steps=steps, warm=given.warm, seconds=given.seconds,
        ours={"text": text, "steps_per_second": ours, "frames_per_second": shown},
        peer={"text": f"alone {alone:.1f} steps/s", "steps_per_second": alone},
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
