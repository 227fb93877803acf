"""The message when something cannot go on: what happened, why, and one fix."""

from __future__ import annotations

from typing import TypedDict


class Parts(TypedDict):
    """A failure as values."""

    what: str
    why: str
    fix: str


class TileworkError(Exception):
    """A failure that is shown in three lines (what, why, fix) and never as a traceback.

    `exit_code` is what the command line returns: 2 for a mistake in what was asked for (`UserError`),
    1 for a failure of the machine or of the run itself. `field` is the path of the setting that it is about, such as
    `optimizer.lr`; empty where it is about none, or about several. `override` is what fixes it where one override alone does,
    such as `objective.lpips=null`: for whoever can set it with a click; `fix` names it too.
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", fix: str = "", field: str = "", override: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix
        self.field = field
        self.override = override

    def parts(self) -> Parts:
        """The three lines, each by its name."""
        return {"what": self.what, "why": self.why, "fix": self.fix}

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


class Refused(ValueError):
    """A value that a setting does not take, raised where settings are read: what is wrong with it, and what to write instead.

    `field`: the path of the setting, where whoever looks at a whole spec refuses a part of it; `what` names it then.
    """

    def __init__(self, what: str, *, fix: str, field: str = "") -> None:
        super().__init__(f"{what}; {fix}")
        self.what = what
        self.fix = fix
        self.field = field
