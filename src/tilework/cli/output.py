"""Where the commands print: a terminal, or a pipe, which has no width to cut lines at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console_for_text() -> Console:
    """A console for lists and tables. In a pipe no line is wrapped or shortened, unless $COLUMNS gives a width."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = 10_000
    return console
