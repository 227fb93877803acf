"""Long work that Ctrl-C and SIGTERM may end at any moment, with a word on how to go on and exit code 130."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def report_interrupt(console: Console, words: str) -> Iterator[None]:
    """Within this block SIGTERM ends the command as Ctrl-C does; `words` are printed then."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        if os.environ.get("RANK", "0") == "0":  # of several processes one prints it
            console.print(f"Interrupted. {words}", markup=False, soft_wrap=True)
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, before)
