"""A model is worse in evaluation than in training, on the same images."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.probed import image_of, looked, need_steps, step_of

WORSE, MUCH_WORSE = 1.5, 4.0
"""Times the error in training mode: 1.8 dB and 6 dB."""
LEAST = 1e-4
"""Mean squared error that it must be worse by: 2.5 grey levels."""
EARLY = 200
"""Steps after which running statistics have forgotten how they began: a momentum of 0.1 forgets all but a billionth."""


class Rule(Base):
    """**What**: the same training images come back worse with the model in evaluation mode than in training mode. What is used,
    saved and validated is evaluation mode.

    **Measured**: mean squared error in evaluation mode over that in training mode, of one batch of training images, against
    1.5 (an error from 4), where the difference is at least 0.0001. Noise that a latent has in training is off in both.

    **Cause**: running statistics of batch norms that do not fit: batches too small or too unlike each other, or activations
    that still move fast. Else a quantiser that does something else in evaluation.

    **Fix**: group norm, which has no such statistics; the network is another one, so the run begins anew.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("modes",)
    follows_from: ClassVar = ("loss-diverging", "learning-rate-high", "learning-rate-low")

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "modes")
        if found is None:
            return None
        training = min(found["networks"], found.get("quantiser", found["networks"]))
        ratio = found["evaluating"] / max(training, 1e-12)
        if ratio < WORSE or found["evaluating"] - training < LEAST:
            return None
        need_steps(case, found, EARLY)
        norms = found["networks"] < found["evaluating"] / WORSE
        changes = {
            f"{part}.norm": "group"
            for part in ("encoder", "decoder")
            if norms and case.setting(f"{part}.norm") == "batch"
        }
        return Finding(
            code="train-eval-differ",
            severity=Severity.ERROR if ratio >= MUCH_WORSE else Severity.WARNING,
            step=step_of(case, found),
            measured=float(ratio),
            threshold=WORSE,
            values={
                "evaluating": float(found["evaluating"]),
                "training": float(training),
                "norms": int(found["norms"]) if norms else 0,
                "batch": int(case.setting("engine.batch_size", found["batch"])),
            },
            evidence=image_of(found, "mse"),
            fix=Fix(changes, keep_weights=False) if changes else None,
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"in evaluation the error is {finding.measured:.1f} times that in training, on the same images: MSE "
            f"{values['evaluating']:.4g} against {values['training']:.4g}",
            cause=f"the running statistics of {values['norms']} batch norms do not fit what batches of {values['batch']} have"
            if values["norms"]
            else "the quantiser chooses otherwise in evaluation",
            advice="use a norm that does without running statistics" if values["norms"] else "",
        )
