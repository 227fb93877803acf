"""All probes of one model, in their order, within so much time."""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch

from tilework.engine.probing import probes as folder
from tilework.engine.probing.contract import Pixels, Probe
from tilework.engine.probing.left_out import NotApplicable, NotMeasured, Why
from tilework.engine.probing.subject import Subject
from tilework.engine.tasks.contract import fork_rng

SECONDS = 20.0
"""For all probes of a model together; those of the shipped recipes for small images need about one."""
APPLIES, STEP = "applies", "step"
"""What every probe's numbers have beside its own: whether the model has what is asked for, and the step of its weights."""


@dataclass(frozen=True)
class LeftOut:
    """Why a probe was not made."""

    why: Why
    detail: str = ""


@dataclass(frozen=True)
class Probed:
    """What all probes found of one model at one step."""

    step: int
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name of a probe -> its numbers, as a rule reads them by `case.probe(name)`."""
    images: Mapping[str, Pixels] = field(default_factory=dict)
    """Name of a probe -> what convinces, (H, W, 3)."""
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)


@cache
def shipped() -> Mapping[str, Probe]:
    """Every probe by its name, in the order in which they are made."""
    found = {
        module.name.replace("_", "-"): importlib.import_module(f"{folder.__name__}.{module.name}").Probe()
        for module in pkgutil.iter_modules(folder.__path__)
    }
    return dict(sorted(found.items(), key=lambda pair: pair[1].order))


def probe_all(subject: Subject, seconds: float = SECONDS, probes: Mapping[str, Probe] | None = None) -> Probed:
    """Make every probe. Changes nothing outside of the subject: no weight, no buffer, no random state.

    None is begun after `seconds`. What one probe lacks stops no other.
    """
    end = time.monotonic() + seconds
    values: dict[str, dict[str, Any]] = {}
    images: dict[str, Pixels] = {}
    left_out: dict[str, LeftOut] = {}
    with torch.no_grad(), fork_rng(subject.device):
        for name, probe in (shipped() if probes is None else probes).items():
            if time.monotonic() >= end:
                left_out[name] = LeftOut(Why.TIME)
                continue
            try:
                found = probe.measure(subject)
            except NotApplicable:
                values[name] = {APPLIES: False, STEP: subject.step}
            except NotMeasured as lack:
                left_out[name] = LeftOut(lack.why, lack.detail)
            except Exception as error:
                # Memory, an operation that the device does not have, or a network that is unlike all that were thought of: a run
                # does not end badly because of a look at it.
                left_out[name] = LeftOut(Why.FAILED, f"{type(error).__name__}: {error}".partition("\n")[0])
            else:
                values[name] = {APPLIES: True, STEP: subject.step, **found.values}
                if found.image is not None:
                    images[name] = found.image
    return Probed(subject.step, values, images, left_out)


def nothing(step: int, why: Why, detail: str = "") -> Probed:
    """No probe was made, all for the same reason."""
    return Probed(step, left_out=dict.fromkeys(shipped(), LeftOut(why, detail)))
