"""The bar while pictures are prepared: how many, how fast, how long still."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

QUIET_SECONDS = 10.0
"""Without a terminal, at most one line in this time."""
_SHOWN_SECONDS = 0.1


class Preparing:
    """Call it with the number of pictures done so far; `expected` is how many there will be, where that is known."""

    def __init__(self, console: Console, expected: int | None) -> None:
        self._console, self._expected = console, expected
        self._began: tuple[float, int] | None = None
        self._last = time.monotonic()
        left = [MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn()]
        unknown = [TextColumn("{task.completed:,}"), TextColumn("{task.fields[rate]}"), TimeElapsedColumn()]
        self._bar = Progress(
            TextColumn("[bold]preparing"),
            BarColumn(bar_width=None, complete_style="yellow", finished_style="green"),
            *(left if expected else unknown),
            console=console,
            expand=True,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("preparing", total=expected, rate="")

    def __enter__(self) -> Preparing:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int) -> None:
        """Show that `done` pictures are done."""
        now = time.monotonic()
        if self._began is None:
            self._began = (now, done)
            if done > 1:
                self._console.print(f"going on behind picture {done:,}")
        if now - self._last < (_SHOWN_SECONDS if self._console.is_terminal else QUIET_SECONDS):
            return
        self._last = now
        began, first = self._began
        rate = (done - first) / max(now - began, 1e-9)
        if self._console.is_terminal:
            self._bar.update(self._task, completed=done, rate=f"{rate:,.0f} pictures/s")
            return
        of = f" of {self._expected:,}" if self._expected else ""
        left = f", {(self._expected - done) / rate:,.0f} s left" if self._expected and rate else ""
        self._console.print(f"prepared {done:,}{of} pictures, {rate:,.0f}/s{left}")
