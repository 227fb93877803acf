"""From what a page names to a checkpoint of a run: by pattern, and never out of the run's folder."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tilework.errors import UserError
from tilework.protocol.http import SavedModel
from tilework.runs.checkpoints import in_force, numbered, pointed, step_of
from tilework.runs.folder import RunFolder
from tilework.studio.responses import NotHere

DEVICES = ("auto", "cpu", "cuda", "mps")
_FOLDER = re.compile(r"(?:best|step)-[0-9]{1,12}(?:-[0-9]{1,4})?")
_STEP = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class Chosen:
    """A checkpoint of a run."""

    run: RunFolder
    checkpoint: str
    """Name of its folder."""
    step: int

    @property
    def place(self) -> str:
        """Where it lies."""
        return str(self.run.checkpoints / self.checkpoint)


def choose(run: RunFolder, which: str) -> Chosen:
    """The checkpoint that `best`, `last`, a folder's name or a step stands for at present. Raises NotHere."""
    if which in {"best", "last"}:
        folder = in_force(run.checkpoints, which)
        name = folder.name if folder is not None else None
        if name is None:
            raise NotHere(
                f"run {run.id} has no checkpoint",
                why="none is written before its first validation or save",
                fix="wait for the first one, or save one on the run's page",
            )
    elif _STEP.fullmatch(which):
        name = next((path.name for step, path in reversed(numbered(run.checkpoints)) if step == int(which)), None)
    else:
        name = which
    step = _step(run, name) if name is not None and _FOLDER.fullmatch(name) else None
    if name is None or step is None:
        raise NotHere(
            f"run {run.id} has no checkpoint '{which[:60]}'",
            why="a run keeps its best one and its newest ones; it may have been replaced",
            fix="choose another one: best and last are there once one was written",
        )
    return Chosen(run, name, step)


def device_of(name: str) -> str:
    """The name of a device, known to be one; whether it is here the process of the model finds out. Raises
    UserError."""
    if name not in DEVICES:
        raise UserError(
            f"there is no device '{name[:60]}'", why=f"the devices are {', '.join(DEVICES)}", fix="use device=auto"
        )
    return name


def _step(run: RunFolder, name: str) -> int | None:
    """The step of a checkpoint; None where it is not one, is a link, or lies elsewhere."""
    folder = run.checkpoints / name
    if folder.is_symlink() or run.checkpoints.is_symlink():
        return None
    return step_of(folder)


def listed(run: RunFolder) -> list[SavedModel]:
    """Every checkpoint of a run, by step; one that is being removed is left out."""
    best, last = pointed(run.checkpoints, "best"), pointed(run.checkpoints, "last")
    found = []
    for folder in [*run.checkpoints.glob("best-*"), *(path for _, path in numbered(run.checkpoints))]:
        step = _step(run, folder.name) if _FOLDER.fullmatch(folder.name) else None
        try:
            written = (folder / "model.json").stat().st_mtime
        except OSError:
            continue
        if step is not None:
            is_last = folder == (last or in_force(run.checkpoints))
            found.append(SavedModel(checkpoint=folder.name, step=step, time=written, best=folder == best, last=is_last))
    return sorted(found, key=lambda one: (one["step"], one["checkpoint"]))
