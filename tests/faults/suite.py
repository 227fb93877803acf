"""Train a run with a fault in it, and ask the doctor."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from catalogue import BASES, SETS, Fault
from spoiled import folder_of

import tilework
from tilework.doctor.diagnosis import Diagnosis, diagnose
from tilework.doctor.opening import opened
from tilework.engine.probing.opening import probe_run
from tilework.errors import RunFailure
from tilework.runs.folder import RunFolder


@dataclass(frozen=True)
class Judged:
    """What the doctor found in one run."""

    run: RunFolder
    diagnosis: Diagnosis

    @property
    def first(self) -> str:
        """The code of the finding to act on; empty = none."""
        return self.diagnosis.first.code if self.diagnosis.first else ""


def trained(
    base: str, data: str, seed: int, runs: Path, fault: Fault | None = None, more: tuple[str, ...] = ()
) -> Judged:
    """One run of a base on a set; with a fault in it, where there is one."""
    recipe, own = BASES[base]
    overrides = (*own, *SETS[data])
    if base == "game":  # colour, whatever the set
        overrides = (*overrides, "data.size=64x36", "data.channels=3")
    if fault is not None and fault.spoil is not None:
        folder = runs / f"images-{fault.name}-{data}-{seed}"
        overrides = (*own, *folder_of(recipe, overrides, fault.spoil, folder))
    overrides = (*overrides, f"seed={seed}", *(fault.overrides if fault else ()), *more)
    with fault.inject() if fault else nullcontext():
        before = set(runs.glob("*/run.json"))
        with suppress(RunFailure):  # it could not be saved: all the more there is to be found
            tilework.train(recipe, *overrides, runs=runs)
        (info,) = set(runs.glob("*/run.json")) - before
        return judged(RunFolder.find(str(info.parent), runs))


def judged(run: RunFolder) -> Judged:
    """Ask the doctor of a run that is there.

    Its saved weights are probed, however long that takes: what else watched the training model (peers hang hooks on it, under
    which batch norms in evaluation gave what they give in training) is not there, and a busy machine leaves nothing out.
    """
    probed = probe_run(run, seconds=600.0)
    left_out = {name: {"why": str(one.why), "detail": one.detail} for name, one in probed.left_out.items()}
    with opened(run) as case:
        return Judged(run, diagnose(replace(case, probes=probed.values, left_out=left_out), tolerant=True))
