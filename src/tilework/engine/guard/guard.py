"""The guard of one run: looks at what its steps measured, keeps a copy of its state while it is healthy, and rolls back to it.

The number of the step and the data position always go on, so no batch is met again and a replay or a resume needs nothing but
the state that a checkpoint keeps. When it looks and when it copies depends on the number of the step alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tilework.engine.guard.copies import Copy, all_finite
from tilework.engine.guard.history import JUMP, Entry, History
from tilework.engine.guard.limit import Limit
from tilework.engine.guard.spike import NEWEST, Rise, loss_of, rise
from tilework.engine.parts import Parts
from tilework.engine.state import RunState
from tilework.engine.step import MOST_FAR
from tilework.runs.guarding import AlarmReason

TRIAL = 2
"""Looks at which a run must be healthy after a copy, before that copy counts as good."""
EXPLAINED = 20
"""Times the room above the usual loss that a jump may take which the task expects."""
FORGOTTEN = 1000
"""Steps after which a rollback no longer counts."""


@dataclass(frozen=True)
class Skipped:
    """Refused steps since the last look."""

    first: int
    last: int
    count: int
    terms: tuple[str, ...]
    """Loss terms that were not finite, or what else was not where all of them were; () = the gradient alone."""
    far: int = 0
    """How many of them were finite, and their gradients far beyond those of the steps before."""


@dataclass(frozen=True)
class Alarm:
    """Why the run must not go on as it is."""

    reason: AlarmReason
    values: Mapping[str, Any] = field(default_factory=dict)
    """What was measured, by name."""


@dataclass(frozen=True)
class Look:
    """What one look has found."""

    skipped: Skipped | None = None
    alarm: Alarm | None = None
    level: Rise | None = None
    """The loss is at another level with weights that were healthy: not the weights have changed."""


class Guard:
    """Of each process its own; all of them look at the same numbers and come to the same."""

    def __init__(self, parts: Parts, state: RunState) -> None:
        self.parts, self.state, self.settings = parts, state, parts.spec.engine.guard
        self.history = History(("loss", "grad_norm", *parts.task.weights()), parts.task.expects_jump)
        self.limit = Limit()
        self.good, self.trial = Copy(), Copy()
        self.next_copy = 0
        self.in_row = 0
        """Refused steps in a row that have been read."""
        self.rolled: list[int] = []
        """Steps after which the run was rolled back."""

    def begin(self) -> None:
        """Before the first step of a process: the state as it is counts as good, where there is no better one."""
        if self.settings.enabled and self.good.step < 0:
            step = self.state.position.step
            self.good.take(self.parts, step)
            self.next_copy = step + self._spacing(step)

    # Each step -------------------------------------------------------------------------------------------------------

    def note(self, names: Sequence[str], row: Tensor, lr: float) -> None:
        """One step was taken and measured this (n,)."""
        self.history.note(self.state.position.step, lr, tuple(names), row, self.parts.stepper.norm_limit)

    def limit_gradient(self, weights: Mapping[str, float]) -> None:
        """Before a step under these loss weights: how large its gradient may be."""
        # Lost weights have such gradients too; near the end there would be no steps left that show them.
        left = self.parts.budget.total_steps - self.state.position.step
        watched = self._limits and left > MOST_FAR + NEWEST
        self.parts.stepper.norm_limit = self.limit.under(weights) if watched else math.inf

    @property
    def _limits(self) -> bool:
        """Whether single steps may be refused. A scaled loss (fp16) has gradients of every size."""
        return self.settings.enabled and self.settings.spike is not None and self.parts.compute.scaler is None

    @property
    def due(self) -> bool:
        """Whether to look now: every few steps, at the end, and where the host knows that too many steps were refused."""
        step, skipped = self.state.position.step, self.parts.stepper.skipped_in_row
        if step % self._every == 0 or self._at_the_end:
            return True
        return skipped.device.type == "cpu" and int(skipped) > self.parts.spec.engine.nonfinite_steps

    @property
    def _every(self) -> int:
        # On a GPU each look waits for the device; as often as rows are logged by default.
        return 5 if self.settings.enabled and self.parts.compute.device.type == "cpu" else 10

    @property
    def _at_the_end(self) -> bool:
        return self.state.position.step == self.parts.budget.total_steps

    # A look ----------------------------------------------------------------------------------------------------------

    def look(self, weights: Mapping[str, float], mean: Callable[[Tensor], Tensor]) -> Look:
        """Judge the steps since the last look, and copy the state where it is healthy. Collective; waits for the device.

        `weights`: of the loss terms, now; `mean`: over the processes, of a tensor on the CPU.
        """
        read = self.history.read(mean)
        refused = [entry for entry in read if entry.refused and not self._by_the_scaler(entry)]
        skipped = self._skipped(refused)
        for entry in read:
            if not entry.refused:
                self.in_row = 0
            elif not entry.far and not self._by_the_scaler(entry):
                self.in_row += 1
        far = [entry.step for entry in read if entry.far]
        self.limit.learn(list(self.history.entries), far, weights, self.state.position.step)
        if self.in_row > self.parts.spec.engine.nonfinite_steps:
            terms = skipped.terms if skipped else ()
            return Look(skipped, Alarm(AlarmReason.NOT_FINITE, {"in_row": self.in_row, "terms": terms}))
        if not self.settings.enabled:
            return Look(skipped)
        found = self._rise(weights)
        if found is not None and found.alarming:
            if self._expected(found, weights):
                self.history.forget()
                return Look(skipped)
            if self._from_the_first_step(found, weights):
                self.history.forget()
                return Look(skipped, level=found)
            return Look(skipped, Alarm(AlarmReason.SPIKE, vars(found).copy()))
        healthy = found is None or found.healthy
        sound = self._keep(healthy, tested=not refused)
        return Look(skipped, None if sound else Alarm(AlarmReason.WEIGHTS))

    def _skipped(self, refused: Sequence[Entry]) -> Skipped | None:
        if not refused:
            return None
        found = dict.fromkeys(name for entry in refused for name in entry.culprits)
        terms = [name for name in found if name in self.history.keep and name != "loss"]
        far = sum(entry.far for entry in refused)
        return Skipped(refused[0].step, refused[-1].step, len(refused), tuple(terms or found), far)

    def _by_the_scaler(self, entry: Entry) -> bool:
        """Under fp16 a step is also refused because its loss was scaled too much, until the scale has come down."""
        scaler = self.parts.compute.scaler
        return scaler is not None and math.isfinite(entry.values["loss"]) and float(scaler.get_scale()) > 1.0

    def _rise(self, weights: Mapping[str, float]) -> Rise | None:
        """At the end of the run the last steps alone must do, by a wider measure."""
        spike = self.settings.spike
        if spike is None:
            return None
        entries = self.history.entries
        found = rise(entries, weights, spike)
        if self._at_the_end and not (found is not None and found.alarming):
            for newest in range(1, NEWEST):
                last = rise(entries, weights, 2 * spike, newest)
                if last is not None and last.alarming:
                    return last
        return found

    def _expected(self, found: Rise, weights: Mapping[str, float]) -> bool:
        """Whether the loss rose right after a step that its task expects a jump from; not where it was high before, nor where it
        is higher than such a step explains."""
        if found.loss - found.usual > EXPLAINED * (found.threshold - found.usual):
            return False
        entries = list(self.history.entries)
        high = (entry for entry in entries[-NEWEST - self._every :] if loss_of(entry, weights) > found.threshold)
        first = next((entry.step for entry in high), 0)
        return any(JUMP in entry.values and first - NEWEST <= entry.step <= first for entry in entries)

    def _from_the_first_step(self, found: Rise, weights: Mapping[str, float]) -> bool:
        """Whether the loss was as high in the first step after a rollback: with weights that were healthy before."""
        if not self.rolled or self.state.position.step - self.rolled[-1] > 2 * self._every + NEWEST:
            return False
        first = next((entry for entry in self.history.entries if entry.step > self.rolled[-1]), None)
        return first is not None and loss_of(first, weights) > found.threshold

    # Copies ----------------------------------------------------------------------------------------------------------

    def _keep(self, healthy: bool, *, tested: bool) -> bool:
        """Confirm the copy that is on trial, and make a new one where it is time; False where there is nothing sound to copy.

        A refused step has changed no weight: a look that met one (not `tested`) proves nothing, and the trial goes on.
        """
        step = self.state.position.step
        if not healthy:
            self.trial.step = -1
        elif tested and self.trial.step >= 0 and step - self.trial.step >= TRIAL * self._every:
            self.good, self.trial = self.trial, self.good
            self.trial.step = -1
        if healthy and tested and self.trial.step < 0 and step >= self.next_copy and not self._at_the_end:
            if not all_finite(self.parts):
                return False
            self.trial.take(self.parts, step)
            self.next_copy = step + self._spacing(step)
        return True

    def _spacing(self, step: int) -> int:
        """Steps to the next copy: a rollback costs a short run few steps, and a long one no time."""
        return self.settings.copy_every_steps or min(200, max(10, step // 20))

    # Rolling back ----------------------------------------------------------------------------------------------------

    @property
    def can_roll_back(self) -> bool:
        """Whether there is a good state, and the run has not needed too many already."""
        step = self.state.position.step
        recent = [one for one in self.rolled if step - one < FORGOTTEN]
        return self.settings.enabled and self.good.step >= 0 and len(recent) < self.settings.rollbacks

    def roll_back(self) -> None:
        """Make the state the last good one, and lower the learning rate; data and steps go on."""
        step = self.state.position.step
        again = any(step - one < FORGOTTEN for one in self.rolled)
        self.put_back()
        self.state.slowdown.cut(step, self.settings.recover_steps, self.settings.lr_factor, again=again)
        self.rolled = [*self.rolled, step][-100:]
        self.next_copy = step + self._spacing(step)

    def put_back(self) -> None:
        """Make the state the last good one."""
        self.good.put_back(self.parts)
        self.trial.step = -1
        self.history.forget_after(self.good.step)
        self.in_row = 0
        self.parts.stepper.skipped_in_row = torch.zeros_like(self.parts.stepper.skipped_in_row)

    # A checkpoint ----------------------------------------------------------------------------------------------------

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps, beside `history.unread` of each process. A copy of the very state that the checkpoint holds is
        not written again."""
        here = self.state.position.step
        return {
            "rolled": list(self.rolled),
            "in_row": self.in_row,
            "next_copy": self.next_copy,
            "slowdown": vars(self.state.slowdown).copy(),
            "history": self.history.state(),
            "limit": {**vars(self.limit), "in_row": self.history.far_in_row},
            **{
                name: {"step": copy.step} if copy.step in {-1, here} else copy.state()
                for name, copy in (("good", self.good), ("trial", self.trial))
            },
        }
