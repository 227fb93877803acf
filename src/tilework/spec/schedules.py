"""Schedules: how a loss weight or the learning rate moves with the run.

Every schedule is a pure function of where the run stands, so that a resumed run needs no state for it. The one exception
is `plateau`, whose value also depends on the factor that the engine has earned so far (kept in the checkpoint).
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    SerializeAsAny,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from tilework.errors import Refused
from tilework.spec.clock import Clock
from tilework.spec.explain import fix, what
from tilework.spec.hints import unset
from tilework.spec.plugins import Settings
from tilework.spec.problems import problems


class Span(Settings):
    """A length of training: `500 steps` or `30 epochs`."""

    amount: float = Field(ge=0, le=1e12, description="how many")
    unit: Literal["steps", "epochs"] = Field(description="of what")

    def steps(self, steps_per_epoch: int) -> float:
        """The same length in optimiser steps."""
        return self.amount * (steps_per_epoch if self.unit == "epochs" else 1)

    def __str__(self) -> str:
        amount = int(self.amount) if self.amount == int(self.amount) else self.amount
        return f"{amount} {self.unit}"


_LENGTH = re.compile(r"\s*(\d[\d_]*(?:\.\d*)?(?:e[-+]?\d+)?)\s*(step|epoch)s?\s*", re.IGNORECASE)


def _read_span(raw: Any) -> Any:
    if isinstance(raw, str):
        found = _LENGTH.fullmatch(raw)
        if not found:
            number = raw.strip() if re.fullmatch(r"\s*[\d.]+\s*", raw) else "30"
            raise Refused(
                f"'{raw}' is not a length of training", fix=f"write for example '{number} epochs' or '500 steps'"
            )
        return Span(amount=float(found[1].replace("_", "")), unit="steps" if found[2].lower() == "step" else "epochs")
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        raise Refused(f"{raw} has no unit", fix=f"write '{raw} epochs' or '{raw} steps'")
    return raw


Length = Annotated[
    Span,
    BeforeValidator(_read_span),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d+(\.\d+)? (steps|epochs)$", "examples": ["30 epochs", "500 steps"]}
    ),
]


_NO_WARMUP = Span(amount=0, unit="steps")
_OVER = Field(
    default=None,
    description="length of the way from start to end (steps or epochs)",
    json_schema_extra=unset("as long as the run"),
)


class Schedule(Settings):
    """A value over the run. `at(step, clock)` counts optimiser steps from 0."""

    kind: str
    warmup: Length = Field(
        default=Span(amount=0, unit="steps"),
        description="rise linearly from 0 over this length first (steps or epochs)",
    )

    def at(self, step: int, clock: Clock | int) -> float:
        """The value that optimiser step number `step` (from 0) uses; `clock` may be the steps in an epoch, where they were always
        as many."""
        clock = clock if isinstance(clock, Clock) else Clock(clock)
        warm = self.warmup.steps(clock.steps_per_epoch)
        # The first step already moves: with a warm-up of n steps, step 0 uses 1/n of the value.
        rise = min(1.0, (clock.passed(step, 0, self.warmup.unit) + 1) / warm) if warm > 0 else 1.0
        since = clock.step(self.warmup.amount) if self.warmup.unit == "epochs" and clock.marks else warm
        unit = self.length.unit if self.length is not None else "steps"
        return rise * self.base(max(0.0, clock.passed(step, since, unit)), clock)

    @abstractmethod
    def base(self, step: float, clock: Clock) -> float:
        """The value without the warm-up; `step` counts from the end of the warm-up."""

    @property
    def length(self) -> Span | None:
        """What `base` measures the way by, in steps or epochs; None where it does not move."""
        return None

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value that this schedule can ever give, warm-up aside."""

    @property
    def start_value(self) -> float:
        """The value at the first step, warm-up aside."""
        return self.base(0.0, Clock(1))


class Constant(Schedule):
    """The same value all along."""

    kind: Literal["constant"] = "constant"
    value: float = Field(description="the value")

    def base(self, step: float, clock: Clock) -> float:
        return self.value

    @property
    def bounds(self) -> tuple[float, float]:
        return self.value, self.value


class Linear(Schedule):
    """From `start` to `end` in a straight line over a length, then constant."""

    kind: Literal["linear"] = "linear"
    start: float = Field(description="value at first")
    end: float = Field(description="value at last")
    over: Length | None = _OVER

    def base(self, step: float, clock: Clock) -> float:
        done = _share(step, self.over, clock)
        return self.start * (1 - done) + self.end * done

    @property
    def length(self) -> Span | None:
        return self.over

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.end), max(self.start, self.end)


class Staircase(Schedule):
    """From `start`, `rise` more after every `every`, never beyond `limit`."""

    kind: Literal["staircase"] = "staircase"
    start: float = Field(default=0.0, description="value at first")
    rise: float = Field(description="added at each stair; negative = down")
    every: Length = Field(description="length of one stair (steps or epochs)")
    limit: float = Field(description="value that is never passed")

    @model_validator(mode="after")
    def _towards_the_limit(self) -> Staircase:
        if (self.limit - self.start) * self.rise < 0:
            side = "below" if self.rise > 0 else "above"
            raise Refused(
                f"limit {self.limit:g} is {side} start {self.start:g} but rise is {self.rise:g}",
                fix=f"write rise: {-self.rise:g}, or a limit on the other side",
            )
        if self.every.amount == 0:
            raise Refused("every is 0, so the stairs have no length", fix="write for example every: 2 epochs")
        return self

    def base(self, step: float, clock: Clock) -> float:
        value = self.start + self.rise * math.floor(step / self.every.steps(clock.steps_per_epoch))
        return min(value, self.limit) if self.rise >= 0 else max(value, self.limit)

    @property
    def length(self) -> Span:
        return self.every

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.limit), max(self.start, self.limit)


class Cosine(Schedule):
    """From `start` to `end` along half a cosine over a length, then constant (arXiv 1608.03983, eq. 5, one period)."""

    kind: Literal["cosine"] = "cosine"
    start: float = Field(description="value at first")
    end: float = Field(default=0.0, description="value at last")
    over: Length | None = _OVER

    def base(self, step: float, clock: Clock) -> float:
        left = 0.5 * (1 + math.cos(math.pi * _share(step, self.over, clock)))
        return self.start * left + self.end * (1 - left)

    @property
    def length(self) -> Span | None:
        return self.over

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.end), max(self.start, self.end)


class Plateau(Schedule):
    """`start`, multiplied by `factor` when the validation loss has not improved for `patience` epochs; never below `minimum`."""

    kind: Literal["plateau"] = "plateau"
    start: float = Field(description="value at first")
    factor: float = Field(default=0.5, gt=0, lt=1, description="what the value is multiplied by at each cut")
    patience: int = Field(default=5, ge=0, le=10**6, description="epochs without improvement before the value is cut")
    min_delta: float = Field(
        default=1e-4, ge=0, lt=1, description="how much lower the validation loss must be to count (share of the best)"
    )
    minimum: float = Field(default=0.0, description="value below which it is never cut")

    @model_validator(mode="after")
    def _starts_above_its_minimum(self) -> Plateau:
        if self.minimum > self.start:
            raise Refused(
                f"minimum {self.minimum:g} is above start {self.start:g}", fix="write a minimum below the start"
            )
        return self

    def base(self, step: float, clock: Clock) -> float:
        return self.start

    def reduced(self, value: float, cuts: int) -> float:
        """The scheduled `value` after `cuts` reductions; a value that a warm-up holds below the minimum stays as it is."""
        return min(value, max(self.minimum, value * self.factor**cuts)) if cuts else value

    @property
    def bounds(self) -> tuple[float, float]:
        return self.minimum, self.start


def _share(step: float, over: Span | None, clock: Clock) -> float:
    """How much of the way is behind: of `over`, or of the whole run where that is unset."""
    length = over.steps(clock.steps_per_epoch) if over is not None else clock.ends
    return min(1.0, step / length) if length > 0 else 1.0


KINDS: dict[str, type[Schedule]] = {
    "constant": Constant,
    "linear": Linear,
    "staircase": Staircase,
    "cosine": Cosine,
    "plateau": Plateau,
}


def _read_schedule(raw: Any) -> Any:
    if isinstance(raw, Schedule):
        return raw
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        return Constant(value=float(raw))
    if not isinstance(raw, dict):
        shown = "null" if raw is None else str(raw).lower() if isinstance(raw, bool) else repr(raw)
        raise Refused(
            f"{shown} is not a schedule", fix=f"write a number, or a mapping with a kind ({', '.join(KINDS)})"
        )
    kind = raw.get("kind")
    if kind not in KINDS:
        shown = f"'{kind}' is not a schedule" if kind else "the schedule has no kind"
        raise Refused(f"{shown}", fix=f"the kinds are {', '.join(KINDS)} (or write one number)")
    try:
        return KINDS[kind].model_validate(raw)
    except ValidationError as error:
        found = problems(error, KINDS[kind])
        raise Refused(", ".join(what(one) for one in found), fix=fix(found[0])) from None


def _write_schedule(schedule: Schedule) -> Any:
    plain = schedule.warmup == _NO_WARMUP
    if isinstance(schedule, Constant) and plain:
        return schedule.value
    unset_ones = {"warmup"} if plain else set()
    if getattr(schedule, "over", _NO_WARMUP) is None:
        unset_ones.add("over")
    return schedule.model_dump(exclude=unset_ones)


# A number in the spec, or a mapping with a `kind`.
Scheduled = Annotated[SerializeAsAny[Schedule], BeforeValidator(_read_schedule), PlainSerializer(_write_schedule)]
