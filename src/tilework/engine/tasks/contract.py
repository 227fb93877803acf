"""What the engine asks of a task, and nothing else. Loop, checkpoints, resume, control, replay, the guard, many processes and the
run store never ask which task it is.

The engine makes one `Task` for a run and asks in this order, each answer building on the ones before:

    problems -> data -> build -> start                                       before the first step
    losses -> after_step, row                                                at every step, at every logged row
    validate -> snapshots                                                    at the end of an epoch
    view, settings, set, do                                                  while somebody watches or steers
    state, restore                                                           at a checkpoint, at a resume
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tilework.engine.compute import Compute
from tilework.engine.progress import Progress
from tilework.errors import UserError
from tilework.metrics import Metrics
from tilework.protocol.frame import ViewHeader
from tilework.spec import RunSpec, Schedule, Setting

Arrays = dict[str, NDArray[Any]]
Judged = Callable[[], AbstractContextManager[None]]
"""Makes a block within which the model has the weights that are judged and shown (the averaged ones, where a run keeps them)."""


class Feed(Protocol):
    """Batches in an order that depends on the seed and the epoch alone. What a batch is, the task knows."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch; the same on every process."""

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """The batches of epoch `number` (from 0), beginning with batch `start`."""


@runtime_checkable
class Divisible(Protocol):
    """A feed whose epochs may go on with another batch size. One that is not is refused a change within an epoch."""

    def batches_after(self, used: int) -> int:
        """Whole batches in what follows the first `used` items of an epoch."""

    def epoch(self, number: int, start: int = 0, used: int = 0) -> Iterator[Any]:
        """The batches of epoch `number` cut from what follows its first `used` items, beginning with batch `start`."""


@dataclass(frozen=True)
class Data:
    """What a run trains on."""

    train: Feed
    items: tuple[int, int]
    """How many items the training split and the validation split have."""
    unit: str
    """What an item is, in the plural: images, letters, sequences."""
    content_hash: str
    """Of all that is trained on: a run resumes only where it is the same."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the run store keeps of it."""
    warnings: tuple[str, ...] = ()
    """What a person should know of the data before the first step."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Whose they are, as plain values that a checkpoint keeps: `Task.other_data` gets them at a resume."""


@dataclass(frozen=True)
class Losses:
    """What one forward pass measured."""

    total: Tensor
    """Scalar, attached to the graph: what is minimised."""
    values: dict[str, Tensor]
    """Named detached scalars on the device: the raw loss terms and whatever else deserves a curve."""
    kept: Any = None
    """What `after_step` and the view want to see of this pass; references, no copies."""
    anchors: Sequence[Tensor] = ()
    """Attached tensors that together depend on every parameter, also on one whose weight is 0 at the moment: several processes
    need a gradient of each. () = `total` does."""


@dataclass(frozen=True)
class Row:
    """What a task adds to a logged row: values by name, and events (kind, payload) that happened since the last row."""

    values: dict[str, float] = field(default_factory=dict)
    events: tuple[tuple[str, dict[str, Any]], ...] = ()


@dataclass(frozen=True)
class Validation:
    """One pass over the validation split: `loss` (with the weights given) and whatever else the task measures, by name."""

    metrics: dict[str, float]


class NotFinite(Exception):
    """The model gives NaN or infinity: there is nothing to show, and the guard has the word."""


class View:
    """What live frames and the timeline show of a model. This one shows numbers alone; a task that can be looked at has its own.

    A view changes no weight, no buffer and no random state.
    """

    def stepped(self, kept: Sequence[Any], batches: Sequence[Any]) -> None:
        """Remember what one step has seen: references, no copies. Called at every step."""

    def gradients(self) -> None:
        """Look at gradients: after the backward pass, before they are cleared; called only while somebody watches."""

    def motion(self, step: int, *, gradients: bool = False, follow: bool = True) -> Arrays:
        """What moves from frame to frame and costs little, after `step` steps. `gradients`: with what `gradients` saw;
        `follow`: the point of view may move along."""
        return {}

    def images(self, *, still: bool = False) -> Arrays:
        """What has to be computed for whoever watches; all of it new where the model stands `still`. Raises NotFinite."""
        return {}

    def kept(self, *, first: bool) -> Arrays:
        """What the timeline keeps beside `motion`; `first`: of the first frame of a run. Raises NotFinite."""
        return {}

    def costly(self) -> Arrays:
        """What the timeline keeps when its budget allows. Raises NotFinite."""
        return {}

    def header(self) -> ViewHeader:
        """What a frame's header holds of the arrays."""
        return {
            "kind": "plane", "dim": 0, "levels": 0, "codes": 0, "grid": [1, 1], "variance": None,
            "points_of": "window", "points_fixed": 0, "fixed": False, "classes": [],
        }  # fmt: skip


class Task(ABC):
    """One run's task. `spec` is of the class `Spec`; `model` is there from `build` on."""

    Spec: ClassVar[type[RunSpec]]
    """The spec of this task: `RunSpec` with the sections that the task reads."""
    metrics: Metrics = Metrics()
    """What a run of this task measures beside what every run does."""

    model: nn.Module
    runs: Path | None = None
    """The folder of the run's own folder: where other runs that a spec names are looked for. None = the default one."""

    def __init__(self, spec: RunSpec, compute: Compute) -> None:
        self.spec, self.compute = spec, compute

    # Before the first step -------------------------------------------------------------------------------------------

    @classmethod
    def problems(cls, spec: RunSpec) -> list[UserError]:
        """What of a spec would stop its run before the first step, found without reading any data."""
        return []

    @classmethod
    def settled(cls, spec: RunSpec, found_in: Path, runs: Path) -> RunSpec:
        """The spec as a run in the folder `runs` keeps it: what it names by a word that means something else tomorrow (`last`)
        is written out. Such names are looked for in the folder `found_in`. Raises UserError where there is no such thing."""
        return spec

    @classmethod
    def moved(cls, spec: RunSpec, was: Mapping[str, Any], runs: Path) -> RunSpec:
        """The spec of a run that goes on, for which the place of the run that it is made from was just given; `was` is
        the `Data.origin` of then. Raises UserError where that is another one."""
        return spec

    @abstractmethod
    def data(self, progress: Progress) -> Data:
        """Prepare what is trained on. Raises UserError for data that cannot be had."""

    @abstractmethod
    def build(self) -> nn.Module:
        """A new model on the CPU; its initial weights come from torch's global generator. Raises UserError where model and data
        do not fit each other, before the first step and not at it."""

    def placed(self) -> None:
        """The model is on its device now: bring along what else computes there."""
        return

    def compile(self) -> None:
        """`engine.compile` is on: compile what gains from it."""
        self.model.compile()

    def start(self, batches: int, progress: Progress) -> Row:
        """Whatever comes before the first step of a new run, from `batches` batches. Collective."""
        return Row()

    def describe(self) -> dict[str, Any]:
        """Facts of the model for whoever watches, as plain values."""
        return {}

    def trial_copy(self, compute: Compute) -> Self:
        """A copy to try things out on, which computes with `compute`: whatever its steps change is its own, the data are shared.
        Every module of the task is copied here; a task that keeps other state of its steps gives the copy a new one."""
        made, known = copy.copy(self), dict[int, Any]()
        made.compute = compute
        for name, value in vars(self).items():
            if isinstance(value, nn.Module):
                setattr(made, name, copy.deepcopy(value, known))
        return made

    def fewer(self, batch: Any, items: int) -> Any:
        """The first items of a batch, as a batch; the whole one where it cannot be cut."""
        return batch

    def hold_out(self, items: int) -> tuple[int, int]:
        """From now on `validate` measures at most so many items; how many these are, and how many it measured until now. Asked
        of a trial copy only. A task that cannot validate less gives the same number twice."""
        return 1, 1

    # A step ----------------------------------------------------------------------------------------------------------

    def weights(self) -> Mapping[str, Schedule]:
        """The loss terms and the schedule of each one's weight; it can be steered as `objective.TERM`."""
        return {}

    def about_term(self, term: str) -> str:
        """One line on a loss term, for who steers its weight."""
        return ""

    @abstractmethod
    def losses(self, model: nn.Module, batch: Any, weights: Mapping[str, float]) -> Losses:
        """One forward pass. `model` is the model as it is called in training; `weights` are those of this step."""

    def after_step(self, kept: Sequence[Any], refused: Tensor | None = None) -> None:
        """The optimiser has taken its step, from passes that kept this. Collective.

        `refused`: a scalar on the device, not 0 where that step was refused (the same on every process): what the task learns
        beside the optimiser must stay as it was then.
        """
        return

    def expects_jump(self, values: Mapping[str, float]) -> bool:
        """Whether what one step measured (`Losses.values`) may make the loss jump from the next step on, with nothing wrong: the
        guard then compares with none of the steps before."""
        return False

    def row(self, values: Mapping[str, float]) -> Row:
        """What a logged row has beside the means of `Losses.values`. Collective."""
        return Row()

    def other_data(self, was: Mapping[str, Any]) -> UserError | None:
        """The message where a run is gone on with other data than it was trained on; `was` is the `Data.origin` of
        then. None = the engine's message for any data."""
        return None

    def state(self) -> Any:
        """What of this process a checkpoint must keep beside the model: tensors and plain values."""
        return None

    def restore(self, state: Any) -> None:
        """Go on from `state`."""
        return

    # Looking at it ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def validate(self, weights: Mapping[str, float]) -> Validation:
        """Pass over the validation split in evaluation mode; changes no buffer and no random state. Collective."""

    def snapshots(self, found: Validation | None) -> dict[str, Arrays]:
        """Arrays to keep, by kind; `found` is a validation of this very step."""
        return {}

    def view(self, judged: Judged) -> View:
        """What live frames and the timeline show."""
        return View()

    # Steering --------------------------------------------------------------------------------------------------------

    def settings(self) -> list[Setting]:
        """What may be set while a run goes on, beside the weights and the learning rate; names are paths in the spec."""
        return []

    def set(self, name: str, value: float) -> None:
        """Set one of `settings`, or learn that the weight `objective.TERM` changes. Raises UserError, and has changed nothing
        then, where that cannot be."""
        return

    def do(self, command: str) -> dict[str, Any] | None:
        """Carry out a command that only this task knows, and return what it answers; None where it does not know it. Raises
        UserError where it cannot."""
        return None


def fork_rng(device: torch.device) -> AbstractContextManager[None]:
    """Within this block random numbers are drawn and given back: the run's own stream goes on as if nothing had happened."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
