"""A run as a trainer leaves it on disk and answers commands: lock, store, timeline, live file; without a model."""

from __future__ import annotations

import time
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np

from fakes.scene import Arrays, Scene
from tilework.protocol.frame import VERSION, Applied, Channel, MadeHeader
from tilework.protocol.run import Steerable
from tilework.runs.folder import RunFolder
from tilework.runs.frames import pack
from tilework.runs.live import LiveWriter
from tilework.runs.lock import RunLock
from tilework.runs.records import Command
from tilework.runs.store import RunStore

STEPS_PER_EPOCH = 25
COMMITMENT: Steerable = {
    "name": "objective.commitment", "label": "commitment", "value": 0.25, "low": 0.0, "high": 100.0, "scale": "off-log",
    "help": "weight",
}  # fmt: skip
LR: Steerable = {
    "name": "optimizer.lr", "label": "learning rate", "value": 1e-3, "low": 1e-5, "high": 1.0, "scale": "log", "help": "",
}  # fmt: skip


class FakeTrainer:
    """One run under `root`, which does only what it is commanded: one thread at a time, the one that made it."""

    def __init__(
        self, root: Path, name: str = "fake", *, live: bool = True, total: int = 1000, scene: Scene | None = None
    ) -> None:
        spec = f"name: {name}\nseed: 0\nengine:\n  batch_size: 64\nobjective:\n  commitment: 0.25\n"
        self.run = RunFolder.create(root, name, spec)
        self.lock = RunLock(self.run)
        self.lock.acquire()
        self.store = RunStore.create(self.run.db)
        for key, value in {"status": "running", "total_steps": total, "steerable": [COMMITMENT, LR]}.items():
            self.store.set_meta(key, value)
        self.store.event("started", 0)
        self.live = LiveWriter(self.run.live) if live else None
        self.scene = scene or Scene()
        self.seq: dict[str, int] = {"motion": 0, "images": 0, "timeline": 0}
        self.step = 0
        self.revived = np.full((self.scene.levels, self.scene.codes), -1, np.int32)
        self.base_header: MadeHeader = {
            "v": VERSION, "channel": "motion", "seq": 0, "time": 0.0, "step": 0, "epoch": 0.0, "total_steps": total,
            "steps_per_epoch": STEPS_PER_EPOCH, "state": "running", "steps_per_second": 30.0, "pace": None,
            "values": {one["name"]: one["value"] for one in (COMMITMENT, LR)}, "applied": [], "figures": {}, "next": None,
            "cost": {"motion_ms": 1.0, "pictures_ms": 1.0, "share": 0.04}, "view": self.scene.view,
        }  # fmt: skip
        self.store.flush()

    # What a trainer writes down --------------------------------------------------------------------------------------

    def steps(self, count: int, split: str = "train") -> None:
        """So many steps, each with a row."""
        for _ in range(count):
            self.step += 1
            self.store.log(self.step, self.step / 10, {"loss": 1 / self.step, "mse": 0.5}, split)
        self.store.flush()

    def keep(self) -> None:
        """A frame for the timeline."""
        arrays = self.motion() | self.scene.kept(self.seq["images"], first=self.seq["timeline"] == 0)
        name = f"live-{self.step:08d}.frame"
        self.run.snapshots.mkdir(exist_ok=True)
        (self.run.snapshots / name).write_bytes(zlib.compress(pack(self.header("timeline"), arrays), 1))
        self.store.snapshot(self.step, self.step / STEPS_PER_EPOCH, "live", f"snapshots/{name}")
        self.store.flush()

    # What it shows ---------------------------------------------------------------------------------------------------

    def header(self, channel: Channel) -> MadeHeader:
        """The header of the next frame of a channel."""
        self.seq[channel] += 1
        now: dict[str, Any] = {"channel": channel, "seq": self.seq[channel], "time": time.time()}
        return cast(MadeHeader, self.base_header | now | {"step": self.step, "epoch": self.step / STEPS_PER_EPOCH})

    def frame(self, channel: Channel = "motion", points: int | None = None, **more: Any) -> int:
        """Replace the newest frame; its number. `points`: nothing but so many of them; `more`: other fields of the header."""
        assert self.live is not None
        arrays: Arrays = {"points": np.zeros((points or 0, 2), np.float32)}
        if points is None:
            arrays = self.motion() if channel == "motion" else self.scene.images(self.seq["images"])
        self.live.write(channel, pack({**self.header(channel), **more}, arrays))
        return self.seq[channel]

    def motion(self) -> Arrays:
        """The arrays of a frame of this channel."""
        number = self.seq["motion"]
        return self.scene.motion(0.02 * self.step + 0.002 * number, number, self.revived)

    # Its commands ----------------------------------------------------------------------------------------------------

    def obey(self) -> list[Command]:
        """Answer the commands that wait, and do what is sent to the model; those that pace the run are for the
        caller."""
        commands = self.store.commands_pending()
        for command in commands:
            applied: Applied = {"id": command.id, "kind": command.kind, "step": self.step + 1, "status": "applied"}
            if command.kind == "set":
                self._set(applied, command.payload["name"], float(command.payload["value"]))
            elif command.kind == "revive":
                self.revived[:, 0] = self.step
            answer = {key: value for key, value in applied.items() if key in {"before", "error"}}
            self.store.command_done(command.id, self.step + 1, applied["status"], **answer)
            self.base_header["applied"] = [*self.base_header["applied"], applied][-32:]
        return commands

    def _set(self, applied: Applied, name: str, value: float) -> None:
        applied["name"], applied["value"] = name, value
        if not 0 <= value <= 2:
            applied["status"] = "refused"
            applied["error"] = {"what": f"{name}={value:g} is out of range", "why": "", "fix": "choose 0 to 2"}
            return
        applied["before"] = self.base_header["values"][name]
        self.base_header["values"] = {**self.base_header["values"], name: value}
        self.store.event("set", self.step, name=name, before=applied["before"], value=value)

    def end(self, status: str | None = "finished") -> None:
        """End in good order, or (None) with no message."""
        if self.live is not None:
            self.live.close()
            if status is not None:
                self.run.live.unlink(missing_ok=True)
        if status is not None:
            self.store.event(status, self.step, reason="the test is over")
            self.store.set_meta("status", status)
        self.store.close()
        self.lock.release()
