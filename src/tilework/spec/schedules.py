"""Schedules: how a loss weight or the learning rate moves with the run.

Every schedule is a pure function of where the run stands, so that a resumed run needs no state for it. The one exception
is `plateau`, whose value also depends on the factor that the engine has earned so far (kept in the checkpoint).
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, SerializeAsAny, ValidationError

from tilework.spec.explain import problems
from tilework.spec.plugins import Settings


class Span(Settings):
    """A length of training: `500 steps` or `30 epochs`."""

    amount: float = Field(ge=0)
    unit: Literal["steps", "epochs"]

    def steps(self, steps_per_epoch: int) -> float:
        """The same length in optimiser steps."""
        return self.amount * (steps_per_epoch if self.unit == "epochs" else 1)

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"


def _read_span(raw: Any) -> Any:
    if isinstance(raw, str):
        found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(step|epoch)s?\s*", raw)
        if not found:
            raise ValueError(f"'{raw}' is not a length of training; write for example '30 epochs' or '500 steps'")
        return Span(amount=float(found[1]), unit="steps" if found[2] == "step" else "epochs")
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        raise ValueError(f"{raw} has no unit; write '{raw} epochs' or '{raw} steps'")
    return raw


Length = Annotated[Span, BeforeValidator(_read_span), PlainSerializer(str, return_type=str)]


class Schedule(Settings):
    """A value over the run. `at(step, steps_per_epoch)` counts optimiser steps from 0."""

    kind: str
    warmup: Length = Field(
        default=Span(amount=0, unit="steps"), description="rise linearly from 0 over this length first"
    )

    def at(self, step: int, steps_per_epoch: int) -> float:
        """The value that optimiser step number `step` (from 0) uses."""
        warm = self.warmup.steps(steps_per_epoch)
        # The first step already moves: with a warm-up of n steps, step 0 uses 1/n of the value.
        rise = min(1.0, (step + 1) / warm) if warm > 0 else 1.0
        return rise * self.base(max(0.0, step - warm), steps_per_epoch)

    @abstractmethod
    def base(self, step: float, steps_per_epoch: int) -> float:
        """The value without the warm-up; `step` counts from the end of the warm-up."""

    @property
    def start_value(self) -> float:
        """The value at the first step, warm-up aside."""
        return self.base(0.0, 1)


class Constant(Schedule):
    """The same value all along."""

    kind: Literal["constant"] = "constant"
    value: float

    def base(self, step: float, steps_per_epoch: int) -> float:
        return self.value


class Linear(Schedule):
    """From `start` to `end` in a straight line over a length, then constant."""

    kind: Literal["linear"] = "linear"
    start: float
    end: float
    over: Length

    def base(self, step: float, steps_per_epoch: int) -> float:
        length = self.over.steps(steps_per_epoch)
        done = min(1.0, step / length) if length > 0 else 1.0
        return self.start + (self.end - self.start) * done


class Staircase(Schedule):
    """From `start`, `rise` more after every `every`, never beyond `limit`."""

    kind: Literal["staircase"] = "staircase"
    start: float = 0.0
    rise: float
    every: Length
    limit: float

    def base(self, step: float, steps_per_epoch: int) -> float:
        length = self.every.steps(steps_per_epoch)
        value = self.start + self.rise * math.floor(step / length) if length > 0 else self.limit
        return min(value, self.limit) if self.rise >= 0 else max(value, self.limit)


class Cosine(Schedule):
    """From `start` to `end` along half a cosine over a length, then constant."""

    kind: Literal["cosine"] = "cosine"
    start: float
    end: float = 0.0
    over: Length

    def base(self, step: float, steps_per_epoch: int) -> float:
        length = self.over.steps(steps_per_epoch)
        done = min(1.0, step / length) if length > 0 else 1.0
        return self.end + (self.start - self.end) * 0.5 * (1 + math.cos(math.pi * done))


class Plateau(Schedule):
    """`start`, multiplied by `factor` when the validation loss has not improved for `patience` epochs; never below `minimum`."""

    kind: Literal["plateau"] = "plateau"
    start: float
    factor: float = Field(default=0.5, gt=0, lt=1)
    patience: int = Field(default=5, ge=0, description="epochs without improvement before the value is cut")
    min_delta: float = Field(
        default=1e-4, ge=0, description="how much lower the validation loss must be to count (relative)"
    )
    minimum: float = 0.0

    def base(self, step: float, steps_per_epoch: int) -> float:
        return self.start

    def reduced(self, value: float, cuts: int) -> float:
        """The scheduled `value` after `cuts` reductions."""
        return max(self.minimum, value * self.factor**cuts) if cuts else value


_KINDS: dict[str, type[Schedule]] = {
    "constant": Constant,
    "linear": Linear,
    "staircase": Staircase,
    "cosine": Cosine,
    "plateau": Plateau,
}


def _read_schedule(raw: Any) -> Any:
    if isinstance(raw, bool):
        raise ValueError("a schedule is a number or a mapping with a kind, not true or false")
    if isinstance(raw, (int, float)):
        return Constant(value=float(raw))
    if isinstance(raw, dict):
        kind = raw.get("kind")
        if kind not in _KINDS:
            raise ValueError(f"'{kind}' is not a schedule; the kinds are {', '.join(_KINDS)} (or write one number)")
        try:
            return _KINDS[kind].model_validate(raw)
        except ValidationError as error:
            raise ValueError("; ".join(problems(error, _KINDS[kind].model_fields))) from None
    return raw


def _write_schedule(schedule: Schedule) -> Any:
    if isinstance(schedule, Constant) and schedule.warmup.amount == 0:
        return schedule.value
    written = schedule.model_dump()
    if schedule.warmup.amount == 0:
        del written["warmup"]
    return written


# A number in the spec, or a mapping with a `kind`.
Scheduled = Annotated[SerializeAsAny[Schedule], BeforeValidator(_read_schedule), PlainSerializer(_write_schedule)]
