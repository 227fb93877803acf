"""What a model is trained by: its loss terms with their schedules, and the optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from tilework.explain.facts.training import Course, Role, TermFact, Training
from tilework.objective import TermConfig
from tilework.spec import AutoencoderSpec, RunSpec, Schedule

_BESIDE = {"kind", "weight", "per"}
_ENCODER = {"commitment", "kl_per_dim", "entropy"}
_CODES = {"codebook", "learnt_codebooks"}


def training(spec: RunSpec, terms: tuple[TermFact, ...]) -> Training:
    """The optimiser's side of a spec, with its loss terms."""
    engine, optimizer = spec.engine, spec.optimizer
    return Training(
        terms,
        optimizer.kind,
        course(optimizer.lr),
        optimizer.clip_norm,
        engine.batch_size * optimizer.accumulate,
        engine.steps,
        engine.epochs,
        engine.early_stopping.patience if engine.early_stopping else None,
        engine.ema_decay,
        tuple(tracker.kind for tracker in spec.trackers),
    )


def terms_of(spec: AutoencoderSpec, newest: Mapping[str, float]) -> tuple[TermFact, ...]:
    """The loss terms of an autoencoder; `newest` are the values of its run that were measured last, in training."""
    return tuple(
        TermFact(
            name,
            _role(term),
            course(term.weight),
            str(getattr(term, "per", "")),
            {key: value for key, value in term.model_dump(mode="json").items() if key not in _BESIDE},
            _about(term),
            newest.get(name),
            newest.get(f"weight.{name}"),
        )
        for name, term in cast(Mapping[str, TermConfig], spec.objective).items()
    )


def course(schedule: Schedule) -> Course:
    """A schedule as values."""
    low, high = schedule.bounds
    settings: dict[str, Any] = schedule.model_dump(mode="json", exclude={"kind"})
    if not schedule.warmup.amount:
        settings.pop("warmup", None)
    return Course(str(schedule.kind), schedule.start_value, low, high, settings)


def _role(term: TermConfig) -> Role:
    """By what a term asks of the bottleneck: nothing means that it compares images."""
    if term.needs & _CODES:
        return Role.CODES
    if term.needs & _ENCODER:
        return Role.ENCODER
    return Role.OTHER if term.needs else Role.RECONSTRUCTION


def _about(term: TermConfig) -> str:
    text = type(term).__doc__ or ""
    return text.strip().splitlines()[0] if text.strip() else ""
