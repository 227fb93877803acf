"""Starting and resuming runs: the same commands that a person types, each a process of its own that outlives the studio."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tilework.errors import RunFailure, TileworkError, UserError
from tilework.runs.atomic import write_error
from tilework.runs.folder import RunFolder
from tilework.runs.lock import holder
from tilework.studio.answers import Busy
from tilework.studio.details import last_lines
from tilework.studio.places import KEPT, Root

_LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 100.0
"""A start is waited for so long; the pictures of a large folder may need longer to prepare."""
_MOST_AT_ONCE = 8


class Launcher:
    """The processes that one studio has started. May be asked from any thread."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._children: list[subprocess.Popen[bytes]] = []
        self._changing = threading.Lock()
        self._closed = threading.Event()

    def train(self, spec_yaml: str, patience_seconds: float = PATIENCE_SECONDS) -> str | None:
        """Start a run of this spec; its id once it exists, None where it is still being prepared after `patience_seconds`.

        Raises what the process said, where it ended before its run existed.
        """
        name = f"new-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        spec = self._kept(f"{name}.yaml")
        try:
            spec.write_text(spec_yaml, encoding="utf-8")
        except OSError as error:
            raise write_error(spec, error) from error
        begun: str | None = None
        try:
            begun = self.start(["train", str(spec), "--runs", str(self._root.path)], name, patience_seconds)
        except UserError:
            spec.unlink(missing_ok=True)
            raise
        if begun is not None:
            spec.unlink(missing_ok=True)  # the run has its own
        return begun

    def start(self, arguments: list[str], name: str, patience_seconds: float = PATIENCE_SECONDS) -> str | None:
        """Start a command that begins a new run; see `train`. `name` is that of its log until the run has one."""
        log = self._kept(f"{name}.log")
        before = set(self._root.names())
        child = self._spawn(arguments, log)
        end = time.monotonic() + patience_seconds
        while time.monotonic() < end and not self._closed.is_set():
            run_id = self._begun_by(child.pid, before)
            if run_id is not None:
                # The process keeps the file that it has open, whatever its name.
                with contextlib.suppress(OSError):
                    log.replace(self._root.log_of(run_id))
                return run_id
            if child.poll() is not None:
                error = said_before_its_end(log, child.returncode)
                if isinstance(error, UserError):
                    log.unlink(missing_ok=True)  # all that is in it will be read on the page
                raise error
            self._closed.wait(_LOOK_SECONDS)
        return None

    def resume(self, run: RunFolder, overrides: Sequence[str] = (), patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Go on with a run. Raises Busy where it is being trained, and what the process said where it could not begin."""
        if holder(run.path) is not None:
            raise Busy(f"run {run.id} is being trained already", why="one process trains a run", fix="watch it")
        log = self._root.log_of(run.id)
        self._kept(log.name)
        child = self._spawn(["resume", str(run.path), *overrides], log)
        end = time.monotonic() + patience_seconds
        while time.monotonic() < end and not self._closed.is_set():
            who = holder(run.path)
            if who is not None and who.pid == child.pid:
                return
            if child.poll() is not None:
                if child.returncode == 0:
                    return  # there was nothing left to train
                raise said_before_its_end(log, child.returncode)
            self._closed.wait(_LOOK_SECONDS)

    def close(self) -> None:
        """Wait for no start any longer: the studio ends. What was started goes on."""
        self._closed.set()

    def interrupt(self, wait_seconds: float = 60.0) -> None:
        """Ask every process that was started here to end as Ctrl-C does, and wait for them."""
        import signal

        for child in self._living():
            child.send_signal(signal.SIGINT if os.name != "nt" else signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined,unused-ignore]
        end = time.monotonic() + wait_seconds
        for child in self._living():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, end - time.monotonic()))

    def _living(self) -> list[subprocess.Popen[bytes]]:
        """Processes that have not ended; those that have are buried."""
        with self._changing:
            self._children = [child for child in self._children if child.poll() is None]
            return list(self._children)

    def reap(self) -> int:
        """Bury the processes that have ended, so that none stays as a zombie; how many live."""
        return len(self._living())

    def _kept(self, name: str) -> Path:
        """A file of the studio's own, in a folder that only this user may read (a log may name private places)."""
        folder = self._root.path / KEPT
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise write_error(folder, error) from error
        return folder / name

    def _spawn(self, arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
        if self.reap() >= _MOST_AT_ONCE:
            raise Busy(
                f"{_MOST_AT_ONCE} runs train already", why="each needs the machine", fix="stop one of them first"
            )
        own: dict[str, object] = (
            {"start_new_session": True}  # Ctrl-C in the studio's terminal is for the studio
            if os.name != "nt"
            else {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
        )
        try:
            with log.open("ab") as out:
                child = subprocess.Popen(  # type: ignore[call-overload]
                    [sys.executable, "-m", "tilework", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
                    **own,
                )
        except OSError as error:
            raise write_error(log, error) from error
        with self._changing:
            self._children.append(child)
        found: subprocess.Popen[bytes] = child
        return found

    def _begun_by(self, pid: int, before: set[str]) -> str | None:
        """The id of the new run whose lock this process holds."""
        for name in set(self._root.names()) - before:
            who = holder(self._root.path / name)
            if who is not None and who.pid == pid:
                return name
        return None


def said_before_its_end(log: Path, code: int) -> TileworkError:
    """The error that a process printed as its last word, as an error of ours."""
    said: dict[str, str] = {}
    lines = last_lines(log)
    for line in lines:
        key, _, text = line.strip().partition(": ")
        if key in {"error", "why", "fix"} and text:
            if key == "error":
                said = {}
            said[key] = text
    if "error" in said:
        return UserError(said["error"], why=said.get("why", ""), fix=said.get("fix", ""))
    return RunFailure(
        f"the process ended before its run began (exit code {code})",
        why=" ".join(lines[-3:])[:600],
        fix=f"see {log.name} in the folder {log.parent.name} of the runs",
    )
