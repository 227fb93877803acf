"""The KL divergence of a Gaussian latent as its rules read it: of a whole image, and what its loss is weighed against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tilework.doctor.case import Case, Curve
from tilework.doctor.finding import CannotJudge, Missing
from tilework.doctor.schedules import plain, scaled, weight, weight_name

FIRST = 100
"""Steps before which a decoder may not have found its latent yet."""
SUMMED = ("bce", "mse", "l1")
"""Terms that can be a sum over pixels, the scale on which a KL weight of 1 is a lower bound of the likelihood."""


def kl_of(case: Case) -> Curve:
    """Held-out KL in nats of one position, free bits not counted, after the first step.

    Raises CannotJudge before step 100 and without a validation.
    """
    if case.step < FIRST:
        raise CannotJudge(Missing.STEPS, have=case.step, need=FIRST)
    parts = [name for name in case.parts("kl") if "." in name]
    if not parts:  # more dimensions than are logged one by one
        return case.validated("kl").finite()
    each = [case.validated(name) for name in parts]
    return Curve(each[0].steps, np.sum([one.values for one in each if len(one) == len(each[0])], axis=0)).finite()


def gaussian(case: Case) -> bool:
    """Whether the latent is Gaussian and its divergence is part of the loss."""
    return case.setting("bottleneck.kind") == "gaussian" and case.has_term("kl")


def dims(case: Case) -> int:
    """Dimensions of the latent."""
    return int(case.setting("bottleneck.dim", 0) or len([one for one in case.parts("kl") if "." in one]))


def averaged(case: Case) -> list[str]:
    """Reconstruction terms that are a mean over pixels and could be a sum; [] where one is a sum already."""
    found = {term: case.setting(f"objective.{term}") for term in SUMMED if weight(case, term) > 0}
    per = {term: one.get("per", "pixel") if isinstance(one, Mapping) else "pixel" for term, one in found.items()}
    return [] if "image" in per.values() else list(per)


def weaker(case: Case) -> dict[str, Any]:
    """The changes that let the latent carry more."""
    if terms := averaged(case):
        return {f"objective.{terms[0]}.per": "image"}
    if weight(case, "kl") > 1:
        return scaled(case, weight_name(case, "kl"), 1 / weight(case, "kl"))
    return {"objective.kl.free_bits": 0.1}


def stronger(case: Case) -> dict[str, Any]:
    """The changes that hold the latent at its prior: a weight of 1 beside a sum over pixels, and as much less beside a mean."""
    own, name = weight(case, "kl"), weight_name(case, "kl")
    if own == 0:
        return {name: 1.0 if not averaged(case) else plain(1 / max(1, pixels(case)))}
    return scaled(case, name, 10)


def pixels(case: Case) -> int:
    """Numbers in one image."""
    size = str(case.setting("data.size", "28x28")).partition("x")
    sides = [int(part) for part in (size[0], size[2] or size[0]) if part.isdecimal()]
    return math.prod(sides) * int(case.setting("data.channels", 1) or 1)
