"""A fake trainer that goes on by itself, in a thread: it steps, sends frames, keeps a timeline and obeys."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from commands import PATIENCE

from fakes.scene import Scene
from fakes.trainer import STEPS_PER_EPOCH, FakeTrainer

IMAGES_EVERY = 0.5
POINTS, LEVELS, CODES, SIDE, SHOWN = 1000, 2, 16, 12, 8


class MovingTrainer:
    """One run under `root`, to be entered: it sends until it is left, until `end()`, or after step `last` until then."""

    def __init__(
        self,
        root: Path,
        name: str = "moving",
        codes: bool = True,
        frames_per_second: float = 30.0,
        last: int = 1000,
        per_level: int = CODES,
    ) -> None:
        self.root, self.name, self.last = root, name, last
        self.scene = Scene(POINTS, LEVELS if codes else 0, per_level, SIDE, SHOWN)
        self.pause_between = 1 / frames_per_second
        self.left: int | None = None
        """Steps until the next pause."""
        self._status: str | None = "finished"
        self._stepping, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="trainer")

    def __enter__(self) -> MovingTrainer:
        self._thread.start()
        assert self._stepping.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def id(self) -> str:
        """Of its run."""
        return self.fake.run.id

    @property
    def step(self) -> int:
        """Steps that it has taken."""
        return self.fake.step

    def end(self, status: str | None = "finished") -> None:
        """End; with None like a process that was killed."""
        if self._over.is_set():
            return
        self._status = status
        self._over.set()
        self._thread.join(PATIENCE)

    # In the thread ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        self.fake = FakeTrainer(self.root, self.name, scene=self.scene)
        self.fake.step = 1
        self.fake.keep()
        images_due = 0.0
        while not self._over.is_set():
            if self.fake.base_header["state"] == "running" and self.fake.step < self.last:
                self._step()
            self._obey()
            self.fake.frame()
            if time.monotonic() >= images_due:
                self.fake.frame("images")
                images_due = time.monotonic() + IMAGES_EVERY
            self._stepping.set()
            self._over.wait(self.pause_between)
        self.fake.end(self._status)

    def _step(self) -> None:
        fake = self.fake
        fake.step += 1
        if fake.step % 5 == 0:
            self._log(fake.step, 1 / fake.step)
        if fake.step % STEPS_PER_EPOCH == 0:
            fake.keep()
        if self.left is not None:
            self.left -= 1
            if not self.left:
                self.left, fake.base_header["state"] = None, "paused"

    def _obey(self) -> None:
        for command in self.fake.obey():
            if command.kind == "pause":
                self.fake.base_header["state"] = "paused"
            elif command.kind in {"run", "step"}:
                self.fake.base_header["state"] = "running"
                self.left = int(command.payload.get("n", 1)) if command.kind == "step" else None

    def _log(self, step: int, loss: float) -> None:
        epoch, store = step / STEPS_PER_EPOCH, self.fake.store
        terms = {"loss": 2 * loss, "mse": loss, "commitment": loss, "weight.commitment": 0.25, "weight.mse": 1.0}
        rest = {"lr": 1e-3, "grad_norm": loss, "perplexity.1": 12.0, "perplexity.2": 9.0}
        store.log(step, epoch, terms | rest, "train")
        if step % STEPS_PER_EPOCH == 0:
            store.log(step, epoch, {"loss": 2.2 * loss, "mse": loss, "psnr": 15.0}, "val")
        store.flush()


@contextlib.contextmanager
def finished_run(root: Path, steps: int = 60) -> Iterator[str]:
    """The id of a run that has ended at step `steps`, with some history."""
    with MovingTrainer(root, "ended", frames_per_second=200, last=steps) as trainer:
        end = time.monotonic() + PATIENCE
        while trainer.step < steps:
            assert time.monotonic() < end, f"only step {trainer.step} of {steps} was reached"
            time.sleep(0.02)
    yield trainer.id
