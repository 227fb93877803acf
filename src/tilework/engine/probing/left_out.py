"""Why a probe was not made, as whoever finds out raises it."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    """Why a probe was left out."""

    IMAGES = "images"
    """The images of the run are not there."""
    CHECKPOINT = "checkpoint"
    """The run has no checkpoint that can be read."""
    NOT_FINITE = "not-finite"
    """The model gives NaN or infinity."""
    TERMS = "terms"
    """A loss term cannot be made: what it needs is not there."""
    TIME = "time"
    """The time for all probes was over."""
    TASK = "task"
    """There are no probes of models of this task."""
    FAILED = "failed"
    """It could not be computed: too little memory, an operation that the device does not have."""


class NotMeasured(Exception):
    """Raised by a probe that cannot be made here. `detail` is the message of a library, if there is one."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(why)
        self.why, self.detail = why, detail


class NotApplicable(Exception):
    """Raised by a probe of something that this model does not have: a token grid, a perceptual loss term."""
