"""For every rule that reads rows, events, facts and the spec alone: a run made by hand that it must find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from doctor_examples import case_of, falling

from tilework.doctor.case import Case
from tilework.doctor.finding import Severity
from tilework.spec import load_spec

Series = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Made:
    """A run made by hand: its recipe with overrides, and what its store has."""

    code: str
    recipe: str
    settings: tuple[str, ...] = ()
    train: Series = field(default_factory=dict)
    val: Series = field(default_factory=dict)
    events: tuple[tuple[str, int, Mapping[str, Any]], ...] = ()
    changes: tuple[tuple[str, float, float, int], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = Severity.ERROR
    epoch: int = 100

    @property
    def spec(self) -> dict[str, Any]:
        """With every default written out, as a run keeps it."""
        return load_spec(self.recipe, self.settings).model_dump(mode="json")

    @contextmanager
    def case(self, folder: Path) -> Iterator[Case]:
        """Its case, in a folder of its own."""
        spec, facts = self.spec, {"total_steps": 2000, **self.facts}
        facts = {"task": spec["task"], **facts}
        with case_of(
            folder,
            spec,
            train=self.train,
            val=self.val,
            epoch=self.epoch,
            events=self.events,
            changes=self.changes,
            **facts,
        ) as case:
            yield case


def noisy(level: float, count: int, noise: float = 0.02) -> list[float]:
    """A level with the noise of batches."""
    return [float(v) for v in level * (1 + noise * np.random.default_rng(0).standard_normal(count))]


def of_loss(values: Sequence[float], **rest: Sequence[float]) -> dict[str, list[float]]:
    """Training rows of a loss that is an MSE alone, with the learning rate and a gradient that are usual; `a__b` is `a.b`."""
    count = len(values)
    own = {
        "loss": values,
        "mse": values,
        "weight.mse": [1.0] * count,
        "lr": [1e-3] * count,
        "grad_norm": noisy(0.05, count),
    }
    return {name.replace("__", "."): list(series) for name, series in {**own, **rest}.items()}


FALLING = falling(0.2, 0.01, 60)
_PRIOR_ROWS = {"loss": falling(6, 3, 60), "lr": [1e-3] * 60, "grad_norm": noisy(1.0, 60)}
_CODES = {"codes": [128.0] * 7, "tokens": [10_000.0] * 7}

MADE = (
    Made(
        "codebook-collapse", "p5-loops", ("bottleneck.start=random", "bottleneck.revival=null"),
        of_loss(FALLING), {**_CODES, "perplexity.1": [30, 5, 1.2, 1.1, 1.1, 1.1, 1.1], "used.1": [60, 9, 3, 2, 2, 2, 2]},
    ),
    Made(
        "unused-codes", "p5-loops", (), of_loss(FALLING),
        {**_CODES, "perplexity.1": [30, 9, 8, 8, 8, 8, 8], "used.1": [60, 20, 12, 11, 11, 11, 11]}, severity=Severity.WARNING,
    ),
    Made(
        "duplicate-codes", "p5-loops", (), of_loss(FALLING),
        {**_CODES, "used.1": [60] * 7, "perplexity.1": [50] * 7, "duplicates.1": [0, 8, 8, 8, 8, 8, 8]},
        severity=Severity.WARNING,
    ),
    Made(
        "codebook-too-large", "rqvae-digits", ("bottleneck.codes=1024",), severity=Severity.WARNING,
        facts={"train_items": 1617, "model": {"grid": [1, 1]}},
    ),
    Made(
        "perplexity-at-bound", "rqvae-digits", ("bottleneck.codes=128",), of_loss(FALLING),
        {"codes": [128.0] * 3, "tokens": [100.0] * 3, "perplexity.1": [80.0] * 3, "used.1": [90.0] * 3}, severity=Severity.INFO,
    ),
    Made(
        "quantiser-loss-cliff", "gamefactory-v2.1.6", ("objective.commitment=0.25",),
        of_loss(
            FALLING, z_norm=falling(8, 1e-3, 60), code_norm__1=falling(7, 1e-3, 60),
            quantisation_error__1=[1e-3 * v**2 for v in falling(8, 1e-3, 60)],
        ),
    ),
    Made(
        "codes-lost", "rqvae-digits", (), severity=Severity.WARNING, changes=(("objective.commitment", 0.25, 20.0, 400),),
        train=of_loss(FALLING, perplexity__1=noisy(14, 40) + noisy(4.4, 20), perplexity__2=noisy(13, 60)),
    ),
    Made(
        "codebook-frozen", "rqvae-digits", ("objective.codebook=0",), severity=Severity.WARNING,
        train=of_loss(FALLING, z_norm=noisy(0.12, 60), code_norm__1=[0.117] * 60),
    ),
    Made(
        "norm-drift", "rqvae-digits", ("objective.commitment=0",), severity=Severity.WARNING,
        train=of_loss(FALLING, z_norm=[0.2 + 0.1 * n for n in range(60)], code_norm__1=noisy(0.2, 60)),
    ),
    Made(
        "posterior-collapse", "vae-digits-beta10", (), of_loss(FALLING, kl=noisy(0.9, 60)), severity=Severity.WARNING,
        val={
            "active_units": [0, 3, 2, 2, 2, 2, 2], "kl": [0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9],
            **{f"kl.{n}": [0, *([0.45 if n < 3 else 1e-3] * 6)] for n in range(1, 13)},
        },
    ),
    Made(
        "kl-vanishing", "vae-digits", ("objective.bce.per=pixel",), of_loss(FALLING, kl=falling(3, 1e-4, 60)),
        {"active_units": [0] * 7, "kl": [0.003, 0.01, *([1e-4] * 5)], **{f"kl.{n}": [1e-5] * 7 for n in range(1, 13)}},
    ),
    Made(
        "kl-exploding", "vae-digits", ("objective.kl=0",), of_loss(FALLING), severity=Severity.WARNING,
        val={f"kl.{n}": [0, 1, 4, 9, 12, 20, 30] for n in range(1, 13)},
    ),
    Made("loss-diverging", "p5-sketches", (), of_loss([*FALLING[:30], *(0.02 * 1.3**n for n in range(30))])),
    Made(
        "loss-spiking", "rqvae-digits", (), severity=Severity.WARNING,
        train=of_loss([v * (8 if n in {25, 35, 45, 55} else 1) for n, v in enumerate(FALLING)]),
    ),
    Made("loss-stalled", "rqvae-digits", (), of_loss(noisy(0.2, 30)), {"psnr": [6.3, 6.3, 6.3]}),
    Made("gradient-vanishing", "rqvae-digits", (), of_loss([0.2] * 5 + [0.1] * 25, grad_norm=[0.2] * 5 + [1e-8] * 25)),
    Made(
        "gradient-always-clipped", "p5-loops", ("optimizer.clip_norm=1e-3",), severity=Severity.WARNING,
        train=of_loss(FALLING, grad_norm=noisy(0.1, 60)),
    ),
    Made(
        "learning-rate-high", "vae-digits", ("optimizer.lr=0.1",), of_loss([4.0, 0.3, *noisy(0.2, 30)], lr=[0.1] * 32),
        {"loss": [0.2] * 3},
    ),
    Made(
        "learning-rate-low", "vae-digits", ("optimizer.lr=1e-6",), severity=Severity.WARNING,
        train=of_loss([0.2 - 1e-4 * n for n in range(30)], lr=[1e-6] * 30), val={"psnr": [6.3] * 3},
    ),
    Made(
        "perceptual-range", "gamefactory-v2.1.0", severity=Severity.WARNING,
    ),
    Made(
        "term-constant", "gamefactory-v2.0.4", (), severity=Severity.WARNING,
        train=of_loss(FALLING, lpips=[0.0] * 60, weight__lpips=[0.3] * 60),
    ),
    Made(
        "overfitting", "vae-digits", (), of_loss(FALLING), {"mse": [0.2, 0.05, 0.04, 0.045, 0.05, 0.06, 0.07]},
        severity=Severity.WARNING,
    ),
    Made(
        "validation-leak", "p5-sketches", severity=Severity.WARNING,
        facts={"leak_counts": {"by": "frame", "examined": 180, "identical": 3, "near_twins": 80, "neighbours": 178}},
    ),
    Made("data-bound", "p5-loops", (), of_loss(FALLING, data_wait=noisy(0.8, 60)), severity=Severity.WARNING),
    Made(
        "checkpoint-older-than-promised", "p5-loops", ("engine.save_every_minutes=1e-9",), of_loss(FALLING),
        facts={"seconds_at": 0.0}, severity=Severity.WARNING,
    ),
    Made(
        "skipped-steps", "rqvae-digits", (), of_loss(FALLING), severity=Severity.WARNING,
        events=tuple(("step-skipped", step, {}) for step in range(100, 600, 10)),
    ),
    Made(
        "rolled-back", "p5-loops", (), of_loss(FALLING), severity=Severity.WARNING,
        events=(("rolled-back", 100, {}), ("rolled-back", 300, {})),
    ),
    Made(
        "prior-memorises", "next-frames", (), _PRIOR_ROWS, severity=Severity.WARNING,
        val={"loss": [6, 4, 3.8, 3.9, 4.0, 4.2], "bits": [8, 5, 4.8, 5, 5.1, 5.3], "coding.unigram": [8] * 6},
    ),
    Made(
        "prior-no-better-than-baseline", "next-frames", ("optimizer.lr=1e-6",), _PRIOR_ROWS, severity=Severity.WARNING,
        val={"loss": [6] * 6, "bits": [8.9] * 6, "coding.unigram": [8] * 6, "coding.uniform": [9] * 6},
        facts={"total_steps": 3000},
    ),
)  # fmt: skip


def made(code: str) -> Made:
    """The run of a rule."""
    return next(one for one in MADE if one.code == code)
