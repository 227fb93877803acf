"""One process that has loaded torch and waits to become a training: kept while a page is open on which one may be started."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tilework.runs.stage import FILE, read

KEPT_SECONDS = 60.0
"""So long after a page has asked for it last."""
MOST_SECONDS = 30 * 60.0
"""It ends by itself after so long without a command, whatever happened to the studio."""
LEAST_MEMORY = 2 * 2**30
"""Bytes of free memory below which there is none: the runs need them more."""


@dataclass(frozen=True)
class Waiting:
    """A process that waits, or has become a command, with its own files."""

    child: subprocess.Popen[str]
    log: Path
    stage: Path

    def forget(self) -> None:
        """Remove its files."""
        for file in (self.log, self.stage):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


class Spare:
    """At most one such process. May be asked from any thread.

    It is no run: it has no folder and holds no lock. It takes its command from a pipe that only this studio holds, which also
    ends it when the studio ends.
    """

    def __init__(self, place: Callable[[str], Path]) -> None:
        self._place = place
        self._waiting: Waiting | None = None
        self._until = 0.0
        self._spoiled = False
        self._closed = False
        self._changing = threading.Lock()

    def keep(self) -> bool:
        """Have one for the next `KEPT_SECONDS`; whether there is one. One that cannot be started is not tried again."""
        with self._changing:
            if self._closed:
                return False
            self._until = time.monotonic() + KEPT_SECONDS
            self._bury()
            if self._waiting is None and not self._spoiled and psutil.virtual_memory().available >= LEAST_MEMORY:
                self._waiting = self._begun()
                self._look_in(KEPT_SECONDS)
            return self._waiting is not None

    def take(self, words: list[str]) -> Waiting | None:
        """Make it this command and give it away; None where there is none."""
        with self._changing:
            self._bury()
            found, self._waiting = self._waiting, None
        if found is None:
            return None
        assert found.child.stdin is not None
        try:
            found.child.stdin.write(json.dumps(words) + "\n")
            found.child.stdin.close()
        except OSError:  # it has just ended
            _end(found)
            return None
        return found

    @property
    def loaded(self) -> bool:
        """Whether there is one that has loaded everything."""
        with self._changing:
            found = self._waiting
        stage = read(found.stage) if found else None
        return stage is not None and stage.name == "ready"

    def close(self) -> None:
        """End it; there will be no other."""
        with self._changing:
            self._closed = True
            found, self._waiting = self._waiting, None
        if found is not None:
            _end(found)

    def _begun(self) -> Waiting | None:
        name = f"spare-{secrets.token_hex(3)}"
        log, stage = self._place(f"{name}.log"), self._place(f"{name}.stage")
        try:
            stage.touch()
            with log.open("ab") as out:
                child = subprocess.Popen(
                    [sys.executable, "-m", "tilework.cli.spare", str(MOST_SECONDS)],
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    text=True,
                    env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", FILE: str(stage)},
                    start_new_session=True,
                    creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                )
        except OSError:  # a full disk: whoever starts a run hears of it then
            return None
        return Waiting(child, log, stage)

    def _bury(self) -> None:
        """Forget one that has ended by itself: after its time, or because it cannot be loaded here."""
        found = self._waiting
        if found is None or found.child.poll() is None:
            return
        self._spoiled = found.child.returncode != 0
        self._waiting = None
        _end(found)

    def _look_in(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._due)
        timer.daemon = True
        timer.start()

    def _due(self) -> None:
        """End it where no page has asked for it any more."""
        with self._changing:
            left = self._until - time.monotonic()
            if self._waiting is None or self._closed:
                return
            if left > 0:
                self._look_in(left)
                return
            found, self._waiting = self._waiting, None
        _end(found)


def _end(waiting: Waiting) -> None:
    """End a process that was never used, and remove its files."""
    waiting.child.kill()
    waiting.child.wait()
    if waiting.child.stdin is not None:
        with contextlib.suppress(OSError):
            waiting.child.stdin.close()
    waiting.forget()
