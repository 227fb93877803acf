"""What a person is told when something cannot go on: what happened, why, and one fix."""

from __future__ import annotations


class TileworkError(Exception):
    """A failure that is told in three lines (what, why, fix) and never as a traceback.

    `exit_code` is what the command line returns: 2 for a mistake in what was asked for (`UserError`),
    1 for a failure of the machine or of the run itself.
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"  why: {self.why}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class UserError(TileworkError):
    """What was asked for cannot be done as it stands; the person can change it. Exit code 2."""

    exit_code = 2


class RunFailure(TileworkError):
    """The run itself went wrong (infinite loss, device lost); the last checkpoint stands. Exit code 1."""
