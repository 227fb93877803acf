"""The autoencoder whose tokens a prior learns: found by what was typed, and written down so that it stays the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from tilework.bottlenecks.contract import Bottleneck, BottleneckConfig
from tilework.engine import checkpoint
from tilework.engine.autoencoder.model import grid_of, source_of
from tilework.errors import TileworkError, UserError
from tilework.runs.checkpoints import named
from tilework.runs.folder import RunFolder
from tilework.runs.status import list_runs
from tilework.spec import AutoencoderSpec
from tilework.spec.load import parse_spec
from tilework.spec.plugins import AUTOENCODER
from tilework.spec.prior import PriorSpec
from tilework.spec.text import read_yaml

LAST = "last"


@dataclass(frozen=True)
class Parent:
    """A run of an autoencoder with codes, and the checkpoint of it that is used."""

    run: RunFolder
    found: checkpoint.Checkpoint
    spec: AutoencoderSpec

    @property
    def step(self) -> int:
        """Of the checkpoint."""
        return self.found.step

    @property
    def dims(self) -> int:
        """Numbers in one of its images: H x W x C."""
        source = source_of(self.spec)
        return source.size.width * source.size.height * source.channels


def vectors_of(bottleneck: Bottleneck, device: torch.device) -> tuple[Tensor, ...]:
    """For each level the vectors (K, D) of its codes; () where several levels have no codebooks."""
    if books := bottleneck.codebooks():
        return tuple(book.detach() for book in books)
    if bottleneck.levels != 1:
        return ()
    codes = torch.arange(bottleneck.codes_per_level, device=device)
    return (bottleneck.decode(codes.view(-1, 1, 1, 1)).flatten(1),)


class NoCheckpoint(UserError):
    """A parent is there, and has no checkpoint of this name."""

    def __init__(self, run: RunFolder, which: str, error: UserError, *, by_name: bool) -> None:
        fix = "train the parent until it has a checkpoint, or name another run: parent=RUN"
        if not by_name:
            fix = "a new prior may use the best there is now: checkpoint=best"
        super().__init__(f"the parent {run.id} cannot be used: {error.what}", why=error.why, fix=fix)
        self.run = run


def find_parent(spec: PriorSpec, runs: Path) -> Parent:
    """The parent that a spec names, `last` and names being looked for in the folder `runs`.

    Raises UserError where there is none, where it is no autoencoder, where it has no codes and where it has no such checkpoint.
    """
    run = _newest_autoencoder(runs) if spec.parent == LAST else _named(spec.parent, runs)
    by_name = spec.checkpoint in {"best", "last"}
    try:
        found = (
            checkpoint.find(run.checkpoints, spec.checkpoint)
            if by_name
            else checkpoint.open_folder(named(run.checkpoints, spec.checkpoint))
        )
    except UserError as error:
        raise NoCheckpoint(run, spec.checkpoint, error, by_name=by_name) from None
    own = parse_spec(found.spec, str(found.folder / "model.json"))
    if not isinstance(own, AutoencoderSpec):
        raise UserError(
            f"the parent {run.id} is a run of the task {own.task}",
            why="a prior learns the tokens of an autoencoder",
            fix=f"name its parent: parent={own.parent}"
            if isinstance(own, PriorSpec)
            else "name a run of an autoencoder, or parent=last for the newest one",
        )
    bottleneck = cast(BottleneckConfig, own.bottleneck).build()
    if bottleneck.levels == 0:
        raise UserError(
            f"the parent {run.id} has no codes",
            why=f"its bottleneck is {own.bottleneck.kind}, a continuous latent, and a prior learns tokens",
            fix="name a run with a vq, rq, fsq or lfq bottleneck, for example one of `tilework train p5-loops`",
        )
    grid_of(own)
    return Parent(run, found, own)


def settled(spec: PriorSpec, found_in: Path, runs: Path) -> PriorSpec:
    """The spec with its parent as it is to be written down: its id where it lies in `runs`, else its whole path; and the step of
    its checkpoint. `found_in` is the folder in which a name is looked for. Raises UserError as `find_parent` does."""
    parent = find_parent(spec, found_in)
    path = parent.run.path.absolute()
    beside = path.parent == runs.expanduser().absolute()
    return spec.model_copy(update={"parent": path.name if beside else str(path), "checkpoint": str(parent.step)})


def other_parent(was: Mapping[str, Any], now: RunFolder, origin: Mapping[str, Any] | None = None) -> UserError:
    """The message where a prior is gone on with the run `now`, and was trained on tokens of the run that `was` names.

    `origin` is what is known of the tokens now; None = `now` has no checkpoint of that step.
    """
    same_run = was.get("parent") == now.id
    parts = {"decoder_hash": "decoder", "codebook_hash": "codebook", "data_hash": "images"}
    differ = [word for key, word in parts.items() if origin is not None and was.get(key) != origin.get(key)]
    step = was.get("parent_step")
    then = f"{was.get('parent')} at step {step:,}" if isinstance(step, int) else f"{was.get('parent')}"
    here = f"{now.id} at step {origin['parent_step']:,}" if origin else now.id
    why = f"the {' and the '.join(differ)} of {now.id} {'are' if len(differ) > 1 or differ == ['images'] else 'is'} not the same"
    if origin is None:
        why = f"{now.id} has no checkpoint of step {step:,}" if isinstance(step, int) else f"{now.id} is another run"
    elif not differ:
        why = "decoder, codebook and images are the same; encoded on another device, some tokens come out otherwise"
    return UserError(
        f"this prior was trained on tokens of {then}, and {'that run' if same_run else here} does not give the same ones",
        why=why,
        fix=f"restore {was.get('parent')} ({was.get('parent_path')}); where it was moved: parent=PATH",
    )


def _named(text: str, runs: Path) -> RunFolder:
    try:
        return RunFolder.find(text, runs)
    except UserError as error:
        raise UserError(
            f"the parent {text} is not there: {error.what}",
            why=error.why or "it was deleted, moved or never trained here",
            fix=f"{error.fix}; where it was moved: parent=PATH" if error.fix else "name another run: parent=RUN",
        ) from None


def _newest_autoencoder(runs: Path) -> RunFolder:
    for info in list_runs(runs):
        folder = RunFolder(info.path.absolute())
        try:
            written = read_yaml(folder.spec_file.read_text(encoding="utf-8"), str(folder.spec_file))
        except (TileworkError, OSError, ValueError):
            continue
        if written.get("task", AUTOENCODER) == AUTOENCODER:
            return folder
    raise UserError(
        "there is no run whose tokens could be learnt",
        why=f"{runs} holds no run of an autoencoder, and parent=last means the newest one",
        fix="train one first: tilework train p5-loops",
    )
