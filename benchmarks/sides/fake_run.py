"""A run without a model: rows, marks, timeline and live frames of so many hours, in as little time as one likes.

Like rqvae-digits: 1,024 points, two levels of 16 codes, 16 pictures of 28x28. Rows come every ten steps, a mark every
`--mark-every` steps, timeline frames at the trainer's spacing. It steps at `--rate` steps/s up to `--steps` (0 = until it is
ended), and sends `--frames` live frames a second. Prints one line of JSON at its end.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tilework.runs.folder import RunFolder
from tilework.runs.frames import pack
from tilework.runs.live import LiveWriter
from tilework.runs.lock import RunLock
from tilework.runs.store import RunStore

POINTS, LEVELS, CODES, SIDE, SHOWN = 1024, 2, 16, 28, 16
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
PICTURES_EVERY = 0.5


class FakeRun:
    """One run; `step(n)` takes it to step n, `send()` writes the newest frames."""

    def __init__(self, root: Path, given: argparse.Namespace) -> None:
        self.folder = RunFolder.create(root, "fake", "name: fake\nseed: 0\nengine:\n  batch_size: 64\n")
        self.lock = RunLock(self.folder)
        self.lock.acquire()
        self.store = RunStore.create(self.folder.db)
        self.total, self.mark_every = given.steps or 10**7, given.mark_every
        for key, value in {"status": "running", "total_steps": self.total, "steerable": []}.items():
            self.store.set_meta(key, value)
        self.store.event("started", 0)
        self.live = LiveWriter(self.folder.live)
        self.at, self.next_kept, self.sent = 0, 1, {"motion": 0, "pictures": 0, "timeline": 0}
        self.random = np.random.default_rng(0)
        self.homes = self.random.normal(size=(CODES, 2)).astype(np.float32)
        self.labels = (np.arange(POINTS) % 10).astype(np.int16)
        # Noise is drawn once and turned over: making it anew would be what limits the frames.
        self.noise = 0.15 * self.random.normal(size=(2 * POINTS, 2)).astype(np.float32)
        self.images = self.random.integers(0, 256, (8, LEVELS * CODES + SHOWN, SIDE, SIDE, 1)).astype(np.uint8)

    def step(self, until: int) -> None:
        """Write down everything between here and there."""
        while self.at < until:
            self.at += 1
            if self.at % 10 == 0:
                value = 1 / (1 + 0.001 * self.at)
                row = {name: value * (1 + place) for place, name in enumerate(SERIES)}
                self.store.log(self.at, self.at / 25, row, "train")
            if self.at % 1500 == 0:
                self.store.log(self.at, self.at / 25, {"loss": 1 / self.at, "mse": 1 / self.at, "psnr": 15.0}, "val")
            if self.at % self.mark_every == 0:
                self.store.event("set", self.at, name="objective.commitment", before=0.25, value=self.at % 7 / 7)
            if self.at >= self.next_kept:
                self._keep()
                self.next_kept = self.at + max(1, self.at // 48)

    def send(self, pictures: bool) -> None:
        """The newest frames, if anybody watches."""
        if not self.live.watched:
            return
        self.live.write("motion", self._frame("motion", self._motion()))
        if pictures:
            self.live.write("pictures", self._frame("pictures", self._pictures()))

    def end(self) -> None:
        """In good order."""
        self.live.close()
        self.folder.live.unlink(missing_ok=True)
        self.store.event("finished", self.at, reason="it was only for show")
        self.store.set_meta("status", "finished")
        self.store.close()
        self.lock.release()

    def _keep(self) -> None:
        pictures = self._pictures()
        arrays = self._motion() | {name: pictures[name][:8] for name in ("originals", "recon")}
        name = f"live-{self.at:08d}.frame"
        self.folder.snapshots.mkdir(exist_ok=True)
        (self.folder.snapshots / name).write_bytes(zlib.compress(self._frame("timeline", arrays), 1))
        self.store.snapshot(self.at, self.at / 25, "live", f"snapshots/{name}")

    def _motion(self) -> dict[str, Any]:
        turn = 0.0005 * self.at + 0.002 * self.sent["motion"]
        spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32)
        places = self.homes @ spin
        first = np.arange(POINTS) % CODES
        shift = int(self.sent["motion"] * 64 % POINTS)
        assigned = np.stack([first, first * 7 % CODES], 1).astype(np.int32)
        return {
            "points": places[first] + self.noise[shift : shift + POINTS], "labels": self.labels, "assigned": assigned,
            "codes": np.stack([places, 0.2 * places]), "usage": np.full((LEVELS, CODES), 1 / CODES, np.float32),
            "idle": np.zeros((LEVELS, CODES), np.int32), "revived": np.full((LEVELS, CODES), -1, np.int32),
        }  # fmt: skip

    def _pictures(self) -> dict[str, Any]:
        these = self.images[self.sent["pictures"] % len(self.images)]
        shown = these[:SHOWN]
        decoded = these[SHOWN:].reshape(LEVELS, CODES, SIDE, SIDE, 1)
        return {"originals": self.images[0][:SHOWN], "recon": shown, "decoded": decoded}

    def _frame(self, channel: str, arrays: dict[str, Any]) -> bytes:
        self.sent[channel] += 1
        header = {
            "v": 1, "channel": channel, "seq": self.sent[channel], "time": time.time(), "step": self.at, "epoch": self.at / 25,
            "total_steps": self.total, "steps_per_epoch": 25, "state": "running", "steps_per_second": 60.0, "pace": None,
            "values": {}, "applied": [], "figures": {}, "next": None,
            "cost": {"motion_ms": 1.0, "pictures_ms": 1.0, "share": 0.04},
            "view": {
                "kind": "plane", "dim": 2, "levels": LEVELS, "codes": CODES, "grid": [1, 1], "variance": None,
                "points_of": "window", "classes": [str(digit) for digit in range(10)],
            },
        }  # fmt: skip
        return pack(header, arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--rate", type=float, default=60, help="steps/s")
    parser.add_argument("--frames", type=float, default=30, help="live frames/s")
    parser.add_argument("--steps", type=int, default=0, help="the last step; 0 = until it is ended")
    parser.add_argument("--mark-every", type=int, default=600, help="steps between two marks")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run = FakeRun(given.root, given)
    began, pictures_due = time.monotonic(), 0.0
    try:
        while not given.steps or run.at < given.steps:
            now = time.monotonic()
            run.step(min(int((now - began) * given.rate), given.steps or 10**9))
            run.send(pictures := now >= pictures_due)
            if pictures:
                pictures_due = now + PICTURES_EVERY
            time.sleep(max(0.0, now + 1 / given.frames - time.monotonic()))
    except KeyboardInterrupt:
        pass
    run.end()
    print(json.dumps({"steps": run.at, **run.sent}))


if __name__ == "__main__":
    main()
