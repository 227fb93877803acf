"""The bar while images are prepared, encoded or decoded: how many, how fast, how long still."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

QUIET_SECONDS = 10.0
"""Without a terminal, at most one line in this time."""
_SHOWN_SECONDS = 0.1


@dataclass(frozen=True)
class Words:
    """What is being done."""

    doing: str = "preparing"
    done: str = "prepared"
    unit: str = "images"
    goes_on: bool = True
    """Whether a first number above 1 means that an interrupted work is gone on with."""


class Preparing:
    """Call it with the number of images done so far; `expected` is how many there will be, where that is known."""

    def __init__(self, console: Console, expected: int | None, words: Words | None = None) -> None:
        self._console, self._expected = console, expected
        self._words = words or Words()
        self._began: tuple[float, int] | None = None
        self._last = time.monotonic()
        left = [MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn()]
        unknown = [TextColumn("{task.completed:,}"), TextColumn("{task.fields[rate]}"), TimeElapsedColumn()]
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None, complete_style="yellow", finished_style="green"),
            *(left if expected else unknown),
            console=console,
            expand=True,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(self._words.doing, total=expected, rate="")

    def __enter__(self) -> Preparing:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int, expected: int | None = None) -> None:
        """Show that `done` images are done, of so many as are `expected` now."""
        now = time.monotonic()
        if expected is not None and expected != self._expected:
            self._expected = expected
            self._bar.update(self._task, total=expected)
        if self._began is None:
            self._began = (now, done)
            if done > 1 and self._words.goes_on:
                self._console.print(f"going on behind image {done:,}")
        if now - self._last < (_SHOWN_SECONDS if self._console.is_terminal else QUIET_SECONDS):
            return
        self._last = now
        began, first = self._began
        rate = (done - first) / max(now - began, 1e-9)
        if self._console.is_terminal:
            self._bar.update(self._task, completed=done, rate=f"{rate:,.0f} {self._words.unit}/s")
            return
        of = f" of {self._expected:,}" if self._expected else ""
        left = f", {(self._expected - done) / rate:,.0f} s left" if self._expected and rate else ""
        self._console.print(f"{self._words.done} {done:,}{of} {self._words.unit}, {rate:,.0f}/s{left}")
