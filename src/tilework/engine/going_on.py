"""Where a resumed run stands in its data and its schedules, also where its steps are of another length than they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from tilework.engine.guard.guard import Guard
from tilework.engine.parts import Budget, steps_per_epoch
from tilework.engine.session import Session
from tilework.engine.state import Position
from tilework.engine.steering import Steering
from tilework.engine.tasks.contract import Divisible, Feed
from tilework.errors import UserError
from tilework.spec import RunSpec
from tilework.spec.clock import Clock

Marks = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Stride:
    """What one optimiser step takes of the data."""

    batch_size: int
    accumulate: int

    @classmethod
    def of(cls, spec: RunSpec) -> Stride:
        """That of a spec."""
        return cls(spec.engine.batch_size, spec.optimizer.accumulate)

    @classmethod
    def written(cls, spec: Mapping[str, Any], present: RunSpec) -> Stride:
        """That of a spec as a checkpoint keeps it; of the `present` one where it does not keep it."""
        size = (spec.get("engine") or {}).get("batch_size")
        accumulate = (spec.get("optimizer") or {}).get("accumulate")
        return cls(size if isinstance(size, int) else present.engine.batch_size,
                   accumulate if isinstance(accumulate, int) else present.optimizer.accumulate)  # fmt: skip


def goes_on(session: Session, position: Position, marks: Marks, before: Stride) -> tuple[Session, str]:
    """The session at `position`, which was reached by steps of the length `before`; `marks` are those of its clock. With a note
    for the person where the steps are of another length now, else "".

    With the same batch size it stands exactly there. With another, the items of the epoch that were used up stay used up, the
    rest is cut into the new batches, and the schedules go on from the same part of the epoch. Raises UserError where the task's
    data cannot be cut anew.
    """
    spec, feed, now = session.parts.spec, session.parts.data.train, Stride.of(session.parts.spec)
    per_epoch = steps_per_epoch(spec, feed.steps_per_epoch)
    position, clock, note = replace(position), Clock(per_epoch, marks), ""
    begun = position.batch > 0 or position.used > 0
    if now != before:
        epochs, rest, ends = _epochs_passed(session, position, marks, before), 0, position.epoch
        if begun:
            position.used = min(position.used + position.batch * before.batch_size, session.parts.data.items[0])
            rest, ends = _divisible(feed, before).batches_after(position.used) // now.accumulate, position.epoch + 1
            position.batch, position.length = 0, rest * now.accumulate
        if rest == 0:  # at the beginning of an epoch, or less is left of it than one step takes: it ends here
            session.state.unjudged = begun
            position.epoch, position.used, position.length = ends, 0, 0
        clock = clock.changed(position.step, epochs, per_epoch, rest, ends)
        note = _note(session, position, before, now)
    parts = replace(session.parts, budget=Budget.of(spec, clock))
    session.state.position = position
    steering, guard = Steering(parts, session.state), Guard(parts, session.state)
    return Session(parts, session.state, steering, guard), note


def batches_from(session: Session) -> Iterator[Any]:
    """Micro-batches from where the run stands, epoch after epoch, for ever."""
    feed, budget, position = session.parts.data.train, session.parts.budget, session.state.position
    epoch, length = position.epoch, position.to_epoch(budget)
    yield from islice(rest_of_epoch(feed, position), length)
    while True:
        epoch += 1
        yield from islice(feed.epoch(epoch), budget.micro_batches_per_epoch)


def rest_of_epoch(feed: Feed, position: Position) -> Iterator[Any]:
    if position.used:
        assert isinstance(feed, Divisible)
        return feed.epoch(position.epoch, position.batch, position.used)
    return feed.epoch(position.epoch, position.batch)


def _note(session: Session, position: Position, before: Stride, now: Stride) -> str:
    unit, items = session.parts.data.unit, session.parts.data.items[0]
    where = f"begins with epoch {position.epoch + 1:,}"
    if position.used:
        where = (
            f"goes on behind the {position.used:,} of {items:,} {unit} that epoch {position.epoch + 1:,} has used up"
        )
    several = f" x {now.accumulate}" if now.accumulate > 1 or before.accumulate > 1 else ""
    earlier = f"{before.batch_size}{f' x {before.accumulate}' if several else ''}"
    return f"{now.batch_size}{several} {unit} a step from here, {earlier} before: the run {where}"


def _epochs_passed(session: Session, position: Position, marks: Marks, before: Stride) -> float:
    """Epochs at `position` by the clock that ran until now."""
    if position.length:
        return Clock(1, marks).epochs(position.step)
    items = session.parts.data.items[0]
    per_epoch = max(1, items // before.batch_size // before.accumulate) * before.accumulate
    return position.epoch + min(1.0, position.batch / per_epoch)


def _divisible(feed: Feed, before: Stride) -> Divisible:
    if isinstance(feed, Divisible):
        return feed
    raise UserError(
        "this run cannot go on with another batch size: it stopped in the middle of an epoch",
        why="the data of its task cannot be cut into other batches from there",
        fix=f"go on with engine.batch_size={before.batch_size} to the end of the epoch",
    )
