"""A run that starts with the weights of another: which one that is, and how they are taken over."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch

from tilework.engine import checkpoint
from tilework.engine.session import Session
from tilework.errors import UserError
from tilework.runs.checkpoints import named
from tilework.runs.folder import RunFolder
from tilework.spec import RunSpec

Spec = TypeVar("Spec", bound=RunSpec)


def starts_with_weights(spec: RunSpec) -> bool:
    """Whether a new run of this spec has its first weights from another run."""
    return spec.from_run is not None and spec.from_run.weights


def settled(spec: Spec, found_in: Path, runs: Path) -> Spec:
    """The spec with its `from_run` as a run in the folder `runs` keeps it: the other run's id where it lies there too, else its
    whole path; and the step of the checkpoint. A name is looked for in `found_in`. Raises UserError where there is no such run
    or checkpoint."""
    if spec.from_run is None:
        return spec
    try:
        run = _run_of(spec.from_run.run, found_in)
    except UserError:
        if spec.from_run.weights:
            raise
        return spec  # it is only named
    path = run.path.absolute()
    beside = path.parent == runs.expanduser().absolute()
    kept = {"run": path.name if beside else str(path)}
    if spec.from_run.weights:
        kept["checkpoint"] = str(_checkpoint_of(run, spec.from_run.checkpoint).step)
    return spec.model_copy(update={"from_run": spec.from_run.model_copy(update=kept)})


def take_weights(session: Session, runs: Path) -> str:
    """Give a session at step 0 the weights that its spec names; a line for the person, "" where it names no run.

    Raises UserError where they do not fit the model, or are not finite.
    """
    origin, model = session.parts.spec.from_run, session.parts.model
    if origin is None:
        return ""
    if not origin.weights:
        return f"starts anew, with the spec of {origin.run}: its weights are not used"
    run = _run_of(origin.run, runs)
    found = _checkpoint_of(run, origin.checkpoint)
    where = found.folder / "model.safetensors"
    tensors = checkpoint.read_tensors(where)
    if (found.folder / "ema.safetensors").is_file():
        tensors |= checkpoint.read_tensors(found.folder / "ema.safetensors")
    if bad := [name for name, t in tensors.items() if t.is_floating_point() and not bool(torch.isfinite(t).all())]:
        raise UserError(
            f"the weights of {run.id} at step {found.step:,} are not finite",
            why=f"{bad[0]} holds NaN or infinity" + (f", and {len(bad) - 1} more" if len(bad) > 1 else ""),
            fix="start anew: add --fresh",
        )
    try:
        checkpoint.load_weights(model, tensors, where)
    except UserError as error:
        raise UserError(
            f"the weights of {run.id} do not fit this spec",
            why=f"a setting that differs makes another model ({error.why})",
            fix="start anew: add --fresh; or leave out what changes the model",
        ) from None
    if session.parts.average is not None:
        for name, slow in session.parts.average.slow.items():
            slow.copy_(session.parts.average.live[name].detach())
    return f"starts with the weights of {run.id} at step {found.step:,}"


def _run_of(text: str, runs: Path) -> RunFolder:
    try:
        return RunFolder.find(text, runs)
    except UserError as error:
        raise UserError(
            f"the run {text}, whose weights this one starts with, is not there: {error.what}",
            why=error.why,
            fix="write where it is: from_run.run=PATH; or start anew: from_run=null",
        ) from None


def _checkpoint_of(run: RunFolder, which: str) -> checkpoint.Checkpoint:
    if which in {"best", "last"}:
        return checkpoint.find(run.checkpoints, which)
    return checkpoint.open_folder(named(run.checkpoints, which))
