"""Starting and resuming runs: the same commands that a person types, each a process of its own that outlives the studio."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tilework.errors import TileworkError, UserError
from tilework.runs.atomic import write_error
from tilework.runs.folder import RunFolder
from tilework.runs.lock import holder
from tilework.runs.stage import FILE
from tilework.studio.paths import KEPT, Root
from tilework.studio.responses import Busy, NotHere
from tilework.studio.spare import Spare
from tilework.studio.starts import Start, interrupt, new_name, why_it_ended

_LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 100.0
"""A start is waited for so long; the images of a large folder may need longer to prepare."""
_MOST_AT_ONCE = 8
_MOST_KEPT = 50
T = TypeVar("T")


class Launcher:
    """The processes that one studio has started. May be asked from any thread."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._children: list[subprocess.Popen[bytes]] = []
        self._starts: dict[str, Start] = {}
        self._changing = threading.Lock()
        self._closed = threading.Event()
        self.spare = Spare(self._kept)

    # Starting --------------------------------------------------------------------------------------------------------

    def begin(self, source: str, overrides: Sequence[str], about: str) -> Start:
        """Start a run of a recipe, or of the spec in a file, and do not wait for it. Raises Busy."""
        start = self._entered(about)
        words = ["train", source, *overrides, "--runs", str(self._root.path)]
        try:
            self._spawned(start, words)
        except TileworkError:
            self._left(start)
            raise
        threading.Thread(target=self._followed, args=(start,), name=start.name, daemon=True).start()
        return start

    def train(self, spec_yaml: str, patience_seconds: float = PATIENCE_SECONDS) -> str | None:
        """Start a run of this spec; its id once it exists, None where it is still being prepared after `patience_seconds`.

        Raises the error of the process, where it ended before its run existed.
        """
        spec = self._kept(f"{new_name()}.yaml")
        try:
            spec.write_text(spec_yaml, encoding="utf-8")
        except OSError as error:
            raise write_error(spec, error) from error
        begun: str | None = None
        try:
            begun = self.start(["train", str(spec), "--runs", str(self._root.path)], "", patience_seconds)
        except UserError:
            spec.unlink(missing_ok=True)
            raise
        if begun is not None:
            spec.unlink(missing_ok=True)  # the run has its own
        return begun

    def apply(self, run: RunFolder, code: str) -> str | None:
        """Start a run from another one with the fix of a finding; see `train`."""
        words = ["train", "--from", str(run.path), "--apply", code, "--runs", str(self._root.path)]
        return self.start(words, run.id)

    def start(self, words: list[str], about: str, patience_seconds: float = PATIENCE_SECONDS) -> str | None:
        """Start a command that begins a new run; see `train`."""
        start = self._entered(about)
        try:
            self._spawned(start, words)
            return self._awaited(start, patience_seconds)
        finally:
            self._left(start)

    def starts(self) -> list[Start]:
        """The starts that are waited for, the oldest first."""
        with self._changing:
            return [start for start in self._starts.values() if not start.over]

    def start_of(self, name: str) -> Start:
        """A start of this studio by its name, also one that is over. Raises NotHere."""
        with self._changing:
            found = self._starts.get(name)
        if found is None:
            raise NotHere(
                f"there is no start '{name[:80]}'",
                why="a studio knows those that were made since it began",
                fix="look for the run in the list",
            )
        return found

    def cancel(self, name: str) -> Start:
        """End a start before its run exists, as Ctrl-C does. Raises NotHere, and Busy where it is over."""
        start = self.start_of(name)
        if start.over or start.child is None:
            raise Busy(f"start {name} is over", why="there is nothing to cancel", fix="stop the run on its own page")
        interrupt(start.child)
        return start

    def _entered(self, about: str) -> Start:
        name = new_name()
        start = Start(
            name,
            about,
            self._kept(f"{name}.log"),
            self._kept(f"{name}.stage"),
            frozenset(self._root.names()),
        )
        with self._changing:
            self._starts[name] = start
            for old in [one for one in self._starts.values() if one.over][:-_MOST_KEPT]:
                del self._starts[old.name]
        return start

    def _left(self, start: Start) -> None:
        start.look()
        start.over = True
        with contextlib.suppress(OSError):
            start.stage_file.unlink(missing_ok=True)

    def _spawned(self, start: Start, words: list[str]) -> None:
        """Its process: the one that waits, else a new one."""
        self._refuse_too_many()
        spare = self.spare.take(words)
        if spare is None:
            with contextlib.suppress(OSError):
                start.stage_file.touch()
            start.child = self._spawn(words, start.log, start.stage_file)
            return
        start.log, start.stage_file = spare.log, spare.stage
        start.child = spare.child  # type: ignore[assignment]  # its pipe, which was text, is closed
        with self._changing:
            self._children.append(start.child)  # type: ignore[arg-type]

    def _followed(self, start: Start) -> None:
        """Wait for a run however long it takes to prepare, and note what came of it."""
        try:
            start.run = self._awaited(start, math.inf)
        except TileworkError as error:
            start.problem = error
        finally:
            self._left(start)

    def _awaited(self, start: Start, patience_seconds: float) -> str | None:
        """The run that a process begins."""
        child = start.child
        assert child is not None
        run_id = self._seen(child, lambda: self._begun_by(child.pid, start.before), patience_seconds)
        if run_id is not None:
            # The process keeps the file that it has open, whatever its name.
            with contextlib.suppress(OSError):
                start.log.replace(self._root.log_of(run_id))
        elif child.poll() is not None:
            error = why_it_ended(start.log, start.stage_file, child.returncode)
            if isinstance(error, UserError):
                start.log.unlink(missing_ok=True)  # all that is in it will be read on the page
            raise error
        return run_id

    def _seen(self, child: subprocess.Popen[bytes], look: Callable[[], T | None], patience_seconds: float) -> T | None:
        """What `look` finds of a process, as soon as it does; None where the process ends before, or patience does."""
        end = time.monotonic() + patience_seconds
        while time.monotonic() < end and not self._closed.is_set():
            ended = child.poll() is not None  # before the look: what it did last is seen
            found = look()
            if found is not None or ended:
                return found
            self._closed.wait(_LOOK_SECONDS)
        return None

    # Going on --------------------------------------------------------------------------------------------------------

    def resume(self, run: RunFolder, overrides: Sequence[str] = (), patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Go on with a run. Raises Busy where it is being trained, and the error of the process where it could not
        start."""
        if holder(run.path) is not None:
            raise Busy(f"run {run.id} is being trained already", why="one process trains a run", fix="watch it")
        log = self._root.log_of(run.id)
        self._kept(log.name)
        stage = self._kept(f"{run.id}.stage")
        with contextlib.suppress(OSError):
            stage.touch()
        try:
            child = self._spawn(["resume", str(run.path), *overrides], log, stage)

            def trains() -> bool | None:
                who = holder(run.path)
                return True if who is not None and who.pid == child.pid else None

            # One that ends with 0 had nothing left to train.
            if self._seen(child, trains, patience_seconds) is None and child.poll():
                raise why_it_ended(log, stage, child.returncode)
        finally:
            with contextlib.suppress(OSError):
                stage.unlink(missing_ok=True)

    def close(self) -> None:
        """Wait for no start any longer: the studio ends. What was started goes on."""
        self._closed.set()
        self.spare.close()

    def interrupt(self, wait_seconds: float = 60.0) -> None:
        """Ask every process that was started here to end as Ctrl-C does, and wait for them."""
        for child in self._living():
            interrupt(child)
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

    def _refuse_too_many(self) -> None:
        if self.reap() >= _MOST_AT_ONCE:
            raise Busy(
                f"{_MOST_AT_ONCE} runs train already", why="each needs the machine", fix="stop one of them first"
            )

    def _spawn(self, arguments: list[str], log: Path, stage: Path | None = None) -> subprocess.Popen[bytes]:
        self._refuse_too_many()
        noted = {FILE: str(stage)} if stage else {}
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
                    env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", **noted},
                    **own,
                )
        except OSError as error:
            raise write_error(log, error) from error
        with self._changing:
            self._children.append(child)
        found: subprocess.Popen[bytes] = child
        return found

    def _begun_by(self, pid: int, before: frozenset[str]) -> str | None:
        """The id of the new run whose lock this process holds."""
        for name in set(self._root.names()) - before:
            who = holder(self._root.path / name)
            if who is not None and who.pid == pid:
                return name
        return None
