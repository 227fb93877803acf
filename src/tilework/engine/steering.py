"""What may be changed while a run goes on: the weight of every loss term, the learning rate, the task's own settings.

A value set by hand replaces the schedule from the next step on.
"""

from __future__ import annotations

import math

from tilework.engine.guard.slowdown import Slowdown
from tilework.engine.parts import Parts
from tilework.engine.state import RunState
from tilework.errors import UserError
from tilework.protocol.run import Steerable
from tilework.spec import Constant, Plateau, Schedule, Setting
from tilework.spec.model import MOST_LR

LR = "optimizer.lr"
MOST_WEIGHT = 100.0
"""How far a weight can be raised by hand at least, whatever it starts with: what a loss term does shows beyond the usual."""
_ENDED = 10**9
"""A step at which every schedule has ended."""


class Steering:
    """The values that the next step uses: those of the schedules, where nobody has set another and no rollback lowers them."""

    def __init__(self, parts: Parts, state: RunState) -> None:
        self.task, self.budget, self.state = parts.task, parts.budget, state
        self.optimizer = parts.stepper.inner
        self.lr_schedule: Schedule = parts.spec.optimizer.lr
        self.recover_steps = parts.spec.engine.guard.recover_steps
        self.terms = dict(parts.task.weights())
        weights = [self._of_weight(term, schedule) for term, schedule in self.terms.items()]
        self.settings = {one.name: one for one in (*weights, self._of_lr(), *parts.task.settings())}

    # What a step uses ------------------------------------------------------------------------------------------------

    def weights(self) -> dict[str, float]:
        """Weight of every loss term at the next step."""
        return self._weights_at(self.state.position.step)

    def final_weights(self) -> dict[str, float]:
        """Weights where every schedule has ended: validation losses use them, so that epochs can be compared."""
        return self._weights_at(max(self.budget.total_steps, _ENDED), cut=False)

    def lr(self) -> float:
        """Learning rate of the next step; lower than the schedule or a person sets it for some time after a
        rollback."""
        step = self.state.position.step
        by_hand = self.state.set_by_hand.get(LR)
        value = self._value(self.lr_schedule, "lr", step) if by_hand is None else by_hand
        return value * self.state.slowdown.factor(step, self.recover_steps)

    def used(self) -> dict[str, float]:
        """What the step just taken used: every term's weight, and the learning rate."""
        weights = self._weights_at(self.state.position.step - 1)
        return {f"weight.{name}": w for name, w in weights.items()} | {
            "lr": float(self.optimizer.param_groups[0]["lr"])
        }

    def _weights_at(self, step: int, *, cut: bool = True) -> dict[str, float]:
        by_hand = self.state.set_by_hand
        return {
            name: by_hand.get(f"objective.{name}", self._value(schedule, name, step, cut=cut))
            for name, schedule in self.terms.items()
        }

    def _value(self, schedule: Schedule, name: str, step: int, *, cut: bool = True) -> float:
        value = schedule.at(step, self.budget.clock)
        if isinstance(schedule, Plateau):
            value = schedule.reduced(value, self.state.judgement.cuts().get(name, 0) if cut else 0)
        return value

    # By hand ---------------------------------------------------------------------------------------------------------

    def described(self) -> list[Steerable]:
        """The settings as plain data, for the run store."""
        return [described(one) for one in self.settings.values()]

    def values(self) -> dict[str, float]:
        """What every setting stands at for the next step."""
        present = {f"objective.{name}": w for name, w in self.weights().items()} | {LR: self.lr()}
        present |= {one.name: one.value for one in self.task.settings()}
        return {name: present[name] for name in self.settings}

    def set(self, name: str, value: float) -> float:
        """Set one; returns what it stood at. Raises UserError for an unknown one, a value out of its range, and a loss term that
        lacks what it needs; nothing has changed then."""
        setting = self.settings.get(name)
        if setting is None:
            raise UserError(
                f"{name} cannot be changed while the run goes on",
                why=f"what can be is {', '.join(self.settings)}",
                fix="set one of these; everything else is decided when a run starts",
            )
        if not (math.isfinite(value) and setting.low <= value <= setting.high):
            raise UserError(f"{name}={value:g} is out of range", fix=f"choose {setting.low:g} to {setting.high:g}")
        before, weights = self.values()[name], self.final_weights()
        self.set_again(name, float(value))
        if name == LR:  # it is what the person set, also soon after a rollback
            self.state.slowdown = Slowdown()
        if self.final_weights() != weights:  # What the validation loss means has changed.
            self.state.judgement.begin_again()
        return before

    def stays(self, name: str) -> bool:
        """Whether it stays where it is as long as nobody sets it: no schedule moves it."""
        schedule = self.lr_schedule if name == LR else self.terms.get(name.removeprefix("objective."))
        return schedule is None or isinstance(schedule, Constant) or name in self.state.set_by_hand

    def set_again(self, name: str, value: float) -> None:
        """Set one that was set before the run stopped."""
        if name != LR:
            self.task.set(name, value)
        self.state.set_by_hand[name] = value

    def _of_lr(self) -> Setting:
        _, high = self.lr_schedule.bounds
        return Setting(LR, "learning rate", self.lr(), high / 1000, min(MOST_LR, high * 100), "log", "of the optimiser")

    def _of_weight(self, term: str, schedule: Schedule) -> Setting:
        _, high = schedule.bounds
        top = max(MOST_WEIGHT, 100 * high)
        about = f"weight; {self.task.about_term(term)}".strip("; ")
        start = self._value(schedule, term, 0, cut=False)
        return Setting(f"objective.{term}", term, start, 0.0, top, "off-log", about)


def described(setting: Setting) -> Steerable:
    """A setting as plain data."""
    return {
        "name": setting.name,
        "label": setting.label,
        "value": setting.value,
        "low": setting.low,
        "high": setting.high,
        "scale": setting.scale,
        "help": setting.help,
    }
