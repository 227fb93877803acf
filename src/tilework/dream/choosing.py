"""Which run dreams: what a run is, and the priors that were trained on its tokens. Reads no weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilework.errors import TileworkError, UserError
from tilework.runs.checkpoints import in_force
from tilework.runs.folder import RunFolder
from tilework.runs.status import list_runs
from tilework.spec.plugins import AUTOENCODER
from tilework.spec.text import read_yaml

PRIOR = "prior"


@dataclass(frozen=True)
class Choice:
    """The run that dreams. `of` is the autoencoder that was named, where its newest prior is taken in its place; `prior` is False
    for an autoencoder whose latent is drawn from."""

    run: Path
    prior: bool
    of: str | None = None


def chosen(text: str, runs: Path | None = None) -> Choice:
    """The run, or checkpoint folder, that a word means: itself where it is a prior, the newest prior of an autoencoder with
    tokens, else the autoencoder.

    Raises UserError for a run that is not there, and for an autoencoder with tokens that no prior was trained on.
    """
    as_folder = Path(text).expanduser()
    if (as_folder / "model.json").is_file():
        inside = as_folder.resolve().parent
        home = inside.parent if inside.name == "checkpoints" else None
        task = _task(RunFolder(home)) if home is not None else None
        return Choice(as_folder, task == PRIOR if task is not None else _is_prior(as_folder))
    run = RunFolder.find(text, runs)
    task = _task(run)
    if task == PRIOR:
        return Choice(run.path, True)
    if task is None or task != AUTOENCODER:
        raise UserError(
            f"{run.id} cannot dream",
            why=f"it is a run of the task {task}" if task else "its spec cannot be read",
            fix="name a run of a prior or of an autoencoder; `tilework runs` lists them",
        )
    if not _has_tokens(run):
        return Choice(run.path, False)
    found = priors_of(run)
    if not found:
        raise UserError(
            f"{run.id} cannot dream yet",
            why="its tokens are drawn by a prior, and none was trained on them",
            fix=f"train one: `tilework train motion-prior parent={run.id}` for motion, or masked-prior or gpt-prior for images",
        )
    return Choice(found[0].path, True, run.id)


def prior_of(text: str, runs: Path | None = None) -> Path | None:
    """The run, or checkpoint folder, that a word means where it is one of a prior. Raises UserError for one that is not there."""
    as_folder = Path(text).expanduser()
    if (as_folder / "model.json").is_file():
        return as_folder if _is_prior(as_folder) else None
    run = RunFolder.find(text, runs)
    return run.path if _task(run) == PRIOR else None


def priors_of(run: RunFolder) -> list[RunFolder]:
    """Runs of priors beside an autoencoder that were trained on its tokens and have a checkpoint, the newest first."""
    found = []
    for info in list_runs(run.path.parent):
        folder = RunFolder(info.path.absolute())
        spec = _spec(folder)
        if spec.get("task") != PRIOR:
            continue
        parent = str(spec.get("parent", ""))
        same = parent == run.id or Path(parent).absolute() == run.path.absolute()
        if same and in_force(folder.checkpoints) is not None:
            found.append(folder)
    return found


def _spec(run: RunFolder) -> dict[str, Any]:
    try:
        found: dict[str, Any] = read_yaml(run.spec_file.read_text(encoding="utf-8"), str(run.spec_file))
    except (TileworkError, OSError, ValueError):
        return {}
    return found


def _task(run: RunFolder) -> str | None:
    spec = _spec(run)
    return str(spec.get("task", AUTOENCODER)) if spec else None


def _has_tokens(run: RunFolder) -> bool:
    """Whether the bottleneck of a run has codes; the two kinds that have none are named, so that nothing has to be imported."""
    bottleneck = _spec(run).get("bottleneck")
    kind = bottleneck.get("kind") if isinstance(bottleneck, dict) else bottleneck
    return kind not in {"gaussian", "none"}


def _is_prior(folder: Path) -> bool:
    from tilework.engine.checkpoint import open_folder

    return str(open_folder(folder).spec.get("task", AUTOENCODER)) == PRIOR
