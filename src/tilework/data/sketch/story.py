"""Why a sketch could not be drawn (any further): the facts, and one sentence of them for a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tilework.data.media.images import Unreadable
from tilework.data.sketch.library import HOW_TO_GET_IT
from tilework.data.sketch.server import ORIGIN

LONGEST_ERROR = 300

Kind = Literal[
    "no-p5", "threw", "never-ready", "nothing-draws", "no-canvas", "large-canvas", "plain",
    "left", "slow", "memory", "crashed", "requests",
]  # fmt: skip

# What another version of p5 may fix: the sketch itself did not get to draw.
_OF_THE_LIBRARY = frozenset({"threw", "never-ready", "nothing-draws", "no-canvas"})


@dataclass(frozen=True)
class Trouble:
    """What happened to a sketch, and when."""

    kind: Kind
    error: str = ""
    """The first line of what was thrown, with its place."""
    frame: int = -1
    """Negative: before the first frame."""
    amount: str = ""
    """What was too much: seconds, pixels, bytes, requests, frames."""
    blocked: tuple[str, ...] = ()
    """Addresses of the network that it asked for."""
    missing: tuple[str, ...] = ()
    """Files of its own folder that it asked for and that are not there."""
    must_be_built: bool = False
    """Its page loads what no browser reads: TypeScript, or packages by their names."""
    console: str = ""
    """The last line of its console."""

    def words(self) -> str:
        """One sentence, with what probably brought it about."""
        when = f" (frame {self.frame:,})" if self.frame > 0 and self.kind not in {"slow", "plain"} else ""
        parts = [self._what() + when]
        if self.blocked and self.kind not in {"memory", "requests", "large-canvas"}:
            parts.append(f"it asked for the network, which it cannot reach: {_listed(self.blocked)}")
            if self.kind == "threw":
                parts.append("data.libraries=FOLDER gives it scripts by their names")
        if self.missing and self.kind in _OF_THE_LIBRARY:
            parts.append(f"it asked for files that are not there: {_listed(self.missing)}")
        if self.must_be_built and self.kind in _OF_THE_LIBRARY | {"plain"}:
            parts.append("its page loads what must be built first: TypeScript, or packages by name")
        if self.console.strip() and self.console not in self.error:
            parts.append(f"its console: {self.console}")
        return "; ".join(parts)

    def fix(self) -> str:
        """What the person who wrote the sketch can do."""
        match self.kind:
            case "no-p5":
                return "put p5.min.js into its folder, or write data.p5=FILE"
            case "large-canvas":
                return "create a smaller canvas: every image is brought to data.size in the end"
            case "left":
                return "take out of it what leads to another page"
            case "slow":
                return "write a larger data.seconds, or take fewer frames with data.frames"
            case "memory":
                return "let it keep less (images, buffers, lists that grow), or take fewer frames with data.frames"
            case "crashed":
                return "prepare it alone; where the browser breaks down again, let it ask less of it"
            case "requests":
                return "let it load each file once, in preload() or setup(), and not in draw()"
        if self.blocked and self.kind == "threw":
            return "put what it loads beside it, or write data.libraries=FOLDER for scripts"
        if self.must_be_built:
            return "build it, and give the folder that it is built to"
        return "fix it so that it draws in a browser"

    def _what(self) -> str:
        match self.kind:
            case "no-p5":
                return f"there is no p5 for it: put p5.min.js into its folder, or write data.p5=FILE ({HOW_TO_GET_IT})"
            case "threw":
                return self.error
            case "never-ready":
                return f"it never draws: setup() or what comes before it does not end{f'; {self.error}' if self.error else ''}"
            case "nothing-draws":
                return "it never draws: it has neither setup() nor draw(), and no canvas"
            case "no-canvas":
                return "it has no canvas"
            case "large-canvas":
                return f"its canvas is {self.amount}"
            case "plain":
                return f"it never draws: all {self.amount} frames are of one plain colour"
            case "left":
                return "it left its page"
            case "slow":
                where = f"frame {self.frame:,}" if self.frame >= 0 else "setup() or loading"
                return f"it took longer than {self.amount} seconds, at {where}"
            case "memory":
                return f"it took more than {self.amount} of memory"
            case "crashed":
                return "the browser broke down under it"
            case "requests":
                return f"it asked for more than {self.amount} files"


class SketchFailed(Unreadable):
    """The sketch cannot be drawn (any further)."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.words())
        self.trouble = trouble

    @property
    def may_be_the_library(self) -> bool:
        """Whether another version of p5 may help."""
        return self.trouble.kind in _OF_THE_LIBRARY


def first_line(message: str, stack: str = "") -> str:
    """An error's first line, with the line of the sketch that it comes from."""
    first = next((line.strip() for line in message.splitlines() if line.strip()), "an error without words")
    first = first.removeprefix("Error: ").removeprefix("Uncaught ")
    places = re.findall(re.escape(ORIGIN) + r"/([^\s:)]+):(\d+)", stack)
    own = next(((file, line) for file, line in places if not re.search(r"(^|/)p5[^/]*\.js$", file)), None)
    return first[:LONGEST_ERROR] + (f" ({own[0]}:{own[1]})" if own else "")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
