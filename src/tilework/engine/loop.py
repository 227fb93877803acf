"""The training story, from the spec to the last checkpoint; it reads downwards."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import torch

from tilework.data import Batch
from tilework.engine import checkpoint
from tilework.engine.control import Control, Order, told_after
from tilework.engine.failures import never_finite, out_of_memory, went_on
from tilework.engine.progress import Ending, Progress, Silent, Tick
from tilework.engine.ranks import Votes, average_batch_statistics, largest_difference_between_ranks, shared
from tilework.engine.record import Record
from tilework.engine.reset import NextRun, next_run
from tilework.engine.session import Session
from tilework.engine.start import start_codes
from tilework.engine.stopping import Interrupt, should_stop_early
from tilework.engine.validate import Validation, validate
from tilework.engine.watch import Watch
from tilework.errors import RunFailure, TileworkError, UserError
from tilework.runs.folder import RunFolder, default_root
from tilework.runs.lock import RunLock
from tilework.spec import Plateau, RunSpec, dump_yaml, load_spec


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
    session = Session(spec, progress)
    main = session.accelerator.is_main_process
    with Interrupt().listening() as interrupt:  # from here on Ctrl-C leaves a run that can be resumed
        path = RunFolder.create(root or default_root(), spec.name, dump_yaml(spec)).path if main else None
        run = RunFolder(shared(session.accelerator, path))
        loop = _Loop(session, run, progress, interrupt, script, until)
        loop.run(resumed=False)
        return _after_resets(loop)


def resume(run: RunFolder, *, progress: Progress | None = None, overrides: tuple[str, ...] = ()) -> RunFolder:
    """Go on with a run from its last checkpoint, exactly as if it had never stopped.

    `overrides` may touch `engine.*` and `trackers` only (a longer budget, another device), and are kept for the next
    resume. Raises UserError where the run is being trained already, its data changed, or its checkpoint is damaged;
    nothing is written then.
    """
    foreign = [o for o in overrides if not o.startswith(("engine.", "trackers"))]
    if foreign:
        raise UserError(
            f"a resumed run keeps its spec; '{foreign[0]}' would change it",
            why="only engine.* (budget, device, saving) and trackers may differ",
            fix=f"start a new run: tilework train {run.spec_file} {foreign[0]}",
        )
    progress = progress or Silent()
    found = checkpoint.find(run.checkpoints)
    session = Session(load_spec(str(run.spec_file), overrides), progress)
    if found.about.get("content_hash") != session.store.content_hash:
        raise UserError(
            f"the pictures of run {run.id} are not the ones that it was trained on",
            why="the source has changed since, so the run cannot go on where it stopped",
            fix=f"restore the pictures, or start a new run: tilework train {run.spec_file}",
        )
    remark = session.restore(found)
    if remark:
        progress.said(remark)
    with Interrupt().listening() as interrupt:
        loop = _Loop(session, run, progress, interrupt)
        loop.run(resumed=True)
        return _after_resets(loop)


def _after_resets(loop: _Loop) -> RunFolder:
    """Each reset ends a run and begins another in the same process: other initial weights, the same pictures."""
    while (after := loop.following) is not None:
        session = after.session(loop.progress)
        loop = _Loop(session, after.folder, loop.progress, loop.interrupt, after.script, lock=after.lock)
        loop.run(resumed=False)
    return loop.folder


def seconds_between_saves(minutes: float, cost: float) -> float:
    """How long after a checkpoint that took `cost` seconds the next is due: `minutes` at most, a tenth of that where
    checkpoints stay below 1 % of the time. A small model loses seconds in a crash, not minutes."""
    return min(60 * minutes, max(6 * minutes, 100 * cost))


class _Loop:
    def __init__(
        self,
        session: Session,
        folder: RunFolder,
        progress: Progress,
        interrupt: Interrupt,
        script: Sequence[Order] = (),
        until: int | None = None,
        lock: RunLock | None = None,
    ) -> None:
        self.session, self.folder, self.progress, self.interrupt = session, folder, progress, interrupt
        self.script, self.last_step = script, min(session.total_steps, until or session.total_steps)
        self.main = session.accelerator.is_main_process
        self.several = session.accelerator.num_processes > 1
        self.lock = lock or RunLock(folder.path)
        self.votes = Votes(session.accelerator)
        self.record: Record | None = None
        """Only the main process writes anything down."""
        self.watch: Watch | None = None
        self.following: NextRun | None = None
        """After a reset: the run that comes next."""
        self.best: checkpoint.Best | None = None
        self.newest: Validation | None = None
        self.began = self.last_save = self.last_tick = time.monotonic()
        self.seconds_before = session.position.seconds
        self.ticked_at = session.position.step
        self.saved_step = -1
        self.save_seconds = 0.0
        self.stopped_in_pause = self.out_of_time = False

    # The story -------------------------------------------------------------------------------------------------------

    def run(self, *, resumed: bool) -> RunFolder:
        session, spec, position = self.session, self.session.spec, self.session.position
        if self.main:
            self.lock.acquire()
        try:
            if self.main:
                if resumed and checkpoint.find(self.folder.checkpoints).step != position.step:
                    raise went_on(self.folder)
                if resumed and not self.script:
                    self.script = told_after(self.folder, position.step)
                self.record = Record(session, self.folder, resumed=resumed)
                self.watch = Watch(session, self.folder, self.record)
            self.control = Control(session, self.record, self.watch, self.script, tell=self._say)
            self._announce(resumed)
            if not resumed:
                self._start_codes()
                self._save()  # Before the held-out pass, which may be long.
            if position.step == 0:
                self._snapshot(self._validate())
                if self.watch is not None:
                    self.watch.begin(self.control)
            status, reason, orders = "finished", f"all {session.total_steps:,} steps are done", True
            stream = self._batches()
            while position.step < self.last_step:
                if orders:
                    self.control.obey(self._idle)
                    if ending := self._asked_to_end():
                        status, reason = "stopped", ending
                        self._snapshot(None)
                        break
                self._step(list(islice(stream, spec.optimizer.accumulate)))
                if position.step % spec.engine.log_every_steps == 0:
                    self._log()
                at_end = position.batch == 0 or position.step == session.total_steps
                if at_end and self._epoch_ends():
                    reason = "no improvement for a while (early stopping)"
                    break
                stop, save, orders = self._due()
                if stop:
                    status, reason = "stopped", self._why_stopped()
                    self._snapshot(self._judged_at_the_end_of_the_time())
                    break
                if save:
                    self._save()
            else:
                if self.last_step < session.total_steps:
                    status, reason = "stopped", f"it was to end after step {self.last_step:,}"
            self._close(status, reason)
        except torch.OutOfMemoryError as error:
            raise self._failed(out_of_memory(session, error)) from error
        except TileworkError as error:
            self._failed(error)
            raise
        finally:
            try:
                with contextlib.ExitStack() as held:
                    if self.record is not None:
                        held.callback(self.record.close)
                    if self.watch is not None:
                        held.callback(
                            self.watch.close, self.control, self.following.folder.id if self.following else None
                        )
            finally:
                if self.main:
                    self.lock.release()
                    if not list(self.folder.checkpoints.iterdir()):
                        shutil.rmtree(self.folder.path, ignore_errors=True)  # It never came to a state worth keeping.
        return self.folder

    def _batches(self) -> Iterator[Batch]:
        """Micro-batches from where the run stands, epoch after epoch, for ever."""
        session, per_epoch = self.session, self.session.micro_batches_per_epoch
        epoch, start = session.position.epoch, session.position.batch
        while True:
            yield from islice(session.train_batches.epoch(epoch, start), per_epoch - start)
            epoch, start = epoch + 1, 0

    def _step(self, micro_batches: list[Batch]) -> None:
        session, position = self.session, self.session.position
        session.statistics.keep()
        result = session.stepper.step(micro_batches, session.weights(), session.lr())
        session.statistics.mend(session.stepper.skipped_in_row)
        if session.average is not None:
            session.average.update()
        session.tally.add(result.values)
        if result.counts is not None:
            session.window.add(result.counts)
        position.step += 1
        position.batch += len(micro_batches)
        if position.batch >= session.micro_batches_per_epoch:
            position.epoch, position.batch = position.epoch + 1, 0
        if self.watch is not None:
            self.watch.stepped(self.control, result, micro_batches)
        self.control.stepped()

    def _log(self) -> None:
        session, position = self.session, self.session.position
        values = session.tally.take() | session.window.figures()
        skipped = int(session.stepper.skipped_in_row)
        now = time.monotonic()
        rate = (position.step - self.ticked_at) / max(now - self.last_tick, 1e-9)
        self.last_tick, self.ticked_at = now, position.step
        if self.record is not None:
            values |= session.used_settings()
            self.record.row({**values, "steps_per_second": rate}, "train")
            if self.watch is not None:
                self.watch.figures = values
            if revived := sum(v for name, v in values.items() if name.startswith("revived.")):
                self.record.event("revived", codes=int(revived))
            if skipped:
                self.record.event("skipped-steps", in_row=skipped)
            bottleneck = session.model.bottleneck
            used = tuple(int(values[f"used.{level + 1}"]) for level in range(bottleneck.levels))
            self.progress.ticked(Tick(position.step, session.epoch, rate, values, used, bottleneck.codes_per_level))
        if skipped > session.spec.engine.nonfinite_steps:
            raise never_finite(position.step, skipped, values)

    def _epoch_ends(self) -> bool:
        """Validation, and what it decides; True if the run should stop early."""
        session, spec, position = self.session, self.session.spec, self.session.position
        last = position.step == session.total_steps
        if position.epoch % spec.engine.validate_every_epochs and not last:
            return False
        found = self._validate()
        value = self._monitored(found.figures)
        if session.judgement.best.improved(value, 0.0) and self.main:
            self.best = self._copy_of_weights()
        for name, state in session.judgement.plateaus.items():
            schedule = spec.optimizer.lr if name == "lr" else spec.objective[name].weight  # type: ignore[attr-defined]
            assert isinstance(schedule, Plateau)
            if state.validated(value, schedule) and self.record is not None:
                self.record.event("plateau", what=name, cuts=state.cuts)
        stopping = spec.engine.early_stopping
        stop = stopping is not None and should_stop_early(session.judgement.early, value, stopping)
        if stop or last or (position.epoch % spec.engine.snapshot_every_epochs == 0 and position.batch == 0):
            self._snapshot(found)
        return stop

    def _close(self, status: str, reason: str) -> None:
        position = self.session.position
        if self.control.ending == "reset":
            self.following = next_run(self.session, self.folder)
            if self.record is not None:
                self.record.event("reset", next=self.following.folder.id)
        apart = largest_difference_between_ranks(self.session.model) if self.several else 0.0
        if position.step != self.ticked_at:
            self._log()  # The steps since the last row.
        if self.watch is not None:
            self.watch.keep(self.control, last=True)
        self._save()
        if self.record is not None:
            if self.several:
                self.record.event("ranks-compared", largest_difference=apart)
            self.record.ended(status, reason)
        if self.following:
            self._say(
                f"reset: {self.following.folder.id} begins with other weights; this run stands at step {position.step:,}"
            )
            return
        figures = self.newest.figures if self.newest else {}
        self.progress.ended(Ending(status, reason, position.step, position.seconds, figures))

    # Its parts -------------------------------------------------------------------------------------------------------

    def _announce(self, resumed: bool) -> None:
        for remark in self.session.remarks() if not resumed else []:
            self.progress.said(remark)
        self.progress.started(self.session.plan(self.folder))

    def _start_codes(self) -> None:
        session = self.session
        self.progress.preparing("codes", 0)
        points = start_codes(
            session.accelerator,
            session.model,
            session.all_pictures(),
            session.spec.engine.start_batches,
            session.spec.seed,
        )
        if points and self.record is not None:
            self.record.event("codes-started", points=points)

    def _validate(self) -> Validation:
        session = self.session
        if self.watch is not None:
            self.watch.show(self.control, "validating")
        if self.several:
            average_batch_statistics(session.model)
        try:
            with session.judged_weights():
                self.newest = validate(
                    session.accelerator,
                    session.model,
                    session.model.bottleneck,
                    session.objective,
                    session.held_out,
                    session.final_weights(),
                )
        except UserError as error:
            # The bottleneck refuses what is not finite. In a run that is no mistake of a person's input.
            raise RunFailure(
                f"step {session.position.step:,}, held-out pass: {error.what}", why=error.why, fix=error.fix
            ) from error
        if self.record is not None:
            self.record.row(self.newest.figures, "val")
        self.progress.validated(session.position.step, self.newest.figures)
        return self.newest

    def _judged_at_the_end_of_the_time(self) -> Validation | None:
        """A held-out pass where the time limit ends a run: its figures would be those of the last epoch, or of step 0.

        Who presses Ctrl-C wants the prompt back. The checkpoint comes first: the machine may be taken away.
        """
        if not self.out_of_time:
            return None
        self._save()
        return self._validate()

    def _monitored(self, figures: Mapping[str, float]) -> float:
        name = self.session.spec.engine.monitor
        if name not in figures:
            raise UserError(
                f"engine.monitor is '{name}', which the held-out pass does not measure",
                why=f"it measures {', '.join(figures)}",
                fix="use engine.monitor=loss",
            )
        higher_is_better = name == "psnr" or name.startswith(("perplexity", "used"))
        return -figures[name] if higher_is_better else figures[name]

    def _snapshot(self, found: Validation | None) -> None:
        if self.record is not None:
            self.record.snapshot(found)

    def _copy_of_weights(self) -> checkpoint.Best:
        session = self.session
        return checkpoint.Best(
            session.position.step,
            {k: v.detach().clone() for k, v in session.model.state_dict().items()},
            {k: v.clone() for k, v in session.average.slow.items()} if session.average else None,
        )

    def _save(self) -> None:
        session, begun = self.session, time.monotonic()
        session.position.seconds = self.seconds_before + time.monotonic() - self.began
        state = session.state()
        if self.record is not None:
            self.record.checkpoint(state, self.best)
            self.progress.saved(session.position.step)
        self.best = None
        self.last_save, self.saved_step = time.monotonic(), session.position.step
        self.save_seconds = self.last_save - begun

    def _due(self) -> tuple[bool, bool, bool]:
        """(stop?, save?, orders?), the same on every rank; the clock that counts is the main process's."""
        engine, now = self.session.spec.engine, time.monotonic()
        save = now - self.last_save > seconds_between_saves(engine.save_every_minutes, self.save_seconds) or (
            engine.save_every_steps is not None and self.session.position.step % engine.save_every_steps == 0
        )
        asked, self.out_of_time, save, orders = self.votes.any(
            self.interrupt.asked, self._time_is_up(), save and self.main, self.control.wanted
        )
        self.out_of_time = self.out_of_time and not asked
        return asked or self.out_of_time, save, orders

    # Steering --------------------------------------------------------------------------------------------------------

    def _idle(self) -> bool:
        """While paused: snapshots and checkpoints are made, a signal still ends the run. True where that is asked for."""
        standing = self.session.position.step != self.saved_step and time.monotonic() - self.last_save > 10
        self._snapshot_if_asked()
        stop, save = self.votes.any(self.interrupt.asked or self._time_is_up(), standing and self.main)
        if save:
            self._save()
        self.stopped_in_pause = stop
        return stop

    def _asked_to_end(self) -> str:
        """Why the run is to end before its next step; "" where it is not."""
        self._snapshot_if_asked()
        if self.control.ending == "reset":
            return "reset"
        if self.control.ending == "stop":
            return "asked to stop"
        return self._why_stopped() if self.stopped_in_pause else ""

    def _snapshot_if_asked(self) -> None:
        if not self.control.snapshot_asked:
            return
        self.control.snapshot_asked = False
        self._snapshot(None)
        if self.watch is not None:
            self.watch.keep(self.control)
        if self.record is not None:
            self.record.event("snapshot")
        self._save()

    def _say(self, message: str) -> None:
        if self.main:
            self.progress.said(message)

    def _time_is_up(self) -> bool:
        limit = self.session.spec.engine.stop_after_minutes
        return limit is not None and self.main and time.monotonic() - self.began > limit * 60

    def _why_stopped(self) -> str:
        if self._time_is_up() and not self.interrupt.asked:
            return "engine.stop_after_minutes is over"
        return {"SIGINT": "Ctrl-C", "SIGTERM": "asked to end (SIGTERM)"}.get(self.interrupt.name, "asked to stop")

    def _failed(self, error: TileworkError) -> TileworkError:
        if self.record is not None:
            self.record.failed(error)
        return error
