"""What train, resume and demo share: the display while it runs, and the summary at its end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.text import Text

Prepared = TypeVar("Prepared")

if TYPE_CHECKING:
    from tilework.engine.progress import Plan, Progress
    from tilework.runs.folder import RunFolder


def run_training(prepare: Callable[[], Callable[[Progress], RunFolder]], lines: Sequence[str] = ()) -> RunFolder | None:
    """Train with a display (only the main process of several draws), then print the result. Exit code 130 after Ctrl-C.
    Gives the run, and None to the other processes.

    `prepare` reads what was asked for, which loads torch, and gives back what starts the training. `lines` are printed then: it
    may have filled them.
    """
    from tilework.cli.launch import relaunch_if_asked
    from tilework.cli.output import console_for_text
    from tilework.runs import stage

    relaunch_if_asked()
    console = console_for_text()
    plan: Plan | None = None
    try:
        with _signals_as_interrupt() as asked:
            stage.note(stage.Stage("torch"))
            with console.status("loading torch"):  # a second or two, announced rather than suffered
                start = _undisturbed(prepare, asked)
            stage.note(stage.Stage("data"))
            if os.environ.get("RANK", "0") != "0":
                from tilework.engine.progress import Silent

                start(Silent())
                return None
            for line in lines:
                console.print(line, markup=False, soft_wrap=True)
            from tilework.cli.noted import display_class

            display = display_class()(console)
            try:
                with display:
                    run = start(display)
            finally:
                plan = display.plan
            from tilework.cli.summary import summarise

            assert display.finish is not None
            assert display.plan is not None
            summarise(console, run, display.plan, display.finish)
    except KeyboardInterrupt:
        _print_interrupted(plan)
        sys.exit(130)
    if display.finish.reason.by_a_person:
        sys.exit(130)
    return run


@contextmanager
def _signals_as_interrupt() -> Iterator[list[int]]:
    """While no run listens yet, or no more: SIGTERM ends the command as Ctrl-C does, with a word and exit code 130. Gives a list
    of the signals that have come."""
    asked: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        raise KeyboardInterrupt

    # Where a shell has a background job ignore Ctrl-C, it stays ignored.
    heard = [s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) is not signal.SIG_IGN]
    before = {which: signal.signal(which, interrupt) for which in heard}
    try:
        yield asked
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def _undisturbed(prepare: Callable[[], Prepared], asked: list[int]) -> Prepared:
    """`prepare()`; a signal is only noted meanwhile, and acts afterwards. Raised within a library that is being imported, an
    interrupt may be swallowed, become an error of its own, or abort the process (pybind11)."""
    noted = [s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) is not signal.SIG_IGN]
    before = {which: signal.signal(which, lambda number, frame: asked.append(number)) for which in noted}
    try:
        start = prepare()
        import torch._dynamo  # noqa: F401  # the first optimiser would: half of all the loading
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
        if asked:
            raise KeyboardInterrupt
    return start


def _print_interrupted(plan: Plan | None) -> None:
    """Ctrl-C before the first step, or a second one that would not wait."""
    from tilework.runs.checkpoints import in_force

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if plan is None:
        console.print("Interrupted before the first step: nothing is lost.")
    elif in_force(plan.run.checkpoints) is None:
        console.print("Interrupted before the first checkpoint: start again with the same command.")
    else:
        from tilework.cli.summary import resume_command

        console.print(Text(f"Interrupted; the last checkpoint stands. Go on with: {resume_command(plan.run)}"))
