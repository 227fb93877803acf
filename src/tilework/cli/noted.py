"""A display that also notes the stages before the first step, for the studio that has started this process."""

from __future__ import annotations

import os
import time

from tilework.cli.display import Display
from tilework.runs import stage

_BETWEEN_SECONDS = 0.2


class NotedDisplay(Display):
    """Writes the stage down where the environment names a file, at most some times a second."""

    _noted = ("", 0.0)

    def preparing(self, what: str, done: int, total: int = 0) -> None:
        """Show and note the stage."""
        before, at = self._noted
        if what != before or time.monotonic() - at >= _BETWEEN_SECONDS:
            stage.note(stage.Stage(what, done, total))
            self._noted = what, time.monotonic()
        super().preparing(what, done, total)


def display_class() -> type[Display]:
    """The display of this process."""
    return NotedDisplay if os.environ.get(stage.FILE) else Display
