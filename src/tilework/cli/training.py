"""What train, resume and demo share: the display while it runs, and the summary at its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from tilework.engine.progress import Progress
    from tilework.runs.folder import RunFolder


def run_training(start: Callable[[Progress], RunFolder]) -> None:
    """Train with a display (only the main process of several draws), then tell what came out. Exit code 130 after Ctrl-C."""
    from tilework.cli.launch import relaunch_if_asked

    relaunch_if_asked()
    console = Console(highlight=False)
    if os.environ.get("RANK", "0") != "0":
        from tilework.engine.progress import Silent

        start(Silent())
        return
    from tilework.cli.display import Display

    display = Display(console)
    with console.status("loading torch"):
        import tilework.engine  # noqa: F401 (a second or two, said rather than suffered)
    with display:
        run = start(display)
    from tilework.cli.summary import summarise

    assert display.ending is not None
    assert display.plan is not None
    summarise(console, run, display.plan, display.ending)
    if display.ending.status == "stopped" and display.ending.reason.startswith(("Ctrl-C", "asked")):
        sys.exit(130)
