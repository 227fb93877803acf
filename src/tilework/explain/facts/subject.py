"""Whose model it is, how far it is, and the images that go in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tilework.doctor.finding import Finding


class Form(StrEnum):
    """What is explained."""

    RECIPE = "recipe"
    RUN = "run"


@dataclass(frozen=True)
class Standing:
    """How far a run is."""

    status: str
    step: int = 0
    epoch: float = 0.0
    total_steps: int | None = None
    validated_at: int | None = None
    """The step of the newest validation; None before the first one."""
    problem: str = ""
    """Why its measurements could not be read."""


@dataclass(frozen=True)
class Subject:
    """Whose model it is."""

    name: str
    form: Form
    task: str
    recipe: str
    about: str = ""
    source: str = ""
    """The recipe, file or folder that was read."""
    overrides: tuple[str, ...] = ()
    standing: Standing | None = None
    """Of a run."""
    findings: tuple[Finding, ...] = ()
    """What the doctor finds in a run, causes first; empty also where there is nothing to judge yet."""


@dataclass(frozen=True)
class Images:
    """What goes in."""

    kind: str
    """Of the source."""
    where: str
    """A path, or the name of a data set; empty where the kind names it."""
    width: int
    height: int
    channels: int
    batch: int
    split: str
    validation: float
    """Share that is held out, where the data has no split of its own."""
    training: int | None = None
    """Images to train on; None before they were counted."""
    held_out: int | None = None

    @property
    def numbers(self) -> int:
        """Numbers of one image."""
        return self.width * self.height * self.channels

    @property
    def bits(self) -> int:
        """Bits of one image as stored: 8 for each number."""
        return 8 * self.numbers
