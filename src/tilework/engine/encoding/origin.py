"""What is encoded, and by which model: a checkpoint, the frame store of its own images or of others, and their split."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from tilework.data import FrameStore, SourceConfig, Split, prepare, split_by
from tilework.data.catalogue.sets import data_set, names
from tilework.engine.api import Model, load_checkpoint
from tilework.engine.autoencoder.images_of import images_of
from tilework.engine.autoencoder.model import source_of
from tilework.engine.checkpoint import Checkpoint
from tilework.engine.fingerprint import fingerprint
from tilework.errors import TileworkError, UserError
from tilework.runs.folder import RunFolder
from tilework.spec.overrides import apply_overrides
from tilework.spec.plugins import SOURCES
from tilework.tokens.manifest import Parent

OnProgress = Callable[[int], None]
"""Called with the number of images that are prepared so far."""


@dataclass(frozen=True)
class Origin:
    """A model and the images that it encodes."""

    model: Model
    parent: Parent
    store: FrameStore
    split: Split
    undivided: bool = False
    """The images could not be divided (one alone, or one clip): all count as training images."""


def open_origin(
    run: RunFolder | Path | str,
    data: str | None = None,
    settings: Sequence[str] = (),
    *,
    which: str = "best",
    device: str = "auto",
    runs: Path | None = None,
    progress: OnProgress | None = None,
) -> Origin:
    """A run's checkpoint with the run's own images, or with `data`: a data set's name, a kind, a file or a folder.

    `settings` are `key=value` of that source. Images of another size are brought to that of the model, as in training. What is
    not prepared yet is prepared now; `progress` is called. Raises UserError for a run, data or settings that are not
    there, for a model without codes, and for images that have changed since the run was trained on them.
    """
    model, found = load_checkpoint(run, which=which, device=device, runs=runs)
    if not model.levels:
        raise UserError(
            f"{model.spec.name} has no codes",
            why=f"its bottleneck is {model.spec.bottleneck.kind}, a continuous latent",
            fix="encode with a run whose bottleneck is vq, rq, fsq or lfq",
        )
    parent = parent_of(model, found)
    if data is None:
        if settings:
            raise UserError(
                f"--set {settings[0]} was given without DATA",
                why="the run's own images are encoded as it was trained on them",
                fix="name the data too: a data set, a file or a folder",
            )
        return Origin(model, parent, *_own(model, found, progress))
    source = other_source(model, data, settings)
    store = prepare(source, progress=progress)
    try:
        return Origin(model, parent, store, split_by(store, source.split, source.duplicates))
    except UserError:
        if store.count > 1 and source.split != type(source).model_fields["split"].default:
            raise
        # What is only to be encoded need not be enough to train on.
        nobody = np.empty(0, dtype=np.int64)
        return Origin(model, parent, store, Split(np.arange(store.count), nobody, None), undivided=True)


def parent_of(model: Model, found: Checkpoint) -> Parent:
    """Which model it is, by its names and by what it computes."""
    hashes = fingerprint(model)
    inside = found.folder.parent.name == "checkpoints"
    folder = (found.folder.parent.parent if inside else found.folder).resolve()
    return Parent(
        folder.name, str(folder), found.folder.name, found.step, hashes.encoder, hashes.decoder, hashes.codebook
    )


def other_source(model: Model, data: str, settings: Sequence[str]) -> SourceConfig:
    """The source that `data` stands for, with the size and the colours of the model."""
    own = source_of(model.spec)
    if data in names():
        _refuse_another_size(data, own, data_set(data).source)
    elif data not in SOURCES.kinds and SOURCES.named(data) is None:
        raise UserError(
            f"there is no data set, file or folder {data}",
            why=f"seen from {Path.cwd()}; data sets are {', '.join(names()) or 'none so far'}",
            fix="check the spelling, or leave DATA out for the run's own images",
        )
    raw = {"data": own.model_dump(mode="json")}
    read = apply_overrides(raw, [f"data={json.dumps(data)}", *(f"data.{one}" for one in settings)])
    source = cast(SourceConfig, SOURCES.parse(read["data"]))
    if (source.size, source.channels) != (own.size, own.channels):
        raise UserError(
            f"images of {source.size} with {source.channels} channel(s) were asked for",
            why=f"this model takes {own.size} with {own.channels}",
            fix="leave size and channels out: images are brought to those of the model",
        )
    return source


def _refuse_another_size(name: str, own: SourceConfig, there: SourceConfig) -> None:
    if (there.size, there.channels) == (own.size, own.channels):
        return
    colours = {1: "in grey", 3: "in colour"}
    raise UserError(
        f"the data set {name} has images of {there.size} {colours[there.channels]}",
        why=f"this model takes {own.size} {colours[own.channels]}",
        fix=f"add it again in that size (tilework data add NEW PATH --size {own.size}"
        f"{' --gray' if own.channels == 1 else ''}), or give its path: images are then brought to that size",
    )


def _own(model: Model, found: Checkpoint, progress: OnProgress | None) -> tuple[FrameStore, Split]:
    """The images that the model was trained on, prepared where they are not any more."""
    content = found.about.get("content_hash")
    store, split, missing = images_of(model.spec, content)
    if store is not None and split is not None:
        return store, split
    source = source_of(model.spec)
    try:
        store = prepare(source, progress=progress)
    except TileworkError as error:
        raise UserError(
            f"the images of {model.spec.name} cannot be read again: {error.what}",
            why=error.why,
            fix="give their path: tilework encode RUN PATH",
        ) from None
    if content is not None and store.content_hash != content:
        raise UserError(
            f"the images of {model.spec.name} are not those that it was trained on",
            why=missing["why"] if missing else "they have changed since",
            fix="restore them, or name the images to encode: tilework encode RUN PATH",
        )
    return store, split_by(store, source.split, source.duplicates)
