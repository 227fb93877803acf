"""This machine's device against its CPU: the same small models, images and weights, computed twice and compared.

Each part gets the reference's input and the reference's gradient. A code that is chosen otherwise near a tie, or a rounding of
the encoder, then shows where it happens and nowhere else.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import torch

from tilework.engine.backend import REFERENCE, Backend, Case, Measured, Tensors, case_of, measure
from tilework.engine.device import choose_device, choose_precision
from tilework.errors import UserError
from tilework.spec import AutoencoderSpec, load_spec

What = Literal["forward", "backward", "optimiser step", "code search", "decode", "all"]

_SMALL = ("data.size=32x32", "encoder.widths=[16,32]")
MODELS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "rqvae-digits": ("rqvae-digits", ()),
    "vae-digits": ("vae-digits", ()),
    "vq": ("naruto", (*_SMALL, "encoder.residual_width=8", "bottleneck.dim=16", "bottleneck.codes=64")),
    "fsq": ("p5-loops", (*_SMALL, "bottleneck={kind: fsq, levels: [8,6,5]}")),
}
"""What is compared: a recipe and overrides. Dense heads, BatchNorm and BCE; residual blocks, EMA codes; no codebook."""


@dataclass(frozen=True)
class Row:
    """One comparison. `difference` is infinite where there is a value that is not finite, or none at all (`problem`
    gives the reason)."""

    model: str
    backend: Backend
    what: What
    difference: float
    tolerance: float
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether the device may be trusted with this."""
        return self.difference <= self.tolerance


def backends() -> list[Backend]:
    """What this machine trains with: its device in float32 and in the precision that `auto` takes.

    Where there is only a CPU: all of its threads, and bf16, which `auto` takes only where the hardware multiplies in it.
    """
    device = choose_device("auto")
    if device == "cpu":
        threads = max(2, os.cpu_count() or 1)
        return [Backend("cpu", "float32", threads), Backend("cpu", "bf16", threads)]
    own = [Backend(device), Backend(device, cast(Literal["float32", "bf16", "fp16"], choose_precision("auto", device)))]
    return list(dict.fromkeys(own))


def compare(found: list[Backend]) -> Iterator[Row]:
    """Five rows for each model and backend, as soon as each is known."""
    for name, (recipe, overrides) in MODELS.items():
        case = case_of(cast(AutoencoderSpec, load_spec(recipe, overrides)))
        wanted = measure(case, REFERENCE, None)
        for backend in found:
            allowed = tolerances(backend, case)
            try:
                rows = differences(measure(case, backend, wanted), wanted)
            except (RuntimeError, NotImplementedError, UserError) as error:
                # An operation or memory that the device does not have, or values that a bottleneck refuses.
                problem = str(error).splitlines()[0] if str(error) else type(error).__name__
                yield Row(name, backend, "all", math.inf, 0.0, problem)
                continue
            for what, difference in rows.items():
                yield Row(name, backend, what, difference, allowed[what])


# How it is compared ----------------------------------------------------------------------------------------------------


def differences(found: Measured, wanted: Measured) -> dict[What, float]:
    """How far what a backend computed is from the reference, relative, part by part."""
    rows: dict[What, float] = {
        "forward": _relative(_but_z(found.forward), _but_z(wanted.forward)),
        "backward": _relative(found.backward, wanted.backward),
        "optimiser step": _relative(found.step, wanted.step),
        "decode": _relative(found.decode, wanted.decode),
    }
    return rows if wanted.codes is None else {**rows, "code search": found.excess}


def _but_z(tensors: Tensors) -> Tensors:
    """z steps from code to code: the row of the code search judges it."""
    return {name: value for name, value in tensors.items() if name != "z"}


def _relative(found: Tensors, wanted: Tensors) -> float:
    """The largest of |f - w| / |w| (L2 norms) over parts: what has the same first name, such as all of the decoder's gradient.

    Not number by number: a ReLU whose input is almost 0 lets a gradient pass or not, and the gradient of a bias in front of a
    norm is 0 but for rounding.
    """
    parts: dict[str, list[str]] = {}
    for name in wanted:
        parts.setdefault(name.split(".")[0], []).append(name)
    worst = 0.0
    for names in parts.values():
        f, w = (torch.cat([side[name].flatten() for name in names]) for side in (found, wanted))
        difference = float((f - w).norm() / w.norm().clamp_min(1e-30))
        worst = max(worst, difference if math.isfinite(difference) else math.inf)
    return worst


_ROUNDING = {"float32": 2.0**-24, "tf32": 2.0**-11, "bf16": 2.0**-8, "fp16": 2.0**-11}
"""The largest relative error of one rounding, u."""


def tolerances(backend: Backend, case: Case) -> dict[What, float]:
    """How much each comparison may differ.

    Where sums are taken in another order, a sum of n products is off by about sqrt(n) u and at worst by n u (Higham 2002,
    section 3.1). The longest sums of these models, gradients of a convolution, have n = 2^14, and 2^10 u allows for eight such
    errors one after another. Where products are rounded to fewer bits and sums are not, errors do not grow with n, but every
    layer rounds again, and a norm divides by a small spread: 16 u. A gradient passes a ReLU or does not: of its numbers a share
    of about u is let through on one side only, which as an L2 norm is a part of about sqrt(u): 4 sqrt(u). A fault gives
    differences of about 1; a CPU gave at most 0.4 of these.
    The code search is bounded by `bottlenecks.codebook.search.nearest`; it is float32 everywhere, and so is the optimiser.
    """
    u32 = _ROUNDING["float32"]
    # cuDNN rounds the inputs of float32 convolutions to TF32, unless it is set not to.
    short = backend.device == "cuda" and not backend.reduced and torch.backends.cudnn.allow_tf32
    u = _ROUNDING["tf32" if short else backend.precision]
    forward = 2**10 * u32 if u == u32 else 16 * u
    return {
        "forward": forward,
        "decode": forward,
        "backward": 4 * math.sqrt(u),
        "optimiser step": 2**10 * u32,
        "code search": 4 * (case.model.bottleneck.dim + 3) * u32,
    }
