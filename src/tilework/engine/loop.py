"""The training story, from the first step to the last checkpoint; it reads downwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from tilework.engine.describe import plan, which_ends
from tilework.engine.desk import Desk
from tilework.engine.failures import out_of_memory
from tilework.engine.from_run import starts_with_weights
from tilework.engine.going_on import batches_from
from tilework.engine.guard.rescue import look, validated
from tilework.engine.judging import cut_plateaus, is_best, stops_early
from tilework.engine.monitor import monitored
from tilework.engine.orders import Order, orders_after
from tilework.engine.progress import Finish, Progress
from tilework.engine.ranks import Votes, largest_difference_between_ranks
from tilework.engine.reset import NextRun, next_run
from tilework.engine.session import Session
from tilework.engine.stopping import Interrupt, Limits
from tilework.engine.tasks.contract import Row, Validation
from tilework.errors import TileworkError
from tilework.runs.folder import RunFolder
from tilework.runs.preflight import Preflight
from tilework.runs.stop_reason import StopReason


class Loop:
    """One run from where its session stands to its end."""

    def __init__(
        self,
        session: Session,
        folder: RunFolder,
        progress: Progress,
        interrupt: Interrupt,
        script: tuple[Order, ...] = (),
        until: int | None = None,
    ) -> None:
        self.session, self.folder, self.progress, self.script = session, folder, progress, script
        self.limits = Limits(interrupt, session.parts.spec.engine, session.parts.budget.total_steps, until)
        self.votes = Votes(session.parts.compute.world)
        self.desk: Desk
        self.newest: Validation | None = None
        self._stopped_at_rest = False
        self.following: NextRun | None = None
        """After a reset: the run that comes next."""

    # The story -------------------------------------------------------------------------------------------------------

    def run(self, *, resumed: bool, preflight: Preflight | None = None) -> None:
        """Train to the end, or until the run is stopped. Every failure is written down before it is raised, and so is what the
        checks before the run found."""
        session, position = self.session, self.session.state.position
        spec, budget = session.parts.spec, session.parts.budget
        with self._open_desk(resumed) as desk:
            desk.checked(preflight)
            self._announce(resumed)
            self._start(resumed=resumed)
            if position.step == 0:
                self._snapshot(self._validate())
                desk.begin_timeline()
            if session.state.unjudged and self._epoch_ends():
                self._close(StopReason.EARLY_STOPPING)
                return
            reason, orders = self._reason_at_the_end(), True
            stream = batches_from(session)
            while position.step < self.limits.last_step:
                if orders:
                    desk.control.obey(self._idle)
                    if asked := self._asked_to_end():
                        reason = asked
                        self._snapshot(None)
                        break
                self._step(desk.rows.next_batches(stream, budget.accumulate))
                if position.step % spec.engine.log_every_steps == 0:
                    desk.log()
                if session.guard.due:
                    look(session, desk, self.votes)
                if (position.batch == 0 or position.step == budget.total_steps) and self._epoch_ends():
                    reason = StopReason.EARLY_STOPPING
                    break
                interrupted, out_of_time, save, orders = self._due()
                if interrupted or out_of_time:
                    reason = self.limits.why(out_of_time=out_of_time)
                    self._snapshot(self._validated_at_the_end_of_the_time(reason))
                    break
                if save:
                    desk.saver.save()
            self._close(reason)

    @contextlib.contextmanager
    def _open_desk(self, resumed: bool) -> Iterator[Desk]:
        session = self.session
        if resumed and session.parts.compute.main and not self.script:
            self.script = orders_after(self.folder, session.step)
        self.desk = Desk(session, self.folder, self.progress, self.script, resumed=resumed)
        try:
            yield self.desk
        except torch.OutOfMemoryError as error:
            raise self.desk.failed(out_of_memory(session.parts.spec, session.step, error)) from error
        except TileworkError as error:
            self.desk.failed(error)
            if not session.step == self.limits.last_step < session.parts.budget.total_steps:
                raise
            # The run that is repeated failed here too.
        finally:
            self.desk.close(self.following.folder.id if self.following else None)

    def _step(self, micro_batches: list[Any]) -> None:
        parts, state, steering = self.session.parts, self.session.state, self.session.steering
        parts.statistics.keep()
        lr, weights = steering.lr(), steering.weights()
        self.session.guard.limit_gradient(weights)
        result = parts.stepper.step(micro_batches, weights, lr)
        parts.statistics.put_back(parts.stepper.skipped_in_row)
        if parts.average is not None:
            parts.average.update(parts.stepper.skipped_in_row)
        row = state.tally.add(result.values)
        state.position.advance(len(micro_batches), parts.budget)
        self.session.guard.note(tuple(result.values), row, lr)
        self.desk.stepped(result.kept, micro_batches)

    def _epoch_ends(self) -> bool:
        """Validation, and what it decides; True if the run should stop early."""
        session, engine, position = self.session, self.session.parts.spec.engine, self.session.state.position
        last = position.step == session.parts.budget.total_steps
        if position.epoch % engine.validate_every_epochs and not last:
            return False
        found = self._validate()
        value = monitored(engine.monitor, session.parts.task, found.metrics)
        if is_best(session, value) and session.parts.compute.main:
            self.desk.saver.keep_best()
        for name, cuts in cut_plateaus(session, value).items():
            self.desk.event("plateau", what=name, cuts=cuts)
        stop = stops_early(session, value)
        if stop or last or (position.epoch % engine.snapshot_every_epochs == 0 and position.batch == 0):
            self._snapshot(found)
        return stop

    def _close(self, reason: StopReason) -> None:
        session, desk, several = self.session, self.desk, not self.session.parts.compute.alone
        if reason is StopReason.RESET:
            self.following = next_run(session, self.folder)
            desk.event("reset", next=self.following.folder.id)
        apart = largest_difference_between_ranks(session.parts.model) if several else 0.0
        if not desk.rows.complete:
            desk.log()  # The steps since the last row.
        desk.keep_frame(last=True)
        desk.saver.save()
        if several:
            desk.event("ranks-compared", largest_difference=apart)
        desk.judge(reason)
        steps = self.limits.last_step
        desk.ended(reason, steps)
        if self.following:
            desk.message(
                f"reset: {self.following.folder.id} begins with other weights; this run stands at step {session.step:,}"
            )
            return
        metrics = self.newest.metrics if self.newest else {}
        self.progress.finished(Finish(reason, session.step, session.state.position.seconds, metrics, steps))

    # Its parts -------------------------------------------------------------------------------------------------------

    def _announce(self, resumed: bool) -> None:
        for warning in self.session.parts.data.warnings if not resumed else ():
            self.progress.message(warning)
        if ends := which_ends(self.session.parts):
            self.progress.message(ends)
        self.progress.started(plan(self.session.parts, self.folder, self.session.step))

    def _start(self, *, resumed: bool) -> None:
        parts = self.session.parts
        fresh = not resumed and not starts_with_weights(parts.spec)
        row = parts.task.start(parts.spec.engine.start_batches, self.progress) if fresh else Row()
        for kind, payload in row.events:
            self.desk.event(kind, **payload)
        self.session.guard.begin()
        if not resumed:
            self.desk.saver.save()  # Before the validation, which may be long.

    def _validate(self) -> Validation:
        self.desk.show("validating")
        self.newest = validated(self.session, self.desk)
        self.desk.validated(self.newest)
        return self.newest

    def _validated_at_the_end_of_the_time(self, reason: StopReason) -> Validation | None:
        """A validation where the time limit ends a run: its metrics would be those of the last epoch, or of step 0.

        Who presses Ctrl-C wants the prompt back. The checkpoint comes first: the machine may be taken away.
        """
        if reason is not StopReason.OUT_OF_TIME:
            return None
        self.desk.saver.save()
        return self._validate()

    def _snapshot(self, found: Validation | None) -> None:
        with self.session.parts.judged_weights():
            self.desk.snapshot(self.session.parts.task.snapshots(found))

    # Ways to end -----------------------------------------------------------------------------------------------------

    def _reason_at_the_end(self) -> StopReason:
        limited = self.limits.last_step < self.session.parts.budget.total_steps
        return StopReason.STEP_LIMIT if limited else StopReason.ALL_STEPS

    def _due(self) -> tuple[bool, bool, bool, bool]:
        """(interrupted?, out of time?, save?, orders?), the same on every process; the clock that counts is the main one's."""
        main = self.session.parts.compute.main
        interrupted, out_of_time, save, orders = self.votes.any(
            self.limits.interrupted,
            main and self.limits.out_of_time,
            main and self.desk.saver.due,
            self.desk.control.wanted,
        )
        return interrupted, out_of_time and not interrupted, save, orders

    def _idle(self) -> bool:
        """While paused: snapshots and checkpoints are made, a signal still ends the run. True where that is asked for."""
        saver, limits, main = self.desk.saver, self.limits, self.session.parts.compute.main
        standing = saver.due_at_rest
        self._snapshot_if_asked()
        self._stopped_at_rest, save = self.votes.any(
            limits.interrupted or (main and limits.out_of_time), standing and main
        )
        if save:
            saver.save()
        return self._stopped_at_rest

    def _asked_to_end(self) -> StopReason | None:
        """Why the run is to end before its next step; None where it is not."""
        self._snapshot_if_asked()
        if self.desk.control.stop_reason is not None:
            return self.desk.control.stop_reason
        main = self.session.parts.compute.main
        return self.limits.why(out_of_time=main and self.limits.out_of_time) if self._stopped_at_rest else None

    def _snapshot_if_asked(self) -> None:
        if not self.desk.control.snapshot_asked:
            return
        self.desk.control.snapshot_asked = False
        self._snapshot(None)
        self.desk.keep_frame()
        self.desk.event("snapshot")
        self.desk.saver.save()
