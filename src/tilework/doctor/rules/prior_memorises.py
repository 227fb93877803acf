"""A prior learns its training tokens by heart."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import PRIOR
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words

RISEN = 1.05
"""Times its lowest that held-out loss must be."""
PATIENCE = 3
"""Validations since the lowest one."""


class Rule(Base):
    """**What**: training tokens are predicted better and better, held-out ones worse: what is drawn will be copies.

    **Measured**: held-out loss now over its lowest, against 1.05, with the lowest at least 3 validations ago and a training
    loss that is lower now than then. (Bits are not compared: in training a masked prior is asked for other tokens than in
    validation.) Where early stopping is on it is good to know: the best checkpoint is what loads.

    **Cause**: more steps, or a larger network, than the tokens are good for.

    **Fix**: early stopping; what is trained so far stands.
    """

    tasks: ClassVar = (PRIOR,)
    follows_from: ClassVar = ("loss-diverging", "learning-rate-high")

    def judge(self, case: Case) -> Finding | None:
        held = case.curve("loss", "val", least=PATIENCE + 2).finite()
        train = case.curve("loss", "train", least=4).finite()
        if len(held) < PATIENCE + 2 or len(train) < 4:
            return None
        best = int(np.argmin(held.values))
        risen = held.last / max(float(held.values[best]), 1e-12)
        if risen < RISEN or len(held) - 1 - best < PATIENCE:
            return None
        then = float(np.median(train.values[train.steps <= max(held.steps[best], train.steps[0])][-5:]))
        now = float(np.median(train.values[-5:]))
        if now >= then:
            return None
        handled = case.setting("engine.early_stopping") is not None
        return Finding(
            code="prior-memorises",
            severity=Severity.INFO if handled else Severity.WARNING,
            step=int(held.steps[best]),
            measured=risen,
            threshold=RISEN,
            values={
                "best": float(held.values[best]), "now": held.last, "train_then": then, "train_now": now,
                "handled": handled,
            },
            evidence=Evidence(("loss", "bits"), steps=(int(held.steps[0]), int(held.steps[-1]))),
            fix=None if handled else Fix({"engine.early_stopping": {"patience": PATIENCE}}),
        )  # fmt: skip

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"the prior has been memorising since step {finding.step:,}: held-out loss {values['now']:.4g}, "
            f"{finding.measured:.2f} times its best {values['best']:.4g}",
            cause=f"training loss kept falling, from {values['train_then']:.4g} to {values['train_now']:.4g}: "
            "tokens are learned by heart",
            advice="early stopping is on, and the best checkpoint is from there"
            if values["handled"]
            else "stop where held-out loss is lowest, or train the parent on more images",
        )
