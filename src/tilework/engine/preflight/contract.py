"""What a check before a run is: one file in `checks` for each, found by its name, with a class `Check`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from tilework.engine.preflight.bench import Bench
from tilework.runs.preflight import Result, Verdict, Why
from tilework.runs.preflight.result import Value


class NotChecked(Exception):
    """Raised by a check that cannot judge."""

    def __init__(self, why: Why, values: Mapping[str, Value] | None = None) -> None:
        super().__init__(why)
        self.why, self.values = why, dict(values or {})


class Check(ABC):
    """One question about a spec, answered by trying. The docstring of the subclass is the check's manual.

    A check computes with copies that its bench gives it and changes nothing of the run. The same spec on the same quiet machine
    gives the same verdict.
    """

    tasks: ClassVar[tuple[str, ...] | None] = None
    """The tasks that it can judge; None = every one."""
    order: ClassVar[int]
    """Checks go from the smallest to the largest."""
    seconds: ClassVar[float] = 0.5
    """With less time left than this the check is not started."""

    def __init__(self, code: str) -> None:
        self.code = code

    @abstractmethod
    def run(self, bench: Bench) -> Result:
        """Judge. Raises NotChecked where that is not possible."""

    # Ways to end -----------------------------------------------------------------------------------------------------

    def passed(self, values: Mapping[str, Value], about: Sequence[str] = ()) -> Result:
        """Nothing is wrong."""
        return Result(self.code, Verdict.PASSED, "", values, tuple(about))

    def warning(
        self,
        cause: str,
        values: Mapping[str, Value],
        about: Sequence[str] = (),
        changes: Mapping[str, Any] | None = None,
    ) -> Result:
        """Something a person should know; the run may start."""
        return Result(self.code, Verdict.WARNING, cause, values, tuple(about), changes or {})

    def failed(
        self,
        cause: str,
        values: Mapping[str, Value],
        about: Sequence[str] = (),
        changes: Mapping[str, Any] | None = None,
    ) -> Result:
        """The run would be wasted."""
        return Result(self.code, Verdict.FAILED, cause, values, tuple(about), changes or {})

    def not_checked(self, why: Why, **values: Value) -> NoReturn:
        """This cannot be judged here."""
        raise NotChecked(why, values)
