"""A frame's header: what it holds beside its arrays (arrays.py), in the live file, on the socket and in the
timeline."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NotRequired, TypedDict

from tilework.protocol.errors import Problem

VERSION = 1
Channel = Literal["motion", "images", "timeline"]
DType = Literal["f4", "i4", "i2", "u1"]
"""What a page can look at without copying, little-endian: 64-bit integers are not among it."""
State = Literal["running", "paused", "validating", "stopping", "ended"]


class Applied(TypedDict):
    """A command that took effect or was refused."""

    id: Annotated[int, "number of the command in run.db"]
    kind: Annotated[str, "as it was sent"]
    step: Annotated[int, "the first step that feels it"]
    status: Annotated[Literal["applied", "refused"], "what became of it"]
    name: NotRequired[Annotated[str, "of `set`: the setting"]]
    value: NotRequired[Annotated[float, "of `set`: what was asked for"]]
    before: NotRequired[Annotated[float | None, "of `set`: what it stood at"]]
    error: NotRequired[Annotated[Problem, "of one that was refused"]]
    codes: NotRequired[Annotated[int, "of `revive`: how many codes are due"]]


class Cost(TypedDict):
    """What frames cost the training."""

    motion_ms: Annotated[float, "time of a frame of this channel, in ms"]
    pictures_ms: Annotated[float, "time of a frame of this channel, in ms"]
    share: Annotated[float, "of the training time that may be spent on frames"]


class ViewHeader(TypedDict):
    """How the arrays of a frame are to be looked at."""

    kind: Annotated[
        Literal["plane", "pca"],
        "`plane`: the latent is 2-D and is drawn as it is; `pca`: first two principal components, turned so that they stay "
        "where they were",
    ]
    dim: Annotated[int, "dimensions of the latent"]
    levels: Annotated[int, "Q; 0 = nothing is discrete"]
    codes: Annotated[int, "K, of each level"]
    grid: Annotated[Sequence[int], "positions of the latent, [w, h]"]
    variance: Annotated[Sequence[float] | None, "share that each component of `pca` holds"]
    points_of: Annotated[
        Literal["window", "probe"],
        "`window`: what training has just encoded; `probe`: fixed images, while no step was taken (the timeline begins with "
        "them, at step 0)",
    ]
    points_fixed: NotRequired[Annotated[int, "of the fixed images, so many are still in the window"]]
    fixed: NotRequired[Annotated[bool, "the codes are not learnt (FSQ, LFQ), and stay where they are"]]
    classes: Annotated[Sequence[str], "names of the labels"]


class MadeHeader(TypedDict):
    """What a trainer sends with a frame; packing it adds the places of its arrays."""

    v: Annotated[int, f"{VERSION}"]
    channel: Annotated[Channel, "which channel it is of"]
    seq: Annotated[int, "rises by one with every frame of this channel"]
    time: Annotated[float, "seconds since 1970 when it was made"]
    step: Annotated[int, "steps that the run has taken"]
    epoch: Annotated[float, "the same in epochs"]
    total_steps: Annotated[int | None, "where the run is to end"]
    steps_per_epoch: Annotated[int, "optimiser steps in one epoch"]
    state: Annotated[State, "what the run does"]
    steps_per_second: Annotated[float | None, "over the last half second or more"]
    pace: Annotated[float | None, "steps a second that slow motion allows; null = no limit"]
    values: Annotated[Mapping[str, float], "present value of every steerable setting, by name"]
    applied: Annotated[Sequence[Applied], "the newest commands that took effect or were refused, oldest first"]
    figures: Annotated[Mapping[str, float | None], "newest training metrics by name (`loss`, `mse`, `grad_norm`, ...)"]
    next: Annotated[str | None, "id of the run that a reset began"]
    cost: Annotated[Cost, "what a frame costs the training"]
    view: Annotated[ViewHeader, "how its arrays are to be looked at"]


class ArrayPlace(TypedDict):
    """Where an array stands in a frame's bytes."""

    name: Annotated[str, "see below"]
    dtype: Annotated[DType, "little-endian, C order"]
    shape: Annotated[Sequence[int], "its lengths"]
    offset: Annotated[int, "counted from the first byte after the header; a multiple of 8"]


class Header(MadeHeader):
    """What every frame holds beside its arrays."""

    arrays: Annotated[Sequence[ArrayPlace], "its arrays, in the order of their bytes"]
