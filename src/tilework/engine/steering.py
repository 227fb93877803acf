"""What may be changed while a run goes on: the weight of every loss term, the learning rate, the codebook's averages."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tilework.engine.session import Session
from tilework.errors import UserError
from tilework.spec.model import MOST_LR


@dataclass(frozen=True)
class Knob:
    """One setting that can be steered, with what a slider needs to know."""

    name: str
    """Its path in the spec, for example `objective.commitment`."""
    label: str
    value: float
    """What the run began with."""
    low: float
    high: float
    scale: Literal["linear", "log", "off-log"]
    """off-log: logarithmic, with 0 = off at the left end; `low` is then 0."""
    help: str


class Steering:
    """The knobs of a session. A value set by hand replaces the schedule from the next step on."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.knobs = {knob.name: knob for knob in (*_weights(session), _lr(session), *_codebook(session))}

    def described(self) -> list[dict[str, Any]]:
        """The knobs as plain data, for the run store."""
        return [asdict(knob) for knob in self.knobs.values()]

    def values(self) -> dict[str, float]:
        """What every knob stands at for the next step."""
        session = self.session
        present = {f"objective.{name}": w for name, w in session.weights().items()} | {"optimizer.lr": session.lr()}
        present |= {f"bottleneck.{s.name}": s.value for s in session.model.bottleneck.settings()}
        return {name: present[name] for name in self.knobs}

    def set(self, name: str, value: float) -> float:
        """Turn a knob; returns what it stood at. Raises UserError for an unknown one, a value out of its range, and a loss term
        that lacks what it needs."""
        knob = self.knobs.get(name)
        if knob is None:
            raise UserError(
                f"{name} cannot be changed while the run goes on",
                why=f"what can be is {', '.join(self.knobs)}",
                fix=f"start a new run with {name}=...",
            )
        if not (math.isfinite(value) and knob.low <= value <= knob.high):
            raise UserError(f"{name}={value:g} is out of range", fix=f"choose {knob.low:g} to {knob.high:g}")
        before = self.values()[name]
        self.session.steer(name, float(value))
        return before


def _weights(session: Session) -> list[Knob]:
    found = []
    for term, config in session.objective.settings.items():
        _, high = config.weight.bounds
        # Weights of about 1 are compared by difference, very small and very large ones by factor.
        plain = high == 0 or 0.02 <= high <= 2
        top = max(2.0, 2 * high) if plain else 100 * high
        start = session.objective.weights_at(0, session.steps_per_epoch)[term]
        text = (type(config).__doc__ or "").strip().splitlines()[0] if type(config).__doc__ else ""
        found.append(
            Knob(
                f"objective.{term}",
                term,
                start,
                0.0,
                top,
                "linear" if plain else "off-log",
                f"weight; {text}".strip("; "),
            )
        )
    return found


def _lr(session: Session) -> Knob:
    _, high = session.spec.optimizer.lr.bounds
    return Knob(
        "optimizer.lr", "learning rate", session.lr(), high / 1000, min(MOST_LR, high * 100), "log", "of the optimiser"
    )


def _codebook(session: Session) -> list[Knob]:
    owned = session.model.bottleneck.settings()
    return [Knob(**{**asdict(setting), "name": f"bottleneck.{setting.name}"}) for setting in owned]
