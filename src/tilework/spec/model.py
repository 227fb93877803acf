"""RunSpec: everything that decides what a run does, in one frozen, validated object."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator, model_validator

from tilework.metrics import AUTOENCODER
from tilework.spec.overrides import term_settings
from tilework.spec.plugins import BOTTLENECKS, DECODERS, ENCODERS, SOURCES, TERMS, Plugin, Settings
from tilework.spec.schedules import Constant, Schedule, Scheduled

MOST_LR = 10.0


def _never_negative(schedule: Schedule) -> Schedule:
    low, high = schedule.bounds
    if low < 0:
        raise ValueError(f"{'it is' if low == high else 'it would go down to'} {low:g}; write values of 0 or more")
    return schedule


def _moves_weights(schedule: Schedule) -> Schedule:
    _, high = _never_negative(schedule).bounds
    if high == 0:
        raise ValueError("it is never more than 0, and nothing would be learned; write for example 1e-3")
    if high > MOST_LR:
        raise ValueError(
            f"it would reach {high:g}, and Adam moves each weight by about that much at every step; "
            f"write values up to {MOST_LR:g}, for example 1e-3"
        )
    return schedule


class Term(Plugin):
    """One loss term: `weight` times its value is added to the total loss."""

    weight: Scheduled = Field(default=Constant(value=1.0), description="factor of this term in the total loss")

    _weight_is_positive = field_validator("weight")(_never_negative)


def _read_terms(raw: Any) -> Any:
    """`{mse: 1.0, commitment: {weight: 0.25}, sinkhorn: null}` -> validated terms; the key is the kind, null removes one."""
    if not isinstance(raw, dict):
        raise ValueError(f"{raw!r} is not a mapping of loss terms; write for example objective.mse=1.0")
    terms: dict[str, Plugin] = {}
    for kind, value in raw.items():
        if isinstance(value, Plugin):
            terms[kind] = value
            continue
        TERMS.config(kind)  # a misspelt term is said before anything that is wrong inside it
        if value is None:
            continue
        settings = term_settings(value)
        if settings.get("kind", kind) != kind:
            raise ValueError(f"the term {kind} has kind '{settings['kind']}'; name the term {settings['kind']} instead")
        terms[kind] = TERMS.parse({**settings, "kind": kind})
    return terms


class OptimizerSettings(Settings):
    """How the weights move."""

    kind: Literal["adam", "adamw"] = Field(default="adam", description="Adam, or AdamW with decoupled weight decay")
    lr: Scheduled = Field(default=Constant(value=1e-3), description="learning rate")
    betas: tuple[float, float] = Field(
        default=(0.9, 0.999), description="decay of the first and second moment, each from 0 to below 1"
    )
    eps: float = Field(default=1e-8, gt=0, lt=1, description="added to the root of the second moment")
    weight_decay: float = Field(default=0.0, ge=0, le=10, description="weight decay per step, relative to lr")
    clip_norm: float | None = Field(
        default=1.0, gt=0, le=1e9, description="largest L2 norm of the whole gradient; null = no clipping"
    )
    fused: bool = Field(default=True, description="one kernel for all parameters, where torch has it")
    accumulate: int = Field(default=1, ge=1, le=4096, description="micro-batches whose gradients make one step")

    _lr_is_positive = field_validator("lr")(_moves_weights)

    @field_validator("betas")
    @classmethod
    def _betas_in_range(cls, betas: tuple[float, float]) -> tuple[float, float]:
        if not all(0 <= b < 1 for b in betas):
            raise ValueError(f"{list(betas)} is out of range; each is at least 0 and below 1, for example [0.9, 0.999]")
        return betas


class EarlyStopping(Settings):
    """Stop when the validation loss has stopped improving."""

    patience: int = Field(ge=1, le=10**6, description="epochs without improvement before the run stops")
    min_delta: float = Field(
        default=1e-4, ge=0, le=1e9, description="how much lower (absolute) the loss must be to count"
    )


class EngineSettings(Settings):
    """How long, on what, and how often."""

    batch_size: int = Field(
        default=64, ge=1, le=10**6, description="pictures per optimiser step and micro-batch, over all processes"
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
        default=None, ge=1, le=4096, description="CPU threads of torch; null = torch's own choice"
    )
    channels_last: bool = Field(default=True, description="memory layout N H W C for convolutions")
    compile: bool = Field(default=False, description="torch.compile encoder and decoder")
    ema_decay: float | None = Field(
        default=None, gt=0, lt=1, description="keep an exponential moving average of the weights, used for validation"
    )
    early_stopping: EarlyStopping | None = Field(default=None, description="null = run to the end")
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
        default=None, ge=1, le=10**12, description="steps between two checkpoints; null = by the clock only"
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
        description="steps in a row with an infinite loss or gradient that are skipped before the run stops",
    )
    stop_after_minutes: float | None = Field(
        default=None,
        gt=0,
        le=10**6,
        description="save, measure the held-out pictures and stop cleanly after this long; resume goes on from there",
    )
    start_batches: int = Field(
        default=16, ge=1, le=10**5, description="batches in the reservoir for the k-means start of a codebook"
    )
    data_on_device: Literal["auto", "always", "never"] = Field(
        default="auto", description="keep the whole frame store on the device when it is small"
    )


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


class RunSpec(Settings):
    """Everything that decides what a run does. Same spec, same machine, same seed: same result."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=64, description="what runs of this spec are called")
    about: str = Field(default="", description="one line for the list of recipes")
    note: str = Field(default="", description="said when the pictures of this spec cannot be had")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of initial weights, batches, noise and start codes")
    data: Annotated[SerializeAsAny[Plugin], BeforeValidator(SOURCES.parse)] = Field(
        description="where the pictures come from, their size, and what is held out"
    )
    encoder: Annotated[SerializeAsAny[Plugin], BeforeValidator(ENCODERS.parse)] = Field(
        description="from pictures to latents"
    )
    bottleneck: Annotated[SerializeAsAny[Plugin], BeforeValidator(BOTTLENECKS.parse)] = Field(
        description="what a latent may be: anything, a Gaussian, codes"
    )
    decoder: Annotated[SerializeAsAny[Plugin], BeforeValidator(DECODERS.parse)] = Field(
        description="from latents to pictures"
    )
    objective: Annotated[dict[str, SerializeAsAny[Plugin]], BeforeValidator(_read_terms)] = Field(
        description="loss terms by name, each a weight or a mapping; null removes one"
    )
    optimizer: OptimizerSettings = Field(default=OptimizerSettings(), description="how the weights move")
    engine: EngineSettings = Field(default=EngineSettings(), description="how long, on what, and how often")
    trackers: Annotated[tuple[Tracker, ...], BeforeValidator(_read_trackers)] = Field(
        default=(), description="where else metrics go: csv, tensorboard, wandb"
    )

    @model_validator(mode="after")
    def _whole(self) -> RunSpec:
        if not self.objective:
            raise ValueError("objective has no loss term; write at least one, for example objective.mse=1.0")
        if self.engine.epochs is None and self.engine.steps is None:
            raise ValueError(
                "the run has no end: engine.epochs and engine.steps are both null; set one, for example engine.epochs=20"
            )
        if not AUTOENCODER.judges(self.engine.monitor, self.objective):
            measured, by_part = AUTOENCODER.judging(self.objective)
            raise ValueError(
                f"engine.monitor is '{self.engine.monitor}', which no validation pass measures (it measures "
                f"{', '.join(measured)} and by level or dimension {', '.join(by_part)}); write engine.monitor=loss"
            )
        return self
