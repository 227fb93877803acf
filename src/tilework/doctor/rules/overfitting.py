"""Training error falls on while held-out error rises."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tilework.doctor.case import Case
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


class Rule(Base):
    """**What**: the model learns its training images by heart: they get better, held-out ones get worse.

    **Measured**: held-out MSE now over its lowest, against 1.1, with the lowest at least 3 validations ago and the training
    error (MSE, else BCE or L1) lower now than then by 3 %. The best checkpoint is not touched by it: `best` is what loads.
    Where early stopping is on, it is good to know.

    **Cause**: more steps than the images are good for.

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
        best = int(np.argmin(held.values))
        risen = held.last / max(float(held.values[best]), 1e-12)
        if risen < RISEN or len(held) - 1 - best < PATIENCE:
            return None
        then = float(np.median(train.values[train.steps <= max(held.steps[best], train.steps[0])][-3:]))
        now = float(np.median(train.values[-3:]))
        if now > FALLEN * then or held.values[best] > LEARNED * held.values[0]:
            return None
        handled = case.setting("engine.early_stopping") is not None
        return Finding(
            code="overfitting",
            severity=Severity.INFO if handled else Severity.WARNING,
            step=int(held.steps[best]),
            measured=risen,
            threshold=RISEN,
            values={
                "best": float(held.values[best]), "now": held.last, "train_then": then, "train_now": now, "term": term,
                "handled": handled,
            },
            evidence=Evidence(("mse",), steps=(int(held.steps[0]), int(held.steps[-1]))),
            fix=None if handled else Fix({"engine.early_stopping": {"patience": PATIENCE}}),
        )  # fmt: skip

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"overfitting since step {finding.step:,}: held-out MSE {values['now']:.4g}, {finding.measured:.2f} times "
            f"its best {values['best']:.4g}",
            cause=f"training {values['term'].upper()} fell on, from {values['train_then']:.4g} to {values['train_now']:.4g}: "
            "images are learned by heart",
            advice="early stopping is on, and the best checkpoint is from there"
            if values["handled"]
            else "stop where held-out error is lowest (the best checkpoint is from there), or bring more images",
        )
