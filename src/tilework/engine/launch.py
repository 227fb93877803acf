"""Where a run begins: anew, from its last checkpoint, or after a reset. Checks first, then the folder, then the loop."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tilework.engine import checkpoint
from tilework.engine.from_run import settled, take_weights
from tilework.engine.going_on import Stride, goes_on
from tilework.engine.loop import Loop
from tilework.engine.orders import Order
from tilework.engine.preflight.before import before_the_run
from tilework.engine.progress import Progress, Silent
from tilework.engine.reset import NextRun
from tilework.engine.saved_state import read, restore
from tilework.engine.session import Session, begin
from tilework.engine.stopping import Interrupt
from tilework.engine.whereabouts import by_name, found_again, paths_of, refuse_missing, with_whole_paths
from tilework.errors import UserError
from tilework.runs.folder import RunFolder, default_root
from tilework.runs.lock import RunLock, refuse_if_held
from tilework.spec import RunSpec, dump_yaml, load_spec
from tilework.spec.load import apply_overrides, parse_spec
from tilework.spec.tasks import task_class


def train(
    spec: RunSpec,
    *,
    root: Path | None = None,
    progress: Progress | None = None,
    script: Sequence[Order] = (),
    until: int | None = None,
    preflight: bool = True,
) -> RunFolder:
    """Train a new run to its end (or until it is stopped) and return its folder; after a reset, the folder of the new run.

    `script`: interventions to repeat at their steps; `until`: the step after which to end, where that is before the spec's end;
    `preflight`: false for a spec that was trained before.

    Everything is checked before the folder is made: a spec that cannot run leaves nothing behind. Raises UserError for what
    the person can change, RunFailure for what went wrong on the way (the last checkpoint then stands).
    """
    runs = root or default_root()
    progress, spec = progress or Silent(), task_class(spec.task).settled(with_whole_paths(spec), runs, runs)
    spec = settled(spec, runs, runs)
    session = begin(spec, progress, runs)
    if note := take_weights(session, runs):
        progress.message(note)
    compute = session.parts.compute
    checked = before_the_run(session, runs, progress) if preflight else None
    with Interrupt().listening() as interrupt:  # from here on Ctrl-C leaves a run that can be resumed
        path = RunFolder.create(runs, spec.name, dump_yaml(spec)).path if compute.main else None
        run = RunFolder(compute.shared(path))
        loop = Loop(session, run, progress, interrupt, tuple(script), until)
        with _held(RunLock(run.path), compute.main, new=run):
            loop.run(resumed=False, preflight=checked)
        return _after_resets(loop)


def resume(run: RunFolder, *, progress: Progress | None = None, overrides: tuple[str, ...] = ()) -> RunFolder:
    """Go on with a run from its last checkpoint, exactly as if it had never stopped.

    `overrides` may touch `engine.*`, `optimizer.accumulate` and `trackers` (a longer budget, another device), and `data.path` or
    `parent` where the same images or the same run lie elsewhere; they are kept for the next resume. Raises UserError where the
    run is being trained already, its data changed, or its checkpoint is damaged; nothing is written then.
    """
    fixed = [o for o in overrides if not _may_differ(o.partition("=")[0].strip())]
    if fixed:
        raise UserError(
            f"a resumed run keeps its spec; '{fixed[0]}' would change it",
            why="only engine.* (budget, batch size, device, saving), optimizer.accumulate, trackers, data.path and parent (where "
            "the same images or the same run lie elsewhere) may differ",
            fix=f"start a new run: tilework train {run.spec_file} {fixed[0]}",
        )
    progress = progress or Silent()
    _look(run)
    written = _written(run, progress)
    spec = parse_spec(apply_overrides(written.model_dump(mode="json"), by_name(overrides, written)), str(run.spec_file))
    typed = paths_of(spec) != paths_of(written)
    spec = with_whole_paths(spec) if typed else found_again(spec, run)
    if any(override.partition("=")[0].strip() == "parent" for override in overrides):
        was = checkpoint.find(run.checkpoints).about.get("origin") or {}
        spec = task_class(spec.task).moved(spec, was, run.path.parent)
    refuse_missing(spec, run, given=typed)
    session = begin(spec, progress, run.path.parent)
    changed = bool(overrides) and spec != written  # what was checked once is not checked again
    checked = before_the_run(session, run.path.parent, progress) if changed else None
    with Interrupt().listening() as interrupt:
        with _held(RunLock(run.path), session.parts.compute.main):  # nobody else saves now: what is read is the newest
            found = checkpoint.find(run.checkpoints)
            _check_same_data(run, found, session)
            saved = read(found)
            session, note = goes_on(
                session, saved.position, saved.marks, Stride.written(found.spec, session.parts.spec)
            )
            _check_not_shorter(run, found, session, overrides)
            for message in (restore(session, saved), note):
                if message:
                    progress.message(message)
                    session.guard.history.forget()  # other batches, other losses
            loop = Loop(session, run, progress, interrupt)
            loop.run(resumed=True, preflight=checked)
        return _after_resets(loop)


def _written(run: RunFolder, progress: Progress) -> RunSpec:
    """The spec of a run; where its file was removed, the one that its checkpoint keeps. Raises UserError for a damaged file."""
    if not os.path.lexists(run.spec_file):
        found = checkpoint.find(run.checkpoints)
        progress.message(f"{run.spec_file.name} is missing: it is written anew as {found.folder.name} keeps it")
        return parse_spec(found.spec, str(found.folder / "model.json"))
    try:
        return load_spec(str(run.spec_file))
    except UserError as error:
        raise UserError(
            error.what,
            why=error.why,
            fix=f"{error.fix}; or remove {run.spec_file}: `tilework resume {run.id}` then takes the spec from its checkpoint",
        ) from None


def _may_differ(key: str) -> bool:
    return key.startswith(("engine.", "trackers")) or key in {"optimizer.accumulate", "data.path", "data", "parent"}


def _look(run: RunFolder) -> None:
    """Raise UserError at once for a run that is being trained or has no checkpoint; who comes while this process gets ready is
    refused by the lock."""
    refuse_if_held(run.path)
    try:
        checkpoint.find(run.checkpoints)
    except UserError:
        refuse_if_held(run.path)  # it began in between, and replaces what was looked at
        raise


def _check_same_data(run: RunFolder, found: checkpoint.Checkpoint, session: Session) -> None:
    """Raise UserError for other data than the run was trained on."""
    was, data = found.about, session.parts.data
    if was.get("content_hash") == data.content_hash:
        return
    if own := session.parts.task.other_data(was.get("origin") or {}):
        raise own
    before, now = was.get("items"), sum(data.items)
    counted = (
        f"{sum(before):,} {data.unit} then, {now:,} now" if isinstance(before, list) else f"{now:,} {data.unit} now"
    )
    if isinstance(before, list) and sum(before) == now:
        counted = f"{now:,} {data.unit} as before, but with other pixels, labels or in another order"
    where = ", ".join(paths_of(session.parts.spec))
    raise UserError(
        f"the images of run {run.id} are not the ones that it was trained on" + (f": {where}" if where else ""),
        why=f"{counted}; content {str(was.get('content_hash'))[:12]} then, {data.content_hash[:12]} now",
        fix=f"restore the images, or start a new run: tilework train {run.spec_file}"
        + (f" data.path=PATH; where they were moved: tilework resume {run.id} data.path=PATH" if where else ""),
    )


def _check_not_shorter(
    run: RunFolder, found: checkpoint.Checkpoint, session: Session, overrides: tuple[str, ...]
) -> None:
    """Raise UserError for a budget that the run has spent already."""
    total = session.parts.budget.total_steps
    if overrides and total < found.step:
        raise UserError(
            f"run {run.id} has trained {found.step:,} steps, and {' '.join(overrides)} gives it {total:,}",
            why="a run cannot be made shorter than it is",
            fix=f"give more steps, for example engine.steps={2 * found.step}",
        )


def _after_resets(loop: Loop) -> RunFolder:
    """Each reset ends a run and begins another in the same process: other initial weights, the same data."""
    while (after := loop.following) is not None:
        session = _session_of(after, loop.progress)
        loop = Loop(session, after.folder, loop.progress, loop.limits.interrupt, after.script)
        with _held(after.lock, session.parts.compute.main, new=after.folder):
            loop.run(resumed=False)
    return loop.folder


def _session_of(after: NextRun, progress: Progress) -> Session:
    """The lock is given back where the session cannot be made."""
    try:
        return begin(after.spec, progress, after.folder.path.parent)
    except BaseException:
        after.lock.release()
        raise


@contextmanager
def _held(lock: RunLock, main: bool, *, new: RunFolder | None = None) -> Iterator[None]:
    """Within this block the main process alone may train the run. A `new` run that never came to a state worth keeping leaves no
    folder."""
    if not main:
        yield
        return
    try:
        lock.acquire()
        yield
    finally:
        lock.release()
        if new is not None and not list(new.checkpoints.iterdir()):
            shutil.rmtree(new.path, ignore_errors=True)
