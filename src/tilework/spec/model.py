"""RunSpec: what every run has, whatever it trains, in one frozen, validated object."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tilework.errors import Refused
from tilework.spec.hints import unset
from tilework.spec.plugins import AUTOENCODER, CHECKS, Settings
from tilework.spec.problems import SETTINGS_OF
from tilework.spec.schedules import Constant, Schedule, Scheduled

MOST_LR = 10.0


def never_negative(schedule: Schedule) -> Schedule:
    low, high = schedule.bounds
    if low < 0:
        raise Refused(f"{'it is' if low == high else 'it would go down to'} {low:g}", fix="write values of 0 or more")
    return schedule


def _moves_weights(schedule: Schedule) -> Schedule:
    _, high = never_negative(schedule).bounds
    if high == 0:
        raise Refused("it is never more than 0, and nothing would be learned", fix="write for example 1e-3")
    if high > MOST_LR:
        raise Refused(
            f"it would reach {high:g}, and Adam moves each weight by about that much at every step",
            fix=f"write values up to {MOST_LR:g}, for example 1e-3",
        )
    return schedule


class OptimizerSettings(Settings):
    """How the weights move."""

    kind: Literal["adam", "adamw", "muon"] = Field(
        default="adam",
        description="Adam, AdamW with decoupled weight decay, or Muon: weights of linear layers and convolutions by "
        "orthogonal steps ten times as long, the rest as AdamW",
    )
    lr: Scheduled = Field(default=Constant(value=1e-3), description="learning rate")
    betas: tuple[float, float] = Field(
        default=(0.9, 0.999), description="decay of the first and second moment, each from 0 to below 1"
    )
    eps: float = Field(default=1e-8, gt=0, lt=1, description="added to the root of the second moment")
    weight_decay: float = Field(default=0.0, ge=0, le=10, description="weight decay per step, relative to lr")
    clip_norm: float | None = Field(
        default=1.0,
        gt=0,
        le=1e9,
        description="largest L2 norm of the whole gradient",
        json_schema_extra=unset("no clipping"),
    )
    fused: bool = Field(default=True, description="one kernel for all parameters, where torch has it")
    accumulate: int = Field(default=1, ge=1, le=4096, description="micro-batches whose gradients make one step")

    _lr_is_positive = field_validator("lr")(_moves_weights)

    @field_validator("betas")
    @classmethod
    def _betas_in_range(cls, betas: tuple[float, float]) -> tuple[float, float]:
        if not all(0 <= b < 1 for b in betas):
            raise Refused(
                f"{list(betas)} is out of range", fix="each is at least 0 and below 1, for example [0.9, 0.999]"
            )
        return betas


class EarlyStopping(Settings):
    """Stop when the validation loss has stopped improving."""

    patience: int = Field(ge=1, le=10**6, description="epochs without improvement before the run stops")
    min_delta: float = Field(
        default=1e-4, ge=0, le=1e9, description="how much lower (absolute) the loss must be to count"
    )


class GuardSettings(Settings):
    """What is done where training goes wrong. Steps whose loss or gradient is infinite or NaN are skipped in any case."""

    enabled: bool = Field(
        default=True,
        description="keep two copies of the training state in memory and go back to the sound one where the run is about to be "
        "lost; false = too many skipped steps in a row end the run, and the loss is not watched",
    )
    spike: float | None = Field(
        default=1.5,
        gt=1,
        le=1e6,
        description="loss that stays at this multiple of its usual value (median of 64 steps) is a spike, and a step "
        "whose gradient is over 100 times the largest of these is skipped",
        json_schema_extra=unset("both are left alone"),
    )
    copy_every_steps: int | None = Field(
        default=None,
        ge=10,
        le=10**9,
        description="steps between two copies of the state",
        json_schema_extra=unset("10 at first, later a twentieth of the steps so far, 200 at most"),
    )
    lr_factor: float = Field(default=0.5, gt=0, le=1, description="a rollback multiplies the learning rate by this")
    recover_steps: int | None = Field(
        default=None,
        ge=0,
        le=10**9,
        description="steps in which the learning rate then grows back, the first time to its schedule, when it is needed "
        "again only to a part of it; 0 = it stays lower",
        json_schema_extra=unset("a tenth of the steps so far, 20 at least and 100 at most"),
    )
    rollbacks: int = Field(
        default=5,
        ge=0,
        le=100,
        description="rollbacks within 1,000 steps; one more ends the run with its last good state",
    )


class EngineSettings(Settings):
    """How long, on what, and how often."""

    batch_size: int = Field(
        default=64, ge=1, le=10**6, description="images per optimiser step and micro-batch, over all processes"
    )
    epochs: int | None = Field(default=None, ge=1, le=10**9, description="passes over the training split")
    steps: int | None = Field(
        default=None, ge=1, le=10**12, description="optimiser steps; with epochs too, whichever ends first"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="where to train")
    precision: Literal["auto", "float32", "bf16", "fp16"] = Field(
        default="auto", description="arithmetic of encoder and decoder; quantiser and losses are always float32"
    )
    threads: int | None = Field(
        default=None, ge=1, le=4096, description="CPU threads of torch", json_schema_extra=unset("torch's own choice")
    )
    channels_last: bool = Field(default=True, description="memory layout N H W C for convolutions")
    compile: bool = Field(default=False, description="torch.compile encoder and decoder")
    ema_decay: float | None = Field(
        default=None, gt=0, lt=1, description="keep an exponential moving average of the weights, used for validation"
    )
    early_stopping: EarlyStopping | None = Field(
        default=None,
        description="ends the run when the validation loss no longer improves",
        json_schema_extra=unset("run to the end"),
    )
    validate_every_epochs: int = Field(default=1, ge=1, le=10**9, description="epochs between two held-out passes")
    log_every_steps: int = Field(default=10, ge=1, le=10**9, description="steps between two rows of training metrics")
    snapshot_every_epochs: int = Field(
        default=5, ge=1, le=10**9, description="epochs between two stored reconstructions"
    )
    save_every_minutes: float = Field(
        default=5.0,
        gt=0,
        le=10**6,
        description="minutes between two checkpoints at most; down to a tenth of it where they take less than 1 % of the time",
    )
    save_every_steps: int | None = Field(
        default=None,
        ge=1,
        le=10**12,
        description="steps between two checkpoints",
        json_schema_extra=unset("by the clock only"),
    )
    keep_checkpoints: int = Field(default=2, ge=1, le=10**6, description="newest checkpoints kept, beside the best")
    monitor: str = Field(
        default="loss",
        description="validation metric that decides best, plateau and early stopping: loss (total with final weights), a loss "
        "term by name, mse, psnr, or for level 1 used.1, perplexity.1",
    )
    nonfinite_steps: int = Field(
        default=10,
        ge=0,
        le=10**6,
        description="steps in a row with an infinite loss or gradient that are skipped before the guard goes back to an earlier "
        "state (without it: before the run stops)",
    )
    guard: GuardSettings = Field(default=GuardSettings(), description="what is done where training goes wrong")
    stop_after_minutes: float | None = Field(
        default=None,
        gt=0,
        le=10**6,
        description="save, measure the held-out images and stop cleanly after this long; resume goes on from there",
    )
    start_batches: int = Field(
        default=16, ge=1, le=10**5, description="batches in the reservoir for the k-means start of a codebook"
    )
    data_on_device: Literal["auto", "always", "never"] = Field(
        default="auto", description="keep the whole frame store on the device when it is small"
    )
    preflight: bool = Field(
        default=True,
        description="check the spec for some seconds before the first step (docs/preflight.md); a check that fails stops the run",
    )
    doctor: bool = Field(
        default=True, description="look for faults of the run at each validation and at its end (tilework doctor)"
    )


SETTINGS_OF.update(engine=EngineSettings, optimizer=OptimizerSettings)


class Tracker(Settings):
    """Where else metrics go; the run folder always has them."""

    kind: Literal["csv", "tensorboard", "wandb"] = Field(description="which service or file format")
    project: str = Field(
        default="tilework", min_length=1, max_length=128, description="project name at the service (wandb)"
    )


def _read_trackers(raw: Any) -> Any:
    """`wandb`, `csv, wandb`, `{kind: wandb}` or a list of these; null = none."""
    if raw is None:
        return ()
    items = raw.split(",") if isinstance(raw, str) else [raw] if isinstance(raw, dict) else raw
    return (
        [{"kind": i.strip()} if isinstance(i, str) else i for i in items] if isinstance(items, (list, tuple)) else items
    )


class FromRun(Settings):
    """The run that this one was made from."""

    run: str = Field(min_length=1, max_length=4096, description="that run: a name, a folder, or last")
    checkpoint: Annotated[str, BeforeValidator(lambda raw: str(raw) if type(raw) is int else raw)] = Field(
        default="best",
        min_length=1,
        max_length=64,
        description="which of its checkpoints: best, last or a step; a run writes down its step",
    )
    weights: bool = Field(
        default=True, description="start with its weights, the averaged ones where it keeps them; false = start anew"
    )
    fix: str = Field(default="", max_length=64, description="code of the finding whose fix was applied; empty = none")


class Named(Settings):
    """What a run is called, and what it does."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=64, description="what runs of this spec are called")
    about: str = Field(default="", description="one line for the list of recipes")
    note: str = Field(default="", description="shown when the images of this spec cannot be had")
    task: str = Field(default=AUTOENCODER, description="what is trained; it names the other sections of the spec")
    known_faults: tuple[str, ...] = Field(
        default=(),
        description="checks that this spec fails on purpose, by their names in docs/preflight.md: they are reported, and the run "
        "starts all the same",
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of initial weights, batches, noise and start codes")

    @field_validator("known_faults")
    @classmethod
    def _are_checks(cls, named: tuple[str, ...]) -> tuple[str, ...]:
        there_are = [kind.replace("_", "-") for kind in CHECKS.kinds]
        for name in named:
            if name not in there_are:
                close = difflib.get_close_matches(name, there_are, n=1)
                meant = f"did you mean {close[0]}? " if close else ""
                raise Refused(f"there is no check '{name}'", fix=f"{meant}The checks are {', '.join(there_are)}")
        return named


class RunSpec(Named):
    """What every run has. A task's spec is a subclass with the sections of its own; `tilework.spec.load` reads it.

    Everything that decides what a run does. Same spec, same machine, same seed: same result.
    """

    optimizer: OptimizerSettings = Field(default=OptimizerSettings(), description="how the weights move")
    engine: EngineSettings = Field(default=EngineSettings(), description="how long, on what, and how often")
    trackers: Annotated[tuple[Tracker, ...], BeforeValidator(_read_trackers)] = Field(
        default=(), description="where else metrics go: csv, tensorboard, wandb"
    )
    from_run: Annotated[FromRun | None, BeforeValidator(lambda raw: {"run": raw} if isinstance(raw, str) else raw)] = (
        Field(
            default=None,
            description="the run whose weights this one starts with (tilework train --from)",
            json_schema_extra=unset("none"),
        )
    )

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.engine.epochs is None and self.engine.steps is None:
            raise Refused(
                "the run has no end: engine.epochs and engine.steps are both null",
                fix="set one, for example engine.epochs=20",
                field="engine.epochs",
            )
        return self
