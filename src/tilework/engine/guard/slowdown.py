"""The learning rate after a rollback: a factor of what the schedule gives, which returns while the run stays
healthy."""

from __future__ import annotations

from dataclasses import dataclass

LEAST, MOST = 20, 100
"""Steps that the learning rate takes to grow back where no setting gives their number."""


@dataclass
class Slowdown:
    """The factor is `low` after step `since` and grows to `ceiling` from there."""

    low: float = 1.0
    ceiling: float = 1.0
    since: int = 0

    def factor(self, step: int, over: int | None) -> float:
        """Factor of the learning rate where `step` steps are done; it takes `over` steps to grow, 0 = it stays.

        None = a tenth of the steps that were done then: a short run must not spend what is left of it on growing back.
        """
        if over is None:
            over = min(MOST, max(LEAST, self.since // 10))
        if self.low == self.ceiling or over == 0:
            return self.low
        return self.low + (self.ceiling - self.low) * min(1.0, (step - self.since) / over)

    def cut(self, step: int, over: int | None, by: float, *, again: bool) -> None:
        """Multiply it by `by`. Where it was needed `again`, the factor does not return to where it was."""
        self.low = self.factor(step, over) * by
        self.ceiling *= by if again else 1.0
        self.low = min(self.low, self.ceiling)
        self.since = step
