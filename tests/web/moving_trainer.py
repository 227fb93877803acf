"""A trainer without a model, in a thread: points and codes that move, pictures, a timeline, and answers to commands."""

from __future__ import annotations

import contextlib
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.runs.folder import RunFolder
from tilework.runs.frames import pack
from tilework.runs.live import LiveWriter
from tilework.runs.lock import RunLock
from tilework.runs.store import RunStore

POINTS, CODES, LEVELS, SIDE = 1000, 16, 2, 12
NAME = "objective.commitment"
KNOB = {
    "name": NAME,
    "label": "commitment",
    "value": 0.25,
    "low": 0.0,
    "high": 2.0,
    "scale": "linear",
    "help": "weight",
}
LR = {
    "name": "optimizer.lr",
    "label": "learning rate",
    "value": 1e-3,
    "low": 1e-5,
    "high": 1.0,
    "scale": "log",
    "help": "",
}
SPEC = "name: moving\nseed: 0\nengine:\n  batch_size: 64\n"


class MovingTrainer:
    """One run under `root`, to be entered: it sends until it is left, until `end()`, or after step `last` until then."""

    def __init__(
        self, root: Path, name: str = "moving", codes: bool = True, frames_per_second: float = 30.0, last: int = 1000
    ) -> None:
        self.run = RunFolder.create(root, name, SPEC)
        self.id = self.run.id
        self.codes, self.pause_between, self.last = codes, 1 / frames_per_second, last
        self.lock = RunLock(self.run)
        self.step, self.state, self.seq = 1, "running", {"motion": 0, "pictures": 0, "timeline": 0}
        self.values = {NAME: 0.25, "optimizer.lr": 1e-3}
        self.applied: list[dict[str, Any]] = []
        self.revived = np.full((LEVELS, CODES), -1, np.int32)
        self.next: str | None = None
        self.budget = 0
        self.stepping = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="trainer")
        self._random = np.random.default_rng(0)
        self._homes = self._random.normal(size=(CODES, 2)).astype(np.float32)

    def __enter__(self) -> MovingTrainer:
        self._thread.start()
        assert self.stepping.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self, status: str | None = "finished") -> None:
        """End; with None like a process that was killed."""
        if self._over.is_set():
            return
        self._status = status
        self._over.set()
        self._thread.join(20)

    # In the thread ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        self.lock.acquire()
        self.store = RunStore.create(self.run.db)
        for key, value in {"status": "running", "total_steps": 1000, "steerable": [KNOB, LR]}.items():
            self.store.set_meta(key, value)
        self.store.event("started", 0)
        self.live = LiveWriter(self.run.live)
        self._keep()
        pictures_due = 0.0
        while not self._over.is_set():
            if self.state == "running" and self.step < self.last:
                self.step += 1
                if self.step % 5 == 0:
                    self._log()
                if self.step % 25 == 0:
                    self._keep()
                if self.budget:
                    self.budget -= 1
                    self.state = "running" if self.budget else "paused"
            self._obey()
            self.live.write("motion", self._frame("motion", self._motion()))
            if time.monotonic() >= pictures_due:
                self.live.write("pictures", self._frame("pictures", self._pictures()))
                pictures_due = time.monotonic() + 0.5
            self.stepping.set()
            self._over.wait(self.pause_between)
        self._finish()

    def _finish(self) -> None:
        status = self._status
        self.live.close()
        if status is not None:
            self.run.live.unlink(missing_ok=True)
            self.store.event(status, self.step, reason="the test is over")
            self.store.set_meta("status", status)
        self.store.close()
        self.lock.release()

    def _log(self) -> None:
        loss = 1 / self.step
        row = {
            "loss": 2 * loss,
            "mse": loss,
            "commitment": loss,
            "weight.commitment": 0.25,
            "lr": 1e-3,
            "grad_norm": loss,
        }
        self.store.log(self.step, self.step / 25, {**row, "perplexity.1": 12.0, "perplexity.2": 9.0}, "train")
        if self.step % 25 == 0:
            self.store.log(self.step, self.step / 25, {"loss": 2.2 * loss, "mse": loss, "psnr": 15.0}, "val")
        self.store.flush()

    def _obey(self) -> None:
        for command in self.store.commands_pending():
            status, said = "applied", {}
            if command.kind == "pause":
                self.state = "paused"
            elif command.kind == "run":
                self.state = "running"
            elif command.kind == "step":
                self.state, self.budget = "running", int(command.payload.get("n", 1))
            elif command.kind == "set":
                name, value = command.payload["name"], float(command.payload["value"])
                if not 0 <= value <= 2:
                    status, said = "refused", {"message": f"{name}={value:g} is out of range; choose 0 to 2"}
                else:
                    said = {"before": self.values[name]}
                    self.values[name] = value
                    self.store.event("set", self.step, name=name, before=said["before"], value=value)
            elif command.kind == "revive":
                self.revived[:, 0] = self.step
            self.store.command_done(command.id, self.step + 1, status, **said)
            said |= {key: command.payload[key] for key in ("name", "value") if key in command.payload}
            self.applied.append(
                {"id": command.id, "kind": command.kind, "step": self.step + 1, "status": status, **said}
            )

    def _keep(self) -> None:
        arrays = self._motion() | {"recon": self._images(8)}
        if self.seq["timeline"] == 0:
            arrays["originals"] = self._images(8)
        name = f"live-{self.step:08d}.frame"
        self.run.snapshots.mkdir(exist_ok=True)
        (self.run.snapshots / name).write_bytes(zlib.compress(self._frame("timeline", arrays), 1))
        self.store.snapshot(self.step, self.step / 25, "live", f"snapshots/{name}")
        self.store.flush()

    # What is sent ----------------------------------------------------------------------------------------------------

    def _frame(self, channel: str, arrays: dict[str, NDArray[Any]]) -> bytes:
        self.seq[channel] += 1
        levels = LEVELS if self.codes else 0
        header = {
            "v": 1, "channel": channel, "seq": self.seq[channel], "time": time.time(), "step": self.step, "epoch": self.step / 25,
            "total_steps": 1000, "steps_per_epoch": 25, "state": self.state, "steps_per_second": 30.0, "pace": None,
            "values": self.values, "applied": self.applied[-32:], "figures": {}, "next": self.next,
            "cost": {"motion_ms": 1.0, "pictures_ms": 1.0, "share": 0.04},
            "view": {
                "kind": "plane", "dim": 2, "levels": levels, "codes": CODES if levels else 0, "grid": [1, 1], "variance": None,
                "points_of": "window", "classes": [str(i) for i in range(10)],
            },
        }  # fmt: skip
        return pack(header, arrays)

    def _motion(self) -> dict[str, NDArray[Any]]:
        turn = 0.02 * self.step
        spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32)
        first = np.arange(POINTS) % CODES
        places = self._homes @ spin
        points = places[first] + 0.15 * self._random.normal(size=(POINTS, 2)).astype(np.float32)
        found = {"points": points.astype(np.float32), "labels": (first % 10).astype(np.int16)}
        if not self.codes:
            return found
        usage = np.full((LEVELS, CODES), 1 / CODES, np.float32)
        idle = np.zeros((LEVELS, CODES), np.int32)
        usage[1, 3], idle[1, 3] = 0, 4000
        assigned = np.stack([first, (first * 7) % CODES], 1).astype(np.int32)
        codes = np.stack([places, 0.2 * places]).astype(np.float32)
        return found | {"assigned": assigned, "codes": codes, "usage": usage, "idle": idle, "revived": self.revived}

    def _pictures(self) -> dict[str, NDArray[Any]]:
        found = {"originals": self._images(8), "recon": self._images(8)}
        if self.codes:
            found["decoded"] = self._images(LEVELS * CODES).reshape(LEVELS, CODES, SIDE, SIDE, 1)
            found["thumbs"] = self._images(32)
            found["nearest"] = self._random.integers(0, 32, (CODES, 4)).astype(np.int32)
        return found

    def _images(self, count: int) -> NDArray[np.uint8]:
        return self._random.integers(0, 256, (count, SIDE, SIDE, 1)).astype(np.uint8)


@contextlib.contextmanager
def finished_run(root: Path, steps: int = 60) -> Any:
    """The id of a run that has ended at step `steps`, with some history."""
    with MovingTrainer(root, "ended", frames_per_second=200, last=steps) as trainer:
        end = time.monotonic() + 60
        while trainer.step < steps:
            assert time.monotonic() < end, f"only step {trainer.step} of {steps} was reached"
            time.sleep(0.02)
    yield trainer.id
