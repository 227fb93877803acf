"""Encoder outputs and codes shrink to nothing together."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words
from tilework.doctor.schedules import weight, weight_name
from tilework.doctor.training_loss import smooth

SHRUNK = 0.03
"""Of its largest norm: one and a half orders of magnitude. A healthy encoder that settles after its first steps keeps a
tenth."""
WIDTH = 3
MILD = 0.05
"""Commitment weight that is small enough not to pull latents to zero (what reference runs on game frames settled on)."""


class Rule(Base):
    """**What**: the quantiser's losses look wonderful because there is nothing left to quantise: encoder and codebook shrink
    together, until the decoder gets the same vector everywhere and gives one grey image.

    **Measured**: mean norm of tokens and mean norm of codes now, each over the largest it has been (running medians of three
    rows); the larger of the two against 0.03, while the squared quantisation error has fallen by its square. Losses of the
    quantiser alone mean nothing: they fall by orders of magnitude in healthy runs too, while norms stay.

    **Cause**: a commitment weight that is large against the reconstruction's gradient (a codebook chases an encoder that
    flees to zero), or weight decay.

    **Fix**: no weight decay; else commitment 0.05; where it is that small already, cosine distance, which has no norm to
    shrink.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = ("learning-rate-high", "loss-diverging")

    def judge(self, case: Case) -> Finding | None:
        if ("code_norm.1", "train") not in case.names:
            return None
        tokens = case.curve("z_norm", "train", least=WIDTH + 2)
        codes = case.curve("code_norm.1", "train", least=WIDTH + 2)
        error = case.curve("quantisation_error.1", "train", least=WIDTH + 2)
        shares = [_over_largest(one.values) for one in (tokens, codes)]
        measured = float(max(share[-1] for share in shares))
        if not (measured < SHRUNK and _over_largest(error.values)[-1] < SHRUNK**2):
            return None
        both = np.maximum(*(share[-min(map(len, shares)) :] for share in shares))
        return Finding(
            code="quantiser-loss-cliff",
            severity=Severity.ERROR,
            step=int(tokens.steps[-len(both) :][both < SHRUNK][0]),
            measured=measured,
            threshold=SHRUNK,
            values={
                "z_norm": tokens.last, "code_norm": codes.last, "error": error.last,
                "z_norm_before": float(np.nanmax(tokens.values)), "decay": bool(case.setting("optimizer.weight_decay")),
                "commitment": weight(case, "commitment"),
            },
            evidence=Evidence(("z_norm", "code_norm.1", "quantisation_error.1"), "train"),
            fix=Fix(self._changes(case), keep_weights=False),
        )  # fmt: skip

    @staticmethod
    def _changes(case: Case) -> dict[str, Any]:
        if case.setting("optimizer.weight_decay"):
            return {"optimizer.weight_decay": 0.0}
        if weight(case, "commitment") > MILD:
            return {weight_name(case, "commitment"): MILD}
        return {"bottleneck.distance": "cosine"}

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"latents and codes have shrunk together: the mean norm of tokens is {values['z_norm']:.2g} and was "
            f"{values['z_norm_before']:.2g}",
            cause="weight decay pulls the encoder to zero"
            if values["decay"]
            else f"commitment of weight {values['commitment']:g} is cheapest where everything is zero",
            advice=f"the quantiser's error of {values['error']:.1g} is no success: nothing is left to be distinguished",
        )


def _over_largest(values: np.ndarray) -> np.ndarray:
    smoothed = smooth(values, WIDTH)
    return smoothed / max(float(np.nanmax(smoothed)) if np.isfinite(smoothed).any() else 0.0, 1e-300)
