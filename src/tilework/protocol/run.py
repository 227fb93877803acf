"""What is sent about one run: its card in the list, its curves, marks, metrics and settings."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from tilework.metrics import Better, Group, Measured, Part, Reduction
from tilework.protocol.finding import Severity

Number = float | None
"""A measured value; NaN and infinity travel as null."""
Split = Literal["train", "val"]
Plain = Mapping[str, Any]
"""Names and values of any kind."""


class RunStatus(StrEnum):
    """What a run is doing, as it is seen from outside."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    """Ended on purpose before its end (Ctrl-C, a time limit); `resume` goes on."""
    CRASHED = "crashed"
    """Its process died; `resume` goes on from the last checkpoint."""
    UNREADABLE = "unreadable"
    """Of another format version, or damaged."""


class Headline(TypedDict):
    """A metric of validation that stands for the run."""

    label: Annotated[str, "what it is called"]
    unit: Annotated[str, "of its values; empty = none"]
    values: Annotated[Sequence[Number], "one a level, or one"]
    most: Annotated[Number, "the largest possible one, where there is one"]


class Spark(TypedDict):
    """The training loss as a small line."""

    step: Annotated[Sequence[int], "some steps"]
    loss: Annotated[Sequence[Number], "the loss at each"]


class RunCard(TypedDict):
    """A run in the list of all."""

    id: Annotated[str, "name of its folder"]
    name: Annotated[str, "of its recipe or spec"]
    status: Annotated[RunStatus, "what it is doing; `unreadable` = it cannot be read"]
    problem: Annotated[str | None, "why it cannot be read"]
    step: Annotated[int, "of the newest row"]
    epoch: Annotated[float, "of the newest row"]
    total_steps: Annotated[int | None, "where it is to end"]
    total_epochs: Annotated[float | None, "where it is to end"]
    val: Annotated[Mapping[str, Number], "newest value of every metric of validation, by name"]
    headlines: Annotated[Sequence[Headline], "those of them that stand for the run"]
    val_step: Annotated[int | None, "where they were measured"]
    severity: Annotated[Severity | None, "of the worst that its doctor has found; null = nothing"]
    warnings: Annotated[Sequence[str], "the causes among its findings, of severity `warning` or `error`, in words"]
    created: Annotated[float, "seconds since 1970"]
    updated: Annotated[float, "seconds since 1970"]
    seconds: Annotated[float, "time spent training"]
    size_bytes: Annotated[int, "of its folder"]
    spark: Annotated[Spark, "its training loss"]
    folder: Annotated[str, "its path on the machine of the studio"]
    thumb: Annotated[str | None, "address of its newest reconstructions as a small image"]


class Rows(TypedDict):
    """Rows of one split, by column."""

    step: Annotated[Sequence[int], "of each row"]
    epoch: Annotated[Sequence[float], "of each row"]
    series: Annotated[Mapping[str, Sequence[Number]], "values by name; null where one was not logged"]


class Curves(TypedDict):
    """Rows of both splits, thinned."""

    train: Annotated[Rows, "of training"]
    val: Annotated[Rows, "of validation"]


class ChangedSetting(TypedDict):
    """A setting that was given another value while a run trained."""

    name: Annotated[str, "of the setting"]
    before: Annotated[float, "what it was"]
    value: Annotated[float, "what it is since; the same = held there"]


class Mark(TypedDict):
    """Something that happened in a run."""

    id: Annotated[int, "of an event even, of a finding odd"]
    step: Annotated[int, "after which it happened"]
    time: Annotated[float, "seconds since 1970"]
    kind: Annotated[
        str, "`set`, `revived`, `finding`, `finding-gone`, `started`, `resumed`, `paused`, `snapshot`, `failed`, ..."
    ]
    text: Annotated[str, "in words"]
    change: NotRequired[Annotated[ChangedSetting, "of a setting"]]
    code: NotRequired[Annotated[str, "of a finding"]]
    severity: NotRequired[Annotated[Severity, "of a finding that holds"]]


class MetricEntry(TypedDict):
    """One kind of number that a run measures (src/tilework/metrics.py)."""

    name: Annotated[str, "of its series, without what comes after a dot"]
    label: Annotated[str, "what it is called"]
    group: Annotated[Group, "metrics of one group are drawn beside each other"]
    unit: Annotated[str, "of its values; empty = none"]
    reduction: Annotated[Reduction, "how the steps between two rows became one value"]
    better: Annotated[Better | None, "which way is better"]
    part: Annotated[Part | None, "what stands after the dot of a series' name"]
    measured: Annotated[Measured, "in which rows it occurs"]
    window: Annotated[str, "what a training value is measured over, where that is not the steps between two rows"]
    decimals: Annotated[int | None, "digits after the point; null = four significant ones"]
    headline: Annotated[int | None, "rank among the numbers that stand for a run"]
    most: Annotated[str, "the metric that is its largest possible value"]
    term: Annotated[bool, "measured only where the objective has the loss term of this name"]
    setting: Annotated[bool, "set and not measured"]
    help: Annotated[str, "what it means"]


class Steerable(TypedDict):
    """A setting that may be changed while the run goes on."""

    name: Annotated[str, "its path in the spec: `objective.commitment`, `optimizer.lr`, `bottleneck.revival.threshold`"]
    label: Annotated[str, "what it is called"]
    value: Annotated[float, "what it stood at when its process began"]
    low: Annotated[float, "smallest value"]
    high: Annotated[float, "largest value"]
    scale: Annotated[Literal["linear", "log", "off-log"], "`off-log`: logarithmic with 0 = off at the left end"]
    help: Annotated[str, "what it does"]


class RunResponse(TypedDict):
    """One run."""

    card: Annotated[RunCard, "as in the list"]
    spec: Annotated[Plain, "as its folder has it"]
    facts: Annotated[Plain, "what its store holds of it"]
    metrics: Annotated[
        Sequence[MetricEntry],
        "its table of metrics, in the order in which they are shown; a series that is not in it is a loss term",
    ]
    steerable: Annotated[Sequence[Steerable], "what may be changed while it goes on"]
    log: Annotated[Sequence[str], "the last lines that its process printed"]
