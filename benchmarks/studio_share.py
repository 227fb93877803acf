"""What the trainer itself does for a viewer, without server and browser beside it. Run: uv run benchmarks/studio_share.py

One run on one core and one thread is set, in turn, to being watched and to not being watched; the other core rests.
Each stretch is whole epochs, a few seconds long, and is compared with the one before it, so that a machine that
becomes slower or quicker meanwhile counts little. `studio_slowdown.py` has the whole: this, and what a busy second core costs.

    cpu     the process's own processor time per step
    wall    the time per step
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import studio_harness as studio

from tilework.engine.progress import Silent, Tick

ROWS = 5  # a row every so many steps: the digits' epoch of 25 steps is a whole number of them
SETTLE = 1.5  # seconds after a change that count for neither: the first frames are the dearest
STEPS_OF_EPOCH = 25


def main() -> int:
    given = studio.read_arguments(
        __doc__ or "", "studio_share.json", seconds=4, pairs=20, warm=(100, "steps before the first stretch")
    )  # fmt: skip
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    with studio.scratch() as folder:
        studio.stay_on(studio.training_core())
        import torch

        from tilework import recipe
        from tilework.engine import train

        torch.set_num_threads(1)
        stretches = Stretches(folder / "runs", given.seconds, given.warm, 2 * given.pairs + 1)
        spec = recipe(
            "rqvae-digits", "engine.epochs=null", "engine.steps=1000000", f"engine.log_every_steps={ROWS}",
            "engine.early_stopping=null", "seed=1",
        )  # fmt: skip
        train(spec, root=folder / "runs", progress=stretches)
    return studio.finish(given, "studio_share", rows(stretches.found, given))


class Stretches(Silent):
    """Alternates between watched and alone at rows of the log, and keeps each stretch's (cpu, wall) seconds per step."""

    def __init__(self, root: Path, seconds: float, warm: int, wanted: int) -> None:
        self.root, self.seconds, self.wanted = root, seconds, wanted
        self.found: list[tuple[bool, float, float]] = []
        self.watched = False
        self.ready = 0.0  # when what the change brought has settled
        self.begun: tuple[int, float, float] | None = None
        self.after = warm
        self.watch: Callable[[float], None] | None = None

    def ticked(self, tick: Tick) -> None:
        from tilework.runs.live import LiveReader

        if self.watch is None:
            self.watch = LiveReader(next(self.root.glob("*/live"))).watch
        if self.watched:
            self.watch(SETTLE)
        now = time.perf_counter()
        if self.begun is None:
            if tick.step >= self.after and now >= self.ready and tick.step % STEPS_OF_EPOCH == 0:
                self.begun = (tick.step, time.process_time(), now)
            return
        step, cpu, wall = self.begun
        steps = tick.step - step
        if now - wall < self.seconds or steps % STEPS_OF_EPOCH:
            return
        self.found.append((self.watched, (time.process_time() - cpu) / steps, (now - wall) / steps))
        print(f"  {'watched' if self.watched else 'alone'} {1e3 * self.found[-1][1]:.2f} ms a step", file=sys.stderr)
        self.begun, self.watched = None, not self.watched
        self.ready = now + 2 * SETTLE  # who watched is believed to do so for SETTLE more
        if len(self.found) == self.wanted:
            os.kill(os.getpid(), 2)  # Ctrl-C: the run ends cleanly


def rows(found: list[tuple[bool, float, float]], given: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Each watched stretch against the mean of the two alone before and after it."""
    out = {}
    for place, (name, what) in enumerate((("cpu", "processor time"), ("wall", "time")), start=1):
        added = [
            2 * found[i][place] / (found[i - 1][place] + found[i + 1][place]) - 1 for i in range(1, len(found) - 1, 2)
        ]
        alone, watched = (
            sorted(one[place] for one in found if one[0] is side)[len(found) // 4] for side in (False, True)
        )
        out[f"share-{name}"] = studio.row(
            f"rqvae-digits: {what} that the trainer itself spends for a viewer", "overhead", 0.05, added, warm=given.warm,
            ours={"text": f"{1e3 * watched:.2f} ms a step"}, peer={"text": f"alone {1e3 * alone:.2f} ms a step"},
        )  # fmt: skip
    return out


if __name__ == "__main__":
    sys.exit(main())
