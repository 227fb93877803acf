"""What a reset begins: another run of the same spec with other initial weights, on the same images, in the same process."""

from __future__ import annotations

from dataclasses import dataclass

from tilework.engine.orders import Order
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
    """The settings as they stood."""
    lock: RunLock


def next_run(session: Session, folder: RunFolder) -> NextRun:
    """The run after the one in `folder`: the next seed, and the settings where they stand. Collective."""
    spec, compute = session.parts.spec, session.parts.compute
    spec = spec.model_copy(update={"seed": spec.seed + 1, "from_run": None})
    path = RunFolder.create(folder.path.parent, spec.name, dump_yaml(spec)).path if compute.main else None
    made = RunFolder(compute.shared(path))
    lock = RunLock(made)
    if compute.main:
        lock.acquire()
    script = tuple(
        Order("set", {"name": name, "value": value}, None, 1) for name, value in session.state.set_by_hand.items()
    )
    return NextRun(spec, made, script, lock)
