"""Where a run begins: anew, from its last checkpoint, or after a reset. Checks first, then the folder, then the loop."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tilework.engine import checkpoint
from tilework.engine.loop import Loop
from tilework.engine.orders import Order
from tilework.engine.progress import Progress, Silent
from tilework.engine.reset import NextRun
from tilework.engine.saved_state import restore
from tilework.engine.session import Session, begin
from tilework.engine.stopping import Interrupt, Limits
from tilework.errors import UserError
from tilework.runs.folder import RunFolder, default_root
from tilework.runs.lock import RunLock
from tilework.spec import RunSpec, dump_yaml, load_spec


def train(
    spec: RunSpec,
    *,
    root: Path | None = None,
    progress: Progress | None = None,
    script: Sequence[Order] = (),
    until: int | None = None,
) -> RunFolder:
    """Train a new run to its end (or until it is stopped) and return its folder; after a reset, the folder of the new run.

    `script`: interventions to repeat at their steps; `until`: the step after which to end, where that is before the spec's end.

    Everything is checked before the folder is made: a spec that cannot run leaves nothing behind. Raises UserError for what
    the person can change, RunFailure for what went wrong on the way (the last checkpoint then stands).
    """
    progress = progress or Silent()
    session = begin(spec, progress)
    compute = session.parts.compute
    with Interrupt().listening() as interrupt:  # from here on Ctrl-C leaves a run that can be resumed
        path = RunFolder.create(root or default_root(), spec.name, dump_yaml(spec)).path if compute.main else None
        run = RunFolder(compute.shared(path))
        limits = Limits(interrupt, spec.engine, session.parts.budget.total_steps, until)
        loop = Loop(session, run, progress, limits, tuple(script))
        _held(loop, RunLock(run.path), resumed=False)
        return _after_resets(loop)


def resume(run: RunFolder, *, progress: Progress | None = None, overrides: tuple[str, ...] = ()) -> RunFolder:
    """Go on with a run from its last checkpoint, exactly as if it had never stopped.

    `overrides` may touch `engine.*` and `trackers` only (a longer budget, another device), and are kept for the next
    resume. Raises UserError where the run is being trained already, its data changed, or its checkpoint is damaged;
    nothing is written then.
    """
    fixed = [o for o in overrides if not o.startswith(("engine.", "trackers"))]
    if fixed:
        raise UserError(
            f"a resumed run keeps its spec; '{fixed[0]}' would change it",
            why="only engine.* (budget, device, saving) and trackers may differ",
            fix=f"start a new run: tilework train {run.spec_file} {fixed[0]}",
        )
    progress = progress or Silent()
    found = checkpoint.find(run.checkpoints)
    session = begin(load_spec(str(run.spec_file), overrides), progress)
    if found.about.get("content_hash") != session.parts.data.content_hash:
        raise UserError(
            f"the pictures of run {run.id} are not the ones that it was trained on",
            why="the source has changed since, so the run cannot go on where it stopped",
            fix=f"restore the pictures, or start a new run: tilework train {run.spec_file}",
        )
    if warning := restore(session, found):
        progress.said(warning)
    with Interrupt().listening() as interrupt:
        limits = Limits(interrupt, session.parts.spec.engine, session.parts.budget.total_steps, None)
        loop = Loop(session, run, progress, limits)
        _held(loop, RunLock(run.path), resumed=True)
        return _after_resets(loop)


def _after_resets(loop: Loop) -> RunFolder:
    """Each reset ends a run and begins another in the same process: other initial weights, the same data."""
    while (after := loop.following) is not None:
        session = _session_of(after, loop.progress)
        limits = Limits(loop.limits.interrupt, session.parts.spec.engine, session.parts.budget.total_steps, None)
        loop = Loop(session, after.folder, loop.progress, limits, after.script)
        _held(loop, after.lock, resumed=False)
    return loop.folder


def _session_of(after: NextRun, progress: Progress) -> Session:
    """The lock is given back where the session cannot be made."""
    try:
        return begin(after.spec, progress)
    except BaseException:
        after.lock.release()
        raise


def _held(loop: Loop, lock: RunLock, *, resumed: bool) -> None:
    """Run a loop while its folder is locked; a run that never came to a state worth keeping leaves no folder."""
    main = loop.session.parts.compute.main
    with _locked(lock, loop.folder) if main else _unlocked():
        loop.run(resumed=resumed)


@contextmanager
def _locked(lock: RunLock, folder: RunFolder) -> Iterator[None]:
    lock.acquire()
    try:
        yield
    finally:
        lock.release()
        if not list(folder.checkpoints.iterdir()):
            shutil.rmtree(folder.path, ignore_errors=True)


@contextmanager
def _unlocked() -> Iterator[None]:
    yield
