"""Training error keeps falling while held-out error rises, or lies far below it."""

from __future__ import annotations

from collections.abc import Mapping
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
APART: Mapping[str, float] = {"mse": 2.0, "bce": 1.4, "l1": 1.4}
"""Without a rise: times the training error that the held-out one is, of the term that both have; BCE of grey pixels never comes
near zero, and an absolute error goes with the root of the squared one."""


class Rule(Base):
    """**What**: the model learns its training images by heart: they get better, held-out ones get worse or stay far behind.

    **Measured**: held-out MSE now over its lowest, against 1.1, with the lowest at least 3 validations ago and the training
    error (MSE, else BCE or L1) lower now than then by 3 %. Where it does not rise: the held-out error over the training error,
    against 2 for MSE and 1.4 for BCE and L1, after at least 6 validations. The best checkpoint is not touched by it:
    `best` is what loads. Where early stopping is on, it is good to know.

    **Mistaken for it**: held-out images of another kind, which are harder from the first step on. Where whole groups are held out
    only a rise is judged.

    **Cause**: more steps than the images are good for, or too few images.

    **Fix**: early stopping where it rises; what is trained so far stands. Else more images, which no setting gives.
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
        return self._risen(case, held, train, term) or self._apart(case, held, train, term)

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
    def _apart(case: Case, held: Curve, train: Curve, term: str) -> Finding | None:
        if (term, "val") not in case.names or case.setting("data.split.by") == "group":
            return None
        pair = case.curve(term, "val").finite()
        if len(pair) < 2 * PATIENCE or pair.last > LEARNED * pair.values[0]:
            return None
        now = float(np.median(train.values[-3:]))
        apart = pair.last / max(now, 1e-12)
        if apart < APART[term]:
            return None
        values = {"best": float(held.values.min()), "train_then": now, "train_now": now, "held": pair.last}
        return _finding(case, held, int(pair.steps[-1]), apart, APART[term], {**values, "term": term, "risen": False})

    def words(self, finding: Finding) -> Words:
        values = finding.values
        term = values["term"].upper()
        if not values.get("risen", True):
            return Words(
                title=f"held-out images come back far worse than training images: {term} {values['held']:.4g} against "
                f"{values['train_now']:.4g}, {finding.measured:.2f} times",
                cause="there are so few training images that they are learned by heart",
                advice="bring more images; a smaller network, or fewer codes, learns less by heart",
            )
        return Words(
            title=f"overfitting since step {finding.step:,}: held-out MSE {values['now']:.4g}, {finding.measured:.2f} times "
            f"its best {values['best']:.4g}",
            cause=f"training {term} kept falling, from {values['train_then']:.4g} to {values['train_now']:.4g}: "
            "images are learned by heart",
            advice="early stopping is on, and the best checkpoint is from there"
            if values["handled"]
            else "stop where held-out error is lowest (the best checkpoint is from there), or bring more images",
        )


def _finding(case: Case, held: Curve, step: int, measured: float, threshold: float, values: dict[str, Any]) -> Finding:
    handled = values["risen"] and case.setting("engine.early_stopping") is not None
    return Finding(
        code="overfitting",
        severity=Severity.INFO if handled else Severity.WARNING,
        step=step,
        measured=measured,
        threshold=threshold,
        values={**values, "now": held.last, "handled": handled},
        evidence=Evidence(
            (values["term"] if not values["risen"] else "mse",), steps=(int(held.steps[0]), int(held.steps[-1]))
        ),
        fix=None if handled or not values["risen"] else Fix({"engine.early_stopping": {"patience": PATIENCE}}),
    )
