"""RunSpec: everything that decides what a run does, in one frozen, validated object."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from tilework.spec.plugins import BOTTLENECKS, DECODERS, ENCODERS, SOURCES, TERMS, Plugin, Settings
from tilework.spec.schedules import Constant, Scheduled


class Term(Plugin):
    """One loss term: `weight` times its value is added to the total loss."""

    weight: Scheduled = Field(default=Constant(value=1.0), description="factor of this term in the total loss")


def _read_terms(raw: Any) -> Any:
    """`{mse: 1.0, commitment: {weight: 0.25}}` -> validated terms; the key is the kind."""
    if not isinstance(raw, dict):
        raise ValueError("objective is a mapping of loss terms, for example {mse: 1.0, commitment: 0.25}")
    terms: dict[str, Plugin] = {}
    for kind, settings in raw.items():
        if isinstance(settings, Plugin):
            terms[kind] = settings
            continue
        if not isinstance(settings, dict) or ("kind" in settings and "weight" not in settings):
            settings = {"weight": settings}
        terms[kind] = TERMS.parse({**settings, "kind": kind})
    return terms


class OptimizerSettings(Settings):
    """How the weights move."""

    kind: Literal["adam", "adamw"] = Field(default="adam", description="Adam, or AdamW with decoupled weight decay")
    lr: Scheduled = Field(default=Constant(value=1e-3), description="learning rate")
    betas: tuple[float, float] = Field(default=(0.9, 0.999), description="decay of the first and second moment")
    eps: float = Field(default=1e-8, gt=0, description="added to the root of the second moment")
    weight_decay: float = Field(default=0.0, ge=0, description="weight decay per step, relative to lr")
    clip_norm: float | None = Field(
        default=1.0, gt=0, description="largest L2 norm of the whole gradient; null = no clipping"
    )
    fused: bool = Field(default=True, description="one kernel for all parameters, where torch has it")
    accumulate: int = Field(default=1, ge=1, description="micro-batches whose gradients make one step")

    @model_validator(mode="after")
    def _betas_in_range(self) -> OptimizerSettings:
        if not all(0 <= b < 1 for b in self.betas):
            raise ValueError("betas are two numbers, each at least 0 and below 1")
        return self


class EarlyStopping(Settings):
    """Stop when the validation loss has stopped improving."""

    patience: int = Field(ge=1, description="epochs without improvement before the run stops")
    min_delta: float = Field(default=1e-4, ge=0, description="how much lower (absolute) the loss must be to count")


class EngineSettings(Settings):
    """How long, on what, and how often."""

    batch_size: int = Field(
        default=64, ge=1, description="pictures per optimiser step and micro-batch, over all processes"
    )
    epochs: int | None = Field(default=None, ge=1, description="passes over the training split")
    steps: int | None = Field(default=None, ge=1, description="optimiser steps; with epochs too, whichever ends first")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="where to train")
    precision: Literal["auto", "float32", "bf16", "fp16"] = Field(
        default="auto", description="arithmetic of encoder and decoder; quantiser and losses are always float32"
    )
    threads: int | None = Field(default=None, ge=1, description="CPU threads of torch; null = torch's own choice")
    channels_last: bool = Field(default=True, description="memory layout N H W C for convolutions")
    compile: bool = Field(default=False, description="torch.compile encoder and decoder")
    ema_decay: float | None = Field(
        default=None, gt=0, lt=1, description="keep an exponential moving average of the weights, used for validation"
    )
    early_stopping: EarlyStopping | None = Field(default=None, description="null = run to the end")
    validate_every_epochs: int = Field(default=1, ge=1, description="epochs between two held-out passes")
    log_every_steps: int = Field(default=10, ge=1, description="steps between two rows of training metrics")
    snapshot_every_epochs: int = Field(default=5, ge=1, description="epochs between two stored reconstructions")
    save_every_minutes: float = Field(
        default=5.0, gt=0, description="minutes between two checkpoints (hosted notebooks end by the clock)"
    )
    save_every_steps: int | None = Field(
        default=None, ge=1, description="steps between two checkpoints; null = by the clock only"
    )
    keep_checkpoints: int = Field(default=2, ge=1, description="newest checkpoints kept, beside the best")
    monitor: str = Field(
        default="loss",
        description="held-out figure that decides best, plateau and early stopping; loss = total with final weights",
    )
    nonfinite_steps: int = Field(
        default=10,
        ge=0,
        description="steps in a row with an infinite loss or gradient that are skipped before the run stops",
    )
    stop_after_minutes: float | None = Field(
        default=None, gt=0, description="save and stop cleanly after this long; resume goes on from there"
    )
    start_batches: int = Field(
        default=16, ge=1, description="batches in the reservoir for the k-means start of a codebook"
    )
    data_on_device: Literal["auto", "always", "never"] = Field(
        default="auto", description="keep the whole frame store on the device when it is small"
    )


class Tracker(Settings):
    """Where else metrics go; the run folder always has them."""

    kind: Literal["csv", "tensorboard", "wandb"]
    project: str = Field(default="tilework", description="project name at the service (wandb)")


def _read_trackers(raw: Any) -> Any:
    items = raw.split(",") if isinstance(raw, str) else raw
    return [{"kind": i.strip()} if isinstance(i, str) else i for i in items] if isinstance(items, list) else items


class RunSpec(Settings):
    """Everything that decides what a run does. Same spec, same machine, same seed: same result."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=64, description="what runs of this spec are called")
    about: str = Field(default="", description="one line for the list of recipes")
    note: str = Field(default="", description="said when a run of this spec starts")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of initial weights, batches, noise and start codes")
    data: Annotated[SerializeAsAny[Plugin], BeforeValidator(SOURCES.parse)]
    encoder: Annotated[SerializeAsAny[Plugin], BeforeValidator(ENCODERS.parse)]
    bottleneck: Annotated[SerializeAsAny[Plugin], BeforeValidator(BOTTLENECKS.parse)]
    decoder: Annotated[SerializeAsAny[Plugin], BeforeValidator(DECODERS.parse)]
    objective: Annotated[dict[str, SerializeAsAny[Plugin]], BeforeValidator(_read_terms)]
    optimizer: OptimizerSettings = OptimizerSettings()
    engine: EngineSettings = EngineSettings()
    trackers: Annotated[tuple[Tracker, ...], BeforeValidator(_read_trackers)] = ()

    @model_validator(mode="after")
    def _whole(self) -> RunSpec:
        if not self.objective:
            raise ValueError("objective is empty: name at least one reconstruction term, for example objective.mse=1.0")
        if self.engine.epochs is None and self.engine.steps is None:
            raise ValueError("engine has no end: set engine.epochs or engine.steps")
        return self
