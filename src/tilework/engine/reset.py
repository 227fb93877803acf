"""What a reset begins: another run of the same spec with other initial weights, on the same pictures, in the same process."""

from __future__ import annotations

from dataclasses import dataclass

from tilework.engine.control import Order
from tilework.engine.progress import Progress
from tilework.engine.ranks import shared
from tilework.engine.session import Session
from tilework.runs.folder import RunFolder
from tilework.runs.lock import RunLock
from tilework.spec import RunSpec, dump_yaml


@dataclass(frozen=True)
class NextRun:
    """A run whose folder is there. Its lock is held already, for a run that nobody holds looks like one that died."""

    spec: RunSpec
    folder: RunFolder
    script: tuple[Order, ...]
    """The knobs as they stood."""
    lock: RunLock

    def session(self, progress: Progress) -> Session:
        """Everything of it but the folder; the lock is given back where that cannot be made."""
        try:
            return Session(self.spec, progress)
        except BaseException:
            self.lock.release()
            raise


def next_run(session: Session, folder: RunFolder) -> NextRun:
    """The run after the one in `folder`: the next seed, and the knobs where they stand. Collective."""
    main = session.accelerator.is_main_process
    spec = session.spec.model_copy(update={"seed": session.spec.seed + 1})
    path = RunFolder.create(folder.path.parent, spec.name, dump_yaml(spec)).path if main else None
    made = RunFolder(shared(session.accelerator, path))
    lock = RunLock(made)
    if main:
        lock.acquire()
    script = tuple(Order("set", {"name": name, "value": value}, None, 1) for name, value in session.steered.items())
    return NextRun(spec, made, script, lock)
