"""Encoder outputs and codes shrink to nothing together."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tilework.doctor.case import Case, Curve
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words
from tilework.doctor.schedules import weight, weight_name
from tilework.doctor.training_loss import smooth

SHRUNK = 0.03
"""Of its largest norm: one and a half orders of magnitude. A healthy encoder that settles after its first steps keeps a
tenth."""
WIDTH = 3
SLID, GREW = 0.8, 1.5
"""The lesser form: both norms below this share of what they were, while the gradient that pulls against it grows to this."""
QUARTERS, FIRST, LEAST = 4, 100, 20
"""Stretches of the run, each of which must end lower, from the step at which a fast encoder has settled; rows of all of them."""
MILD = 0.05
"""Commitment weight that is small enough not to pull latents to zero (what reference runs on game frames settled on)."""


class Rule(Base):
    """**What**: the quantiser's losses look wonderful because there is nothing left to quantise: encoder and codebook shrink
    together, until the decoder gets the same vector everywhere and gives one grey image.

    **Measured**: mean norm of tokens and mean norm of codes now, each over the largest it has been (running medians of three
    rows); the larger of the two against 0.03, while the squared quantisation error has fallen by its square. Losses of the
    quantiser alone mean nothing: they fall by orders of magnitude in healthy runs too, while norms stay. A warning before: over
    four equal stretches of the run (without its first sixth, and from step 100 on) the median norm of tokens falls in each and
    that of codes in the last two, both below 0.8 of what they were, while the median gradient grows to 1.5 times its own.

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
            slid = _slide(tokens, codes, case.curve("grad_norm", "train"))
            return None if slid is None else self._finding(case, *slid, slides=True)
        both = np.maximum(*(share[-min(map(len, shares)) :] for share in shares))
        return self._finding(case, measured, int(tokens.steps[-len(both) :][both < SHRUNK][0]), slides=False)

    def _finding(self, case: Case, measured: float, step: int, *, slides: bool) -> Finding:
        tokens = case.curve("z_norm", "train")
        return Finding(
            code="quantiser-loss-cliff",
            severity=Severity.WARNING if slides else Severity.ERROR,
            step=step,
            measured=measured,
            threshold=SLID if slides else SHRUNK,
            values={
                "z_norm": tokens.last, "code_norm": case.value("code_norm.1", "train"),
                "error": case.value("quantisation_error.1", "train"), "slides": slides,
                "z_norm_before": float(np.nanmax(tokens.values)), "decay": bool(case.setting("optimizer.weight_decay")),
                "commitment": weight(case, "commitment"),
            },
            evidence=Evidence(("z_norm", "code_norm.1", "grad_norm" if slides else "quantisation_error.1"), "train"),
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
        slides = values.get("slides", False)  # not in findings stored before there was this form
        return Words(
            title=f"latents and codes {'shrink' if slides else 'have shrunk'} together: the mean norm of tokens is "
            f"{values['z_norm']:.2g} and was {values['z_norm_before']:.2g}",
            cause="weight decay pulls the encoder to zero"
            if values["decay"]
            else f"commitment of weight {values['commitment']:g} is cheapest where everything is zero"
            + (", or something else makes the encoder's weights smaller at each step" if slides else ""),
            advice=f"the quantiser's error of {values['error']:.1g} is no success: "
            + ("the gradient grows against it" if slides else "nothing is left to be distinguished"),
        )


def _slide(tokens: Curve, codes: Curve, gradient: Curve) -> tuple[float, int] | None:
    """(the larger share of its norm that is left, the step at which tokens have first lost so much) where both norms keep
    falling."""
    settled = [one.after(max(FIRST, int(one.steps[-1]) // 6)).finite() for one in (tokens, codes, gradient)]
    if min(map(len, settled)) < LEAST:
        return None
    of_tokens, of_codes, of_gradient = map(_quarters, settled)
    falling = (np.diff(of_tokens) < 0).all() and (np.diff(of_codes)[-2:] < 0).all()
    share = max(of_tokens[-1] / of_tokens[0], of_codes[-1] / of_codes.max())
    if not (falling and share < SLID and of_gradient[-1] > GREW * of_gradient[0]):
        return None
    late = settled[0]
    return float(share), int(late.steps[smooth(late.values, WIDTH) < SLID * of_tokens[0]][0])


def _quarters(curve: Curve) -> np.ndarray:
    """Medians of four equal stretches."""
    return np.array([np.median(part) for part in np.array_split(curve.values, QUARTERS)])


def _over_largest(values: np.ndarray) -> np.ndarray:
    smoothed = smooth(values, WIDTH)
    return smoothed / max(float(np.nanmax(smoothed)) if np.isfinite(smoothed).any() else 0.0, 1e-300)
