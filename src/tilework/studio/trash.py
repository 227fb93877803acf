"""Deleting a run: its folder moves to `<runs>/.trash`, from where a person can take it back."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tilework.errors import UserError
from tilework.runs.atomic import write_error
from tilework.runs.folder import RunFolder
from tilework.runs.lock import RunLock, holder
from tilework.studio.paths import TRASH, Root
from tilework.studio.responses import Busy


def move_to_trash(root: Root, run: RunFolder) -> Path:
    """Move the run's folder, in one instant; returns where it is now. Raises Busy where a process trains it."""
    who = holder(run.path)
    if who is not None:
        raise Busy(
            f"run {run.id} is being trained by {who}", why="its process writes into the folder", fix="stop it first"
        )
    lock = RunLock(run)
    try:
        lock.acquire()  # so that no resume begins in between
    except UserError as error:
        raise Busy(error.what, why=error.why, fix=error.fix) from error
    try:
        trash = root.path / TRASH
        trash.mkdir(exist_ok=True)
        goal = trash / run.id
        if os.path.lexists(goal):
            goal = trash / f"{run.id}-{time.strftime('%Y%m%d-%H%M%S')}-{time.monotonic_ns() % 10**6:06d}"
        if os.name == "nt":
            lock.release()  # an open file holds its folder there
        run.path.rename(goal)
    except OSError as error:
        raise write_error(run.path, error) from error
    finally:
        lock.release()
    return goal
