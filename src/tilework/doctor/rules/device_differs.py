"""The device does not compute the same as the CPU."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.probed import looked, step_of

APART = 0.03
"""Relative L2 difference of what is decoded. TF32 rounds to 2^-11, and some twenty layers of that make 0.01 at most; a device
that decoded 14 dB worse (iVideoGPT, issue 29) is apart by 0.2."""


class Rule(Base):
    """**What**: the same latents are decoded to other images on this device than on the CPU, or images encoded to other
    latents.

    **Measured**: the L2 norm of the difference over that of the CPU's result, both in float32, against 0.03.

    **Cause**: a fault of the device's library. `tilework selftest` shows which part of a model it hits.

    **Fix**: compute on the CPU.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("device",)

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "device")
        if found is None:
            return None
        # Written so that NaN is a difference.
        if found["decoded"] <= APART and found["encoded"] <= APART:
            return None
        return Finding(
            code="device-differs",
            severity=Severity.ERROR,
            step=step_of(case, found),
            measured=float(max(found["decoded"], found["encoded"])),
            threshold=APART,
            values={
                "device": str(found["device"]),
                "decoded": float(found["decoded"]),
                "encoded": float(found["encoded"]),
                "mse": float(found["mse"]),
                "mse_cpu": float(found["mse_cpu"]),
            },
            fix=Fix({"engine.device": "cpu"}, keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"{values['device']} does not compute the same as the CPU: {finding.measured:.1%} apart, MSE "
            f"{values['mse']:.4g} against {values['mse_cpu']:.4g}",
            cause="an operation is faulty on that device, or in its driver",
            advice="train on the CPU, and run `tilework selftest` after the next update of torch",
        )
