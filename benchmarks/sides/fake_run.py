"""A run without a model: rows, marks, timeline and live frames of so many hours, in as little time as one likes.

Like rqvae-digits: 1,024 points, two levels of 16 codes, 16 images of 28x28. Rows come every ten steps, a mark every
`--mark-every` steps, timeline frames at the trainer's spacing. It steps at `--rate` steps/s up to `--steps` (0 = until it is
ended), and sends `--frames` live frames a second. Prints one line of JSON at its end.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from fakes.trainer import STEPS_PER_EPOCH, FakeTrainer

SERIES = (
    "mse",
    "commitment",
    "codebook",
    "loss",
    "grad_norm",
    "lr",
    "perplexity.1",
    "perplexity.2",
    "used.1",
    "used.2",
)
IMAGES_EVERY = 0.5


class FakeRun:
    """One run; `step(n)` takes it to step n, `send()` writes the newest frames."""

    def __init__(self, trainer: FakeTrainer, mark_every: int) -> None:
        self.trainer, self.mark_every, self.next_kept = trainer, mark_every, 1
        trainer.base_header["steps_per_second"] = 60.0

    def step(self, until: int) -> None:
        """Write down everything between here and there."""
        trainer, store = self.trainer, self.trainer.store
        while trainer.step < until:
            trainer.step += 1
            at, epoch = trainer.step, trainer.step / STEPS_PER_EPOCH
            if at % 10 == 0:
                value = 1 / (1 + 0.001 * at)
                store.log(at, epoch, {name: value * (1 + place) for place, name in enumerate(SERIES)}, "train")
            if at % 1500 == 0:
                store.log(at, epoch, {"loss": 1 / at, "mse": 1 / at, "psnr": 15.0}, "val")
            if at % self.mark_every == 0:
                store.event("set", at, name="objective.commitment", before=0.25, value=at % 7 / 7)
            if at >= self.next_kept:
                trainer.keep()
                self.next_kept = at + max(1, at // 48)

    def send(self, images: bool) -> None:
        """The newest frames, if anybody watches."""
        if self.trainer.live is None or not self.trainer.live.watched:
            return
        self.trainer.frame()
        if images:
            self.trainer.frame("images")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--rate", type=float, default=60, help="steps/s")
    parser.add_argument("--frames", type=float, default=30, help="live frames/s")
    parser.add_argument("--steps", type=int, default=0, help="the last step; 0 = until it is ended")
    parser.add_argument("--mark-every", type=int, default=600, help="steps between two marks")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run = FakeRun(FakeTrainer(given.root, total=given.steps or 10**7), given.mark_every)
    began, images_due = time.monotonic(), 0.0
    try:
        while not given.steps or run.trainer.step < given.steps:
            now = time.monotonic()
            run.step(min(int((now - began) * given.rate), given.steps or 10**9))
            run.send(images := now >= images_due)
            if images:
                images_due = now + IMAGES_EVERY
            time.sleep(max(0.0, now + 1 / given.frames - time.monotonic()))
    except KeyboardInterrupt:
        pass
    run.trainer.end()
    print(json.dumps({"steps": run.trainer.step, **run.trainer.seq}))


if __name__ == "__main__":
    main()
