"""Opening the run of a prior for dreaming: its weights, and the autoencoder whose tokens it draws, known by its hashes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tilework.dream.corpus import Corpus
from tilework.dream.opened import Dreamer, refuse_another_shape
from tilework.engine import checkpoint
from tilework.engine.device import choose_device
from tilework.engine.encoding import tokens_of
from tilework.engine.fingerprint import fingerprint
from tilework.engine.prior.clips import Frames, Items, items_of
from tilework.engine.prior.sides import Sides, divided
from tilework.errors import UserError
from tilework.explore.opened import Opened, open_model
from tilework.explore.token_images import token_grid
from tilework.priors.contract import Prior, TokenShape
from tilework.runs.checkpoints import named
from tilework.runs.folder import RunFolder
from tilework.spec.load import parse_spec
from tilework.spec.plugins import PRIORS
from tilework.spec.prior import PriorSpec
from tilework.tokens.reading import Tokens

_LOOPS = {True: "all", False: "none", "auto": "auto"}
_HASHES = {"decoder_hash": "decoder", "codebook_hash": "codebook"}


def open_dreamer(
    run: RunFolder | Path | str,
    *,
    which: str = "best",
    device: str = "auto",
    runs: Path | None = None,
    parent: RunFolder | Path | str | None = None,
    moved: str = "pass parent=PATH",
    between: Callable[[], None] = lambda: None,
) -> Dreamer:
    """Open the run of a prior, with the autoencoder that it was trained on; also while it trains.

    `run` is a run's name, its folder, a RunFolder or one checkpoint folder, `which` one of its checkpoints. The autoencoder is
    where the run's spec has it, or `parent` where it was moved; it must give the same tokens. `moved` names for a
    person whose autoencoder was moved what to do, in the terms of where they are. `between` is called between pieces of
    work that takes seconds. Raises UserError for a run that is none of a prior, and for an autoencoder that is gone or
    is another.
    """
    found, tensors, folder = _checkpoint(run, which, runs)
    spec = parse_spec(found.spec, str(found.folder / "model.json"))
    name = _name_of(found.folder)
    if not isinstance(spec, PriorSpec):
        raise UserError(
            f"{name} is a run of the task {spec.task}, not of a prior",
            why="a prior draws the tokens that are dreamed",
            fix=f"train one with `tilework train motion-prior parent={name}`",
        )
    home = folder.parent if folder is not None else runs
    opened = _parent(spec, found, name, home, parent, device, moved, between)
    known = _Known(spec, opened)
    item = found.about.get("item")
    shape = TokenShape(**item) if item is not None else known.shape
    refuse_another_shape(shape, token_grid(opened.model), name, opened.name)
    prior: Prior = PRIORS.module(spec.prior.kind).Prior(spec.prior, shape)
    checkpoint.load_weights(prior, tensors, found.folder / "model.safetensors")
    prior = prior.eval().to(torch.device(choose_device(device)))
    stride = spec.data.stride if isinstance(spec.data.stride, int) else known.stride if shape.loop else 1
    classes = tuple(found.about.get("classes", ()))
    return Dreamer(prior, opened, name, found.step, classes, stride, lambda _: known.corpus)


@dataclass(frozen=True)
class _Known:
    """What a prior learned from: read when it is first asked for."""

    spec: PriorSpec
    parent: Opened

    def _read(self) -> tuple[Tokens, Items, Sides, Frames]:
        def read() -> tuple[Tokens, Items, Sides, Frames]:
            self.parent.need_images("comparing dreams with the training images")
            data = self.spec.data
            tokens = tokens_of(
                self.parent.folder, device=str(self.parent.model.device), mirror=data.mirror,
                loops=_LOOPS[data.loop],  # type: ignore[arg-type]
            )  # fmt: skip
            images = tokens.manifest.images
            frames = Frames(
                tokens.groups, tokens.frames, tokens.sides.astype(np.int64), tokens.labels, tokens.loops,
                images.groups // (2 if images.mirror else 1),
            )  # fmt: skip
            items, _ = items_of(frames, data)
            return tokens, items, divided(items, frames, data), frames

        return self.parent.once(f"known of {self.spec.data.model_dump_json()}", read)

    @property
    def shape(self) -> TokenShape:
        """What an item is."""
        tokens, items, _, frames = self._read()
        about = tokens.manifest
        classes = len(about.classes) if bool((frames.labels >= 0).any()) else 0
        return TokenShape(items.frames, about.levels, about.height, about.width, about.codes, classes, items.loop)

    @property
    def stride(self) -> int:
        """Frames of the loops from one frame of an item to the next, where each loop may have its own."""
        _, items, _, _ = self._read()
        return int(np.median(items.stride))

    @property
    def corpus(self) -> Corpus:
        """The frames of training items and of held-out ones, as the prior's run divided them."""
        tokens, _, sides, frames = self._read()
        side = np.full(len(tokens), -1, np.int64)
        for number, items in ((1, sides.validation), (0, sides.train)):
            side[_rows(items)] = number
        kept = np.flatnonzero(side >= 0)
        kept = kept[np.lexsort((frames.numbers[kept], frames.groups[kept]))]
        codes = tokens.codes.gather(kept).astype(np.int64)
        groups, first = np.unique(frames.groups[kept], return_index=True)
        names = {
            int(group): f"{tokens.files[kept[at]]}{' mirrored' * bool(group >= frames.unmirrored)}".strip()
            for group, at in zip(groups, first, strict=True)
        }
        loops = frozenset(int(group) for group in groups if frames.loops[group])
        return Corpus(codes, side[kept], frames.groups[kept], names, loops)


def _rows(items: Items) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Positions of all frames of items."""
    found = [np.unique(items.frames_of(np.arange(at, min(at + 4096, len(items))))) for at in range(0, len(items), 4096)]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


Weights = dict[str, Tensor]


def _checkpoint(
    run: RunFolder | Path | str, which: str, runs: Path | None
) -> tuple[checkpoint.Checkpoint, Weights, Path | None]:
    """The checkpoint with its weights, averaged ones where it has them, and the run's folder where it lies in one."""

    def read(found: checkpoint.Checkpoint) -> tuple[checkpoint.Checkpoint, Weights]:
        tensors = dict(checkpoint.read_tensors(found.folder / "model.safetensors"))
        if (found.folder / "ema.safetensors").is_file():
            tensors |= checkpoint.read_tensors(found.folder / "ema.safetensors")
        return found, tensors

    if not isinstance(run, RunFolder) and (Path(run) / "model.json").is_file():
        inside = Path(run).resolve().parent
        return *read(checkpoint.open_folder(Path(run))), inside.parent if inside.name == "checkpoints" else None
    folder = run if isinstance(run, RunFolder) else RunFolder.find(str(run), runs)
    if which in {"best", "last"}:
        return *checkpoint.reading(folder.checkpoints, which, read), folder.path
    return *read(checkpoint.open_folder(named(folder.checkpoints, which))), folder.path


def _parent(
    spec: PriorSpec,
    found: checkpoint.Checkpoint,
    name: str,
    home: Path | None,
    parent: RunFolder | Path | str | None,
    device: str,
    moved: str,
    between: Callable[[], None],
) -> Opened:
    """The autoencoder of a prior, at the step that it was trained on. Raises UserError where it is gone or another."""
    was: Mapping[str, Any] = found.about.get("origin") or {}
    text = spec.parent if parent is None else parent
    try:
        run = text if isinstance(text, RunFolder) else RunFolder.find(str(text), home)
    except UserError as error:
        raise UserError(
            f"{name} dreams in tokens of {was.get('parent', spec.parent)}, which is not there",
            why=f"{error.what}; its decoder makes the images",
            fix=f"restore {was.get('parent_path', spec.parent)}; where it was moved, {moved}",
        ) from None
    try:
        opened = open_model(run, which=spec.checkpoint, device=device, between=between)
    except UserError as error:
        raise UserError(
            f"{name} was trained on tokens of {was.get('parent', spec.parent)} at step {spec.checkpoint}, and {run.id} "
            f"does not have it: {error.what}",
            why=error.why,
            fix=f"restore {was.get('parent_path', run.path)}; where it was moved, {moved}",
        ) from None
    now = fingerprint(opened.model)
    hashes = {"decoder_hash": now.decoder, "codebook_hash": now.codebook}
    differ = [word for key, word in _HASHES.items() if was.get(key) != hashes[key]]
    if differ:
        raise UserError(
            f"{name} was trained on tokens of {was.get('parent')}, and {run.id} does not have the same ones",
            why=f"the {' and the '.join(differ)} of {run.id} {'differ' if len(differ) > 1 else 'differs'}, "
            "so its images would be noise",
            fix=f"restore {was.get('parent')} ({was.get('parent_path')}); where it was moved, {moved}",
        )
    return opened


def _name_of(folder: Path) -> str:
    return (folder.parent.parent if folder.parent.name == "checkpoints" else folder).resolve().name
