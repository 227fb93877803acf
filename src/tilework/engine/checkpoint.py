"""Checkpoints: one folder each, written whole or not at all, and read with suspicion.

checkpoints/step-00001200/model.safetensors   weights and buffers
                          ema.safetensors     averaged weights, where the run keeps them
                          model.json          the spec and what the tensors belong to
                          state.pt            optimiser, schedules, RNG, data position (tensors and plain values only)
checkpoints/best-00000900/...                 the same without state.pt: the best held-out figure so far
checkpoints/last.json, best.json              {"folder": "step-00001200"}
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save_file
from torch import Tensor, nn

from tilework.errors import RunFailure, TileworkError, UserError
from tilework.runs.checkpoints import in_force, numbered, point, pointed

FORMAT = 1
Read = TypeVar("Read")
_MOST_OFTEN = 100
"""Times that a checkpoint may be replaced while it is being read."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder that exists and names what it holds."""

    folder: Path
    about: Mapping[str, Any]

    @property
    def step(self) -> int:
        """Optimiser steps taken when it was written."""
        return int(self.about["step"])

    @property
    def spec(self) -> dict[str, Any]:
        """The spec of the run, as plain values."""
        return dict(self.about["spec"])


@dataclass(frozen=True)
class Best:
    """The best weights so far, kept in memory until the next checkpoint takes them to the disk."""

    step: int
    model: Mapping[str, Tensor]
    average: Mapping[str, Tensor] | None


def save(
    checkpoints: Path,
    *,
    step: int,
    about: Mapping[str, Any],
    model: Mapping[str, Tensor],
    average: Mapping[str, Tensor] | None,
    state: Mapping[str, Any] | None,
    keep: int,
    which: str = "last",
) -> Path:
    """Write one checkpoint and point `which` (`last` or `best`) at it; older ones than the newest `keep` go.

    Everything is written to a temporary folder, flushed to the disk and renamed, so a kill at any instant leaves the older
    checkpoint in force. Raises RunFailure when the disk is full or may not be written; the older checkpoint still stands.
    """
    temporary = checkpoints / f".writing-{uuid.uuid4().hex[:8]}"
    try:
        for left_over in checkpoints.glob(".writing-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_file({k: v.detach().cpu().contiguous() for k, v in model.items()}, temporary / "model.safetensors")
        if average is not None:
            save_file({k: v.detach().cpu().contiguous() for k, v in average.items()}, temporary / "ema.safetensors")
        if state is not None:
            torch.save(dict(state), temporary / "state.pt")
        described = {"format": FORMAT, "step": step, **about}
        (temporary / "model.json").write_text(json.dumps(described, indent=1), encoding="utf-8")
        _flush(temporary)
        final = _free_name(checkpoints, f"{'best' if which == 'best' else 'step'}-{step:08d}")
        temporary.rename(final)
        point(checkpoints, which, final)
        _prune(checkpoints, keep)
    except (OSError, RuntimeError, SafetensorError, UserError) as error:
        raise RunFailure(
            f"the checkpoint of step {step:,} could not be written to {checkpoints}",
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            fix="free space (or give write permission) there, then resume the run; the checkpoint before it is whole",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return final


def _free_name(checkpoints: Path, name: str) -> Path:
    """A step that is saved twice (a stop right after a save) gets a second folder: the first is in force until then."""
    names = (name, *(f"{name}-{again}" for again in range(2, 1000)))
    return next(checkpoints / free for free in names if not (checkpoints / free).exists())


def _flush(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        if os.name == "nt" and path.is_dir():
            continue  # Windows has no handle to flush for a folder.
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _prune(checkpoints: Path, keep: int) -> None:
    last, best = pointed(checkpoints, "last"), pointed(checkpoints, "best")
    # Of two folders of one step, the one in force stays.
    steps = dict(sorted(numbered(checkpoints), key=lambda found: found[1] == last))
    kept = {steps[number] for number in sorted(steps)[-keep:]} | {last, best}
    made = [path for _, path in numbered(checkpoints)]
    for folder in [*made, *checkpoints.glob("best-*"), *checkpoints.glob(".writing-*")]:
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def find(checkpoints: Path, which: str = "last") -> Checkpoint:
    """The `last` or `best` checkpoint; `best` falls to `last` only where no validation has happened yet.

    Raises UserError where there is none.
    """
    return reading(checkpoints, which, lambda found: found)


def reading(checkpoints: Path, which: str, read: Callable[[Checkpoint], Read]) -> Read:
    """What `read` makes of the `last` or `best` checkpoint, also while a run goes on: where it replaced that one meanwhile, the
    newer one is read. Raises UserError where there is none, and what `read` raises of one that is still in force.
    """
    for _ in range(_MOST_OFTEN):
        folder = in_force(checkpoints, which)
        files = _files(folder)
        try:
            found = read(_opened(checkpoints, folder))
        except TileworkError:
            if in_force(checkpoints, which) == folder:
                raise
            continue
        if (
            _files(folder) == files
        ):  # else what was taken for a checkpoint without averages may have been one in removal
            return found
    return read(_opened(checkpoints, in_force(checkpoints, which)))


def _files(folder: Path | None) -> set[str]:
    try:
        return set(os.listdir(folder)) if folder is not None else set()
    except OSError:
        return set()


def _opened(checkpoints: Path, found: Path | None) -> Checkpoint:
    if found is None:
        raise UserError(
            f"{checkpoints} holds no checkpoint",
            why="the run ended before its first one, or the folder was copied without it",
            fix="start the run anew with `tilework train`",
        )
    return open_folder(found)


def open_folder(folder: Path) -> Checkpoint:
    """A checkpoint folder by its path. Raises UserError where it is not one, or is of another format."""
    try:
        about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        written = about["format"]
        if not (isinstance(about["spec"], dict) and isinstance(about["step"], int)):
            raise TypeError("spec or step")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder} is not a checkpoint",
            why=f"its model.json is missing or damaged ({type(error).__name__})",
            fix=_older(folder) or "name a run, a run folder, or a folder that holds model.json and model.safetensors",
        ) from None
    if written != FORMAT:
        raise UserError(
            f"{folder} is a checkpoint of format {written}; this tilework reads format {FORMAT}",
            why="another version of tilework wrote it",
            fix="use the version that wrote it (it stands in model.json)",
        )
    return Checkpoint(folder, about)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """A safetensors file, or a UserError that states what the file is instead."""
    try:
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            return load(path.read_bytes())  # on a disk whose files cannot be mapped into memory
    except FileNotFoundError:
        raise UserError(
            f"{path} is missing",
            why="the checkpoint is not whole",
            fix=_older(path.parent) or "copy the whole run folder again",
        ) from None
    except (SafetensorError, OSError, ValueError) as error:
        pickled = path.is_file() and _looks_pickled(path.read_bytes())
        raise UserError(
            f"{path} is not a safetensors file",
            why="it is a pickle, which can run code when it is read, and tilework never reads one"
            if pickled
            else f"it is damaged or cut short ({str(error).splitlines()[0]})",
            fix=_older(path.parent) or "restore model.safetensors as tilework wrote it",
        ) from None


def _looks_pickled(content: bytes) -> bool:
    """A bare pickle (protocol byte first, full stop last) or the zip file that torch.save makes."""
    return content[:2] == b"PK" or (content[:1] == b"\x80" and content[1:2] <= b"\x05" and content[-1:] == b".")


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], where: Path) -> None:
    """Copy `tensors` into a module; names and shapes must agree exactly, or UserError names those that do not."""
    wanted = module.state_dict()
    missing, extra = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    reshaped = [k for k in wanted.keys() & tensors.keys() if wanted[k].shape != tensors[k].shape]
    if missing or extra or reshaped:
        parts = [f"{what} {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}" for what, names in
                 (("missing:", missing), ("unknown:", extra), ("of another shape:", sorted(reshaped))) if names]  # fmt: skip
        raise UserError(
            f"{where} does not fit the model of its spec",
            why="; ".join(parts),
            fix="restore the checkpoint as tilework wrote it, or use the spec that it was trained with",
        )
    module.load_state_dict(dict(tensors), strict=True)


def _older(folder: Path) -> str:
    """The same where weights are damaged; the best ones are not what a run goes on from."""
    return "" if folder.parent.name != "checkpoints" or folder.name.startswith("best") else _instead(folder)


def _instead(folder: Path) -> str:
    """How to go on with another checkpoint of the run, one that has its state; "" where there is none."""
    others = [
        (step, path) for step, path in numbered(folder.parent) if path != folder and (path / "state.pt").is_file()
    ]
    if not others:
        return ""
    step, goes_on = others[-1][0], f"`tilework resume {folder.parent.parent.name}` then goes on from step"
    if folder.name.startswith("best"):  # The best weights have no state; the pointer was changed by hand.
        return f"remove {folder.parent / 'last.json'}; {goes_on} {step:,}"
    return f"move {folder} away; {goes_on} {step:,}"


def read_state(checkpoint: Checkpoint) -> dict[str, Any]:
    """Everything but the weights that an exact resume needs; tensors and plain values only."""
    path = checkpoint.folder / "state.pt"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(f"holds a {type(state).__name__}")
    except FileNotFoundError:
        raise UserError(
            f"{path} is missing",
            why="a checkpoint without it can be used but not resumed",
            fix=_instead(checkpoint.folder) or "copy the whole run folder again",
        ) from None
    except Exception as error:
        raise UserError(
            f"{path} cannot be read",
            why=f"it is damaged, or holds more than tensors and plain values ({type(error).__name__})",
            fix=_instead(checkpoint.folder) or "restore the checkpoint as tilework wrote it",
        ) from None
    return state
