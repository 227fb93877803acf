"""Every image comes back as the same one, or as one colour."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Finding, Fix, Severity, Words
from tilework.doctor.learning_rate import lower
from tilework.doctor.probed import image_of, looked, need_steps, step_of

SAME = 0.05
"""Differences between outputs, over those between images, both as standard deviations. A VAE whose latent has collapsed has 0.02,
one at ten times the usual KL weight 0.55."""
STILL = 1e-3
"""Of the held-out error, by which it moves where the output is of one colour for good."""
EARLY, PLAIN = 500, 100
"""Steps in which a healthy model may still give the mean image (digits have it for some 200 steps), or one colour."""


class Rule(Base):
    """**What**: whatever goes in, the same image comes out: one colour (grey, black), or the mean of all images.

    **Measured**: the standard deviation of reconstructions from image to image over that of the held-out images, as a root mean
    over pixels, against 0.05. Not before step 500, or where outputs are of one colour step 100: at first every model gives the
    mean image. One colour is there since the validation from which on the error no longer moves: where that was before the latent
    lost its meaning, the output is the cause, and the latent had nobody to speak to.

    **Cause**: an output that is cut (`output-cut`), a latent that carries nothing (`codebook-collapse`,
    `posterior-collapse`), steps so large that units died (`dead-units`), weights that left their range (`loss-diverging`).

    **Fix**: where no cause is found, a lower learning rate, and anew.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("output-range",)
    follows_from: ClassVar = (
        "output-cut",
        "quantiser-loss-cliff",
        "codebook-collapse",
        "posterior-collapse",
        "kl-vanishing",
        "loss-diverging",
        "learning-rate-high",
        "learning-rate-low",
        "dead-units",
        "term-dominates",
        "train-eval-differ",
        "images-dark",
    )

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "output-range")
        if found is None or found["images"] < 2 or found["data_between"] < 1 / 255:
            return None
        ratio = found["between"] / found["data_between"]
        if ratio >= SAME:
            return None
        plain = bool(found["within"] < 0.01)
        need_steps(case, found, PLAIN if plain else EARLY)
        return Finding(
            code="constant-output",
            severity=Severity.ERROR,
            step=_since(case, step_of(case, found)) if plain else step_of(case, found),
            measured=float(ratio),
            threshold=SAME,
            values={
                "plain": plain,
                "mean": float(found["mean"]),
                "images": int(found["images"]),
            },
            evidence=image_of(found, "mse"),
            fix=Fix(lower(case), keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        shade = "black" if values["mean"] < 0.1 else "white" if values["mean"] > 0.9 else "grey"
        what = f"only {shade} ({values['mean']:.2f} of 1)" if values["plain"] else "the same image"
        return Words(
            title=f"each of {values['images']} held-out images comes back as {what}: outputs differ {finding.measured:.1%} "
            "as much as images do",
            cause="nothing of the image reaches the output",
            advice="begin again with smaller steps: such weights do not come back",
        )


def _since(case: Case, now: int) -> int:
    """From which validation on nothing has changed any more: an output of one colour has the same error at each."""
    try:
        held = case.curve("mse")
    except CannotJudge:
        return now
    moved = np.flatnonzero(np.abs(held.values - held.last) > STILL * held.last)
    return int(held.steps[moved[-1] + 1] if len(moved) else held.steps[0])
