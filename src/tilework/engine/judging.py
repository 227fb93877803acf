"""Validation, and what it decides: the best weights, plateau cuts, early stopping."""

from __future__ import annotations

from tilework.engine.ranks import average_batch_statistics
from tilework.engine.session import Session
from tilework.engine.stopping import should_stop_early
from tilework.engine.tasks.contract import Validation
from tilework.errors import RunFailure, UserError
from tilework.spec import Plateau


def validation(session: Session) -> Validation:
    """Pass over the validation split with the weights that are judged. Raises RunFailure where it cannot. Collective."""
    parts = session.parts
    if not parts.compute.alone:
        average_batch_statistics(parts.model)
    try:
        with parts.judged_weights():
            return parts.task.validate(session.steering.final_weights())
    except UserError as error:
        # The bottleneck refuses what is not finite. In a run that is no mistake of a person's input.
        raise RunFailure(f"step {session.step:,}, held-out pass: {error.what}", why=error.why, fix=error.fix) from error


def is_best(session: Session, value: float) -> bool:
    """Take one validation's value; True if it is the best so far."""
    return session.state.judgement.best.improved(value, 0.0)


def cut_plateaus(session: Session, value: float) -> dict[str, int]:
    """Take one validation's value; the schedules that are cut now, each with how often it was."""
    schedules = {"lr": session.steering.lr_schedule, **session.steering.terms}
    cut = {}
    for name, state in session.state.judgement.plateaus.items():
        schedule = schedules[name]
        assert isinstance(schedule, Plateau)
        if state.validated(value, schedule):
            cut[name] = state.cuts
    return cut


def stops_early(session: Session, value: float) -> bool:
    """Take one validation's value; True where nothing has improved for long enough."""
    settings = session.parts.spec.engine.early_stopping
    return settings is not None and should_stop_early(session.state.judgement.early, value, settings)
