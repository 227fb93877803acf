"""Training error falls on while held-out error rises, or stands still far above it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tilework.doctor.case import Case, Curve
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words

RISEN = 1.1
"""Times its best that held-out error must be."""
PATIENCE = 3
"""Validations since the best one."""
FALLEN = 0.97
"""Of what it was at the best validation, that training error must be: less is the noise of batches."""
LEARNED = 0.8
"""Of its first value, that the best held-out error must be below: before, batch norms find their statistics, and nothing was
learned that could be learned by heart."""
APART, STANDS, GAINED = 1.5, 0.97, 0.8
"""Without a rise: times training error that held-out error is; of what it was half of the validations ago, that it is at least;
and of what it was then, that training error is at most."""


class Rule(Base):
    """**What**: the model learns its training images by heart: they get better, held-out ones get worse, or no better any more.

    **Measured**: held-out MSE now over its lowest, against 1.1, with the lowest at least 3 validations ago and the training
    error (MSE, else BCE or L1) lower now than then by 3 %. Where it does not rise: held-out MSE over training MSE, against 1.5,
    while held-out error has fallen by less than 3 % over the newer half of at least 6 validations and training error by 20 %.
    The best checkpoint is not touched by it: `best` is what loads. Where early stopping is on, it is good to know.

    **Mistaken for it**: held-out images of another kind (a group left out), which are harder from the first step on: there
    training error and theirs fall or stand together.

    **Cause**: more steps than the images are good for, or too few images.

    **Fix**: early stopping; what is trained so far stands.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = (
        "loss-diverging", "loss-spiking", "loss-stalled", "learning-rate-high", "learning-rate-low", "train-eval-differ",
    )  # fmt: skip

    def judge(self, case: Case) -> Finding | None:
        held = case.curve("mse", "val", least=PATIENCE + 2).finite()
        term = next((term for term in ("mse", "bce", "l1") if (term, "train") in case.names), "mse")
        train = case.curve(term, "train", least=4).finite()
        if len(held) < PATIENCE + 2 or len(train) < 4:
            return None
        return self._risen(case, held, train, term) or self._stands(case, held, train, term)

    @staticmethod
    def _risen(case: Case, held: Curve, train: Curve, term: str) -> Finding | None:
        best = int(np.argmin(held.values))
        risen = held.last / max(float(held.values[best]), 1e-12)
        if risen < RISEN or len(held) - 1 - best < PATIENCE:
            return None
        then = float(np.median(train.values[train.steps <= max(held.steps[best], train.steps[0])][-3:]))
        now = float(np.median(train.values[-3:]))
        if now > FALLEN * then or held.values[best] > LEARNED * held.values[0]:
            return None
        values = {"best": float(held.values[best]), "train_then": then, "train_now": now}
        return _finding(case, held, int(held.steps[best]), risen, RISEN, {**values, "term": term, "risen": True})

    @staticmethod
    def _stands(case: Case, held: Curve, train: Curve, term: str) -> Finding | None:
        if term != "mse" or len(held) < 2 * PATIENCE:  # of other terms the two errors are no pair
            return None
        half = len(held) // 2
        since = int(held.steps[half])
        lowest = np.minimum.accumulate(held.values)
        at = train.values[train.steps <= since][-3:]
        if not len(at):
            return None
        then, now = float(np.median(at)), float(np.median(train.values[-3:]))
        apart = held.last / max(now, 1e-12)
        stands = lowest[-1] >= STANDS * lowest[half] and lowest[-1] <= LEARNED * held.values[0]
        if not stands or apart < APART or now > GAINED * then:
            return None
        values = {"best": float(lowest[-1]), "train_then": then, "train_now": now}
        return _finding(case, held, since, apart, APART, {**values, "term": term, "risen": False})

    def words(self, finding: Finding) -> Words:
        values = finding.values
        title = (
            f"overfitting since step {finding.step:,}: held-out MSE {values['now']:.4g}, {finding.measured:.2f} times "
        )
        return Words(
            title=title + (f"its best {values['best']:.4g}" if values["risen"] else "that of training, falls no more"),
            cause=f"training {values['term'].upper()} fell on, from {values['train_then']:.4g} to {values['train_now']:.4g}: "
            "images are learned by heart",
            advice="early stopping is on, and the best checkpoint is from there"
            if values["handled"]
            else "stop where held-out error is lowest (the best checkpoint is from there), or bring more images",
        )


def _finding(case: Case, held: Curve, step: int, measured: float, threshold: float, values: dict[str, Any]) -> Finding:
    handled = case.setting("engine.early_stopping") is not None
    return Finding(
        code="overfitting",
        severity=Severity.INFO if handled else Severity.WARNING,
        step=step,
        measured=measured,
        threshold=threshold,
        values={**values, "now": held.last, "handled": handled},
        evidence=Evidence(("mse",), steps=(int(held.steps[0]), int(held.steps[-1]))),
        fix=None if handled else Fix({"engine.early_stopping": {"patience": PATIENCE}}),
    )
