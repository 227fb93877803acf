"""The text messages of the sockets: all runs, one run, and an open model."""

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired, TypedDict

from tilework.protocol.commands import Change, CommandKind, Nothing, Pace, Steps
from tilework.protocol.errors import Problem
from tilework.protocol.explore import Ask
from tilework.protocol.finding import FindingEntry
from tilework.protocol.frame import Applied
from tilework.protocol.run import Curves, Mark, MetricEntry, Plain, Rows, RunCard, RunStatus, Split, Steerable

Ref = int | str

# Server to page ----------------------------------------------------------------------------------------------------------


class RunsMessage(TypedDict):
    """Whenever something in the list of runs has changed."""

    type: Literal["runs"]
    root: Annotated[str, "the folder of runs"]
    runs: Annotated[Sequence[RunCard], "the one written to last first"]
    problem: NotRequired[Annotated[str, "why the folder cannot be listed"]]


class HelloMessage(TypedDict):
    """All there is, first of all; again where the run's store or its facts change."""

    type: Literal["hello"]
    card: Annotated[RunCard, "as in the list"]
    spec: Annotated[Plain, "as the run's folder has it"]
    facts: Annotated[Plain, "what its store holds of it"]
    metrics: Annotated[Sequence[MetricEntry], "its table of metrics"]
    steerable: Annotated[Sequence[Steerable], "what may be changed while it goes on"]
    timeline: Annotated[Sequence[int], "steps of the stored frames"]
    marks: Annotated[Sequence[Mark], "the newest, in order"]
    findings: Annotated[Sequence[FindingEntry], "what its doctor has found, causes first"]
    curves: Annotated[Curves, "whole, thinned"]


class RowsMessage(Rows):
    """Rows since the last."""

    type: Literal["rows"]
    split: Annotated[Split, "what they are of"]
    reset: NotRequired[Annotated[bool, "curves begin anew (a resume went back)"]]


class MarksMessage(TypedDict):
    """What has happened since the last."""

    type: Literal["marks"]
    marks: Annotated[Sequence[Mark], "new ones"]


class FindingsMessage(TypedDict):
    """Sent whenever the doctor of the run finds something else; all that holds now replaces what was sent before."""

    type: Literal["findings"]
    findings: Annotated[Sequence[FindingEntry], "causes first"]


class AppliedMessage(TypedDict):
    """Commands that have acted or were refused; ahead of the frame, which may have to wait."""

    type: Literal["applied"]
    applied: Annotated[Sequence[Applied], "as a frame's header has them"]


class TimelineMessage(TypedDict):
    """Frames that were stored since the last."""

    type: Literal["timeline"]
    steps: Annotated[Sequence[int], "new ones"]
    reset: NotRequired[Annotated[bool, "they begin anew, as curves do"]]


class StateMessage(TypedDict):
    """The run as seen from outside. An unknown run is `deleted`, and its socket stays open."""

    type: Literal["state"]
    status: Annotated[RunStatus | Literal["deleted"], "what it is doing"]
    reasons: Annotated[Sequence[str], "why, in words: a clause each, what happened first"]
    resume: Annotated[bool, "whether `command` would go on with it"]
    command: Annotated[str | None, "the line to type"]


class DoneMessage(TypedDict):
    """The response to a command that was put down for the trainer; that it took effect is shown by `applied`."""

    type: Literal["response"]
    ref: Annotated[Ref, "of the command"]
    ok: Literal[True]
    id: Annotated[int, "number of the command in run.db"]


class RefusedMessage(TypedDict):
    """The response to a message that was refused."""

    type: Literal["response"]
    ref: Annotated[Ref | None, "of the message, where it had one"]
    ok: Literal[False]
    error: Annotated[Problem, "why"]


RunMessage = (
    HelloMessage
    | RowsMessage
    | MarksMessage
    | FindingsMessage
    | AppliedMessage
    | TimelineMessage
    | StateMessage
    | DoneMessage
    | RefusedMessage
)
"""What the socket of a run sends to a page, beside frames."""
News = RowsMessage | MarksMessage | FindingsMessage | TimelineMessage
"""What was written into a run's store since the last look."""

# Page to server ----------------------------------------------------------------------------------------------------------


class AckMessage(TypedDict):
    """After each frame: only then the server sends the next, newest, frame of the channel."""

    type: Literal["ack"]
    channel: Annotated[Literal["motion", "images"], "of the frame"]
    seq: Annotated[int, "of the frame"]


class WatchMessage(TypedDict):
    """A hidden page watches nothing."""

    type: Literal["watch"]
    on: Annotated[bool, "whether the page is visible"]


class CommandMessage(TypedDict):
    """A command to the run."""

    type: Literal["command"]
    ref: Annotated[Ref, "its response carries the same"]
    kind: Annotated[CommandKind, "see above"]
    payload: NotRequired[Annotated[Nothing | Steps | Pace | Change, "see above"]]


PageMessage = AckMessage | WatchMessage | CommandMessage

# An open model ------------------------------------------------------------------------------------------------------------


class ModelStateMessage(TypedDict):
    """What the process of the model is doing: first of all, and at every change."""

    type: Literal["state"]
    state: Annotated[Literal["starting", "loading", "ready", "ended"], "`ended`: the next ask starts it again"]
    checkpoint: Annotated[str | None, "name of the checkpoint's folder; null where there is none"]
    step: Annotated[int | None, "steps that it was trained for"]
    message: Annotated[str, "in words; of `ended`: what happened, and the last words of the process"]
    fix: Annotated[str, "what to do; empty where there is nothing to do"]


class NewerMessage(TypedDict):
    """The run has a newer checkpoint of what was asked for (`best`, `last`); what is open stays open."""

    type: Literal["newer"]
    checkpoint: Annotated[str, "name of its folder"]
    step: Annotated[int, "steps that it was trained for"]


class GoneMessage(TypedDict):
    """There is no such run, or not any more; what is open goes on answering."""

    type: Literal["gone"]
    message: Annotated[str, "in words"]


class FailedMessage(TypedDict):
    """An ask, or another message, that has no response."""

    type: Literal["failed"]
    ref: Annotated[int | None, "of the ask, where it had one"]
    error: Annotated[Problem, "why"]


ModelMessage = ModelStateMessage | NewerMessage | GoneMessage | FailedMessage
"""What the socket of a model sends to a page, beside responses."""


class AskMessage(TypedDict):
    """An ask. One of the same key that was not begun, or is a dream that is drawn, is given up for it, and gets no response."""

    type: Literal["ask"]
    ref: Annotated[int, "its response carries the same"]
    key: Annotated[str, "what it is for (`image`, `row 3`, ...); at most 64 keys of a page wait at once"]
    ask: Annotated[Ask, "see above"]


class ForgetMessage(TypedDict):
    """Nobody waits for the ask of this key any more: one that was not begun, or is a dream that is drawn, is given up."""

    type: Literal["forget"]
    key: Annotated[str, "as in the ask"]


ModelPageMessage = AskMessage | ForgetMessage
