"""From a token folder back to images, by the decoder that the tokens are for and by no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tilework.engine.api import Model, load_checkpoint
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.engine.encoding.encode import at_once
from tilework.engine.encoding.origin import parent_of
from tilework.errors import TileworkError, UserError
from tilework.runs.checkpoints import numbered
from tilework.runs.folder import RunFolder, default_root
from tilework.tokens.manifest import Manifest, Parent
from tilework.tokens.reading import Tokens


def open_parent(
    manifest: Manifest, run: RunFolder | Path | str | None = None, *, runs: Path | None = None, device: str = "auto"
) -> Model:
    """The model that made the tokens of a folder: from where its run was, from `runs`, or from `run`.

    Of a run that went on training meanwhile, every checkpoint that it still has is tried. Raises UserError where the run was
    deleted, has that checkpoint no more, or is another one (both are named then).
    """
    parent = manifest.parent
    folder = _folder(parent, run, runs)
    nearest: Parent | None = None
    for checkpoint in _checkpoints(folder, parent):
        try:
            model, found = load_checkpoint(checkpoint, device=device)
        except TileworkError:
            if len(_checkpoints(folder, parent)) == 1:
                raise
            continue
        there = parent_of(model, found)
        if (there.decoder_hash, there.codebook_hash) == (parent.decoder_hash, parent.codebook_hash):
            return model
        nearest = nearest or there
    raise _another(parent, nearest, folder)


def decoded(
    model: Model, tokens: Tokens, items: NDArray[np.int64] | None = None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Items (n,) and their images (n, H, W, C) uint8, some at a time: all in order, or `items`.

    Each comes out as the model's own reconstruction does, rounded. Raises UserError for a damaged shard.
    """
    step, size = at_once(model), tokens.manifest.shard_items
    if items is None:
        # Within each shard in the batches in which it was encoded: the last bits of a product may depend on them.
        spans = [
            (start, min(first + size, start + step, len(tokens)))
            for first in range(0, len(tokens), size)
            for start in range(first, min(first + size, len(tokens)), step)
        ]
        parts = (np.arange(start, stop) for start, stop in spans)
    else:
        parts = (items[start : start + step] for start in range(0, len(items), step))
    for part in parts:
        yield part, to_uint8(model.decode(tokens.codes[part].astype(np.int64)))


def _folder(parent: Parent, run: RunFolder | Path | str | None, runs: Path | None) -> Path:
    if run is not None:
        if isinstance(run, RunFolder):
            return run.path
        if (Path(run) / "model.json").is_file():
            return Path(run)
        return RunFolder.find(str(run), runs).path
    for place in (Path(parent.path), (runs or default_root()) / parent.run):
        if (place / "run.json").is_file() or (place / "model.json").is_file():
            return place
    raise UserError(
        f"the run {parent.run}, which made these tokens, is not there any more",
        why=f"there is no {parent.path}, and no run of that name in {(runs or default_root()).absolute()}",
        fix="give its new path: --run RUN",
    )


def _checkpoints(folder: Path, parent: Parent) -> list[Path]:
    """The checkpoints of a run, or the one that it is; the one that was used first."""
    if (folder / "model.json").is_file():
        return [folder]
    inside = RunFolder.open(folder).checkpoints
    all_of_them = [*(path for _, path in numbered(inside)), *sorted(inside.glob("best-*"))]
    found = [path for path in all_of_them if (path / "model.json").is_file()]
    return sorted(found, key=lambda path: path.name != parent.checkpoint)


def _another(parent: Parent, there: Parent | None, folder: Path) -> UserError:
    made = f"{parent.run} (step {parent.step:,})"
    if there is None:
        return UserError(
            f"{folder} has no checkpoint that can be read",
            why=f"these tokens are of {made}",
            fix="name another: --run RUN",
        )
    if there.run == parent.run:
        return UserError(
            f"run {parent.run} no longer has the model that made these tokens at step {parent.step:,}",
            why="it went on training, and that checkpoint was replaced by newer ones",
            fix="encode the images again, or name a copy of the run from then: --run RUN",
        )
    differs = [
        what
        for what, ours, theirs in (
            ("decoder", parent.decoder_hash, there.decoder_hash),
            ("codebook", parent.codebook_hash, there.codebook_hash),
        )
        if ours != theirs
    ]
    return UserError(
        f"tokens of {made} cannot be decoded by {there.run} (step {there.step:,})",
        why=f"its {' and its '.join(differs)} {'are' if len(differs) > 1 else 'is'} another",
        fix=f"leave --run out where {parent.run} is where it was, or name that run",
    )
