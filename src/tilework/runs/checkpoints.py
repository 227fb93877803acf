"""Which checkpoints a run has, and which of them `last.json` and `best.json` point at; reads no tensor.

checkpoints/step-00001200/    the newest ones; a step that was saved twice has step-00001200-2 as well
checkpoints/best-00000900/    the best so far
checkpoints/last.json, best.json    {"folder": "step-00001200"}
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from tilework.errors import UserError
from tilework.runs.atomic import atomic_write_text


def point(checkpoints: Path, which: str, folder: Path) -> None:
    """Let `which` (`last` or `best`) point at `folder`: the step that brings a new checkpoint into force."""
    atomic_write_text(checkpoints / f"{which}.json", json.dumps({"folder": folder.name}))


def pointed(checkpoints: Path, which: str) -> Path | None:
    """The folder that `last` or `best` points at, which need not exist; None where there is no pointer that can be read."""
    try:
        name = str(json.loads((checkpoints / f"{which}.json").read_text(encoding="utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # A run folder may come from anywhere: a pointer leads to a folder beside it and nowhere else.
    return checkpoints / name if name and Path(name).name == name else None


def in_force(checkpoints: Path, which: str = "last") -> Path | None:
    """The folder to go on with or to load: the one pointed at, else the newest whole one; None where there is none.

    `best` falls to `last` only where no validation has happened yet.
    """
    found = _pointed_or_last(checkpoints, which)
    while found is not None:
        if found.is_dir():
            return found
        before, found = found, _pointed_or_last(checkpoints, which)
        if found == before:  # else the run has replaced it since the pointer was read
            break
    whole = [folder for _, folder in numbered(checkpoints) if (folder / "model.json").is_file()]
    return whole[-1] if whole else None


def _pointed_or_last(checkpoints: Path, which: str) -> Path | None:
    return pointed(checkpoints, which) or (pointed(checkpoints, "last") if which == "best" else None)


def saved(checkpoints: Path, which: str) -> tuple[Path, int] | None:
    """The folder that `last` or `best` points at, and its step; None where there is none. Also while a run replaces it."""
    folder = pointed(checkpoints, which)
    while folder is not None:
        if (step := step_of(folder)) is not None:
            return folder, step
        before, folder = folder, pointed(checkpoints, which)
        if folder == before:
            break
    return None


def numbered(checkpoints: Path) -> list[tuple[int, Path]]:
    """(step, folder) of every checkpoint but the best, oldest first."""
    found = ((re.fullmatch(r"step-(\d+)(?:-(\d+))?", p.name), p) for p in checkpoints.glob("step-*"))
    known = [(int(m[1]), int(m[2] or 1), p) for m, p in found if m]
    return [(step, path) for step, _, path in sorted(known)]


def named(checkpoints: Path, which: str) -> Path:
    """The checkpoint that a step (`1200`) or a folder's name (`step-00001200`) means; of several of one step, the newest.

    Raises UserError where there is none, with those that there are.
    """
    whole = [(step, folder) for step, folder in [*_of_best(checkpoints), *numbered(checkpoints)]
             if (folder / "model.json").is_file()]  # fmt: skip
    meant = [folder for step, folder in whole if which == folder.name or (which.isdecimal() and int(which) == step)]
    if meant:
        return meant[-1]
    steps = list(dict.fromkeys(f"{step}" for step, _ in sorted(whole)))
    there = f"it has those of step {', '.join(steps[-8:])}" if steps else "it has none"
    raise UserError(
        f"run {checkpoints.parent.name} has no checkpoint '{which}'",
        why=f"{there}; older ones are removed while a run trains",
        fix="write best, last, or one of these steps" if steps else "train the run until its first checkpoint",
    )


def _of_best(checkpoints: Path) -> list[tuple[int, Path]]:
    found = ((re.fullmatch(r"best-(\d+)(?:-(\d+))?", p.name), p) for p in checkpoints.glob("best-*"))
    return [(step, path) for step, _, path in sorted((int(m[1]), int(m[2] or 1), p) for m, p in found if m)]


def weights_hash(checkpoint: Path) -> str:
    """SHA-256 over the weight files of a checkpoint, read as bytes. Raises OSError."""
    total = hashlib.sha256()
    for path in sorted(checkpoint.glob("*.safetensors")):
        total.update(path.name.encode())
        with path.open("rb") as file:
            while block := file.read(2**20):
                total.update(block)
    return total.hexdigest()


def step_of(folder: Path | None) -> int | None:
    """Optimiser steps taken when a checkpoint was written; None for a folder that is not one."""
    try:
        return int(json.loads((folder / "model.json").read_text(encoding="utf-8"))["step"]) if folder else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
