"""The commands that a run understands: what each may carry, and what it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict

CommandKind = Literal["pause", "run", "step", "pace", "set", "snapshot", "revive", "stop", "reset"]


class Nothing(TypedDict):
    """No payload."""


class Steps(TypedDict):
    """How far to go; one of the two."""

    n: NotRequired[Annotated[int, "steps, 1 if neither is given"]]
    epoch: NotRequired[Annotated[bool, "to the end of the epoch"]]


class Pace(TypedDict):
    """How fast to go."""

    steps_per_second: NotRequired[Annotated[float | None, "null = as fast as it can"]]


class Change(TypedDict):
    """One steerable setting."""

    name: Annotated[str, "its name"]
    value: Annotated[float, "what it is to be"]


@dataclass(frozen=True)
class Command:
    """One kind of command."""

    payload: type[Any]
    effect: str


COMMANDS: Mapping[CommandKind, Command] = {
    "pause": Command(Nothing, "stands still after the present step"),
    "run": Command(Nothing, "goes on; also ends slow steps"),
    "step": Command(Steps, "so many steps, then pause"),
    "pace": Command(Pace, "slow motion"),
    "set": Command(Change, "from the next step on; recorded, and repeated by `tilework replay`"),
    "snapshot": Command(Nothing, "a stored timeline frame, reconstructions and a checkpoint"),
    "revive": Command(Nothing, "every dead code is revived at the next step"),
    "stop": Command(Nothing, "checkpoint, then end; `tilework resume` goes on"),
    "reset": Command(
        Nothing, "this run ends; the same process begins a new one with other initial weights on the same images"
    ),
}
"""Put into run.db by `tilework.runs.steer.send`."""
