"""The prepared images that a checkpoint was trained on, or why they are not there. Nothing long is begun here."""

from __future__ import annotations

import json
import shlex

from tilework.data import FrameStore, SourceConfig, Split, cache_folder, prepare, split_by
from tilework.data.build import store_folder
from tilework.data.store.frame_store import MANIFEST
from tilework.data.store.table import read_manifest
from tilework.engine.autoencoder.model import source_of
from tilework.errors import TileworkError, UserError
from tilework.protocol.errors import Problem
from tilework.spec import AutoencoderSpec

_DRAWN = frozenset({"digits", "loops"})
"""Kinds of sources that the program makes by itself, out of nothing."""
_QUICK = 2_000
"""So many images of theirs are made in a moment."""

Found = tuple[FrameStore | None, Split | None, Problem | None]


def images_of(spec: AutoencoderSpec, content: str | None) -> Found:
    """The frame store and the split of a spec, or what is missing. `content` is the content hash that the checkpoint names.

    What was prepared is used even where the files it was made from were moved or changed since: it is known by its content.
    """
    source = source_of(spec)
    try:
        store = _prepared(source, content)
        return store, split_by(store, source.split, source.duplicates), None
    except TileworkError as error:
        return None, None, Problem(what=error.what, why=error.why, fix=error.fix)


def _prepared(source: SourceConfig, content: str | None) -> FrameStore:
    problem: TileworkError | None = None
    try:
        home = store_folder(source, source.fingerprint())
        quick = source.kind in _DRAWN and (source.expected() or _QUICK + 1) <= _QUICK
        if quick or home.is_dir():
            store = prepare(source) if quick else FrameStore.open(home)
            if content is None or store.content_hash == content:
                return store
    except (TileworkError, OSError) as error:
        problem = error if isinstance(error, TileworkError) else UserError(str(error))
    store_by_content = _by_content(source, content)
    if store_by_content is not None:
        return store_by_content
    if problem is not None:
        raise problem
    paths = getattr(source, "path", None)
    named = [str(path) for path in (paths if isinstance(paths, (list, tuple)) else [paths] if paths else [])]
    raise UserError(
        "the images that this model was trained on are not there" + (f": {', '.join(named)}" if named else ""),
        why=f"they are not prepared in {cache_folder()}, or have changed since",
        fix=f"prepare them: {_preparing(source, named)}",
    )


def _preparing(source: SourceConfig, paths: list[str]) -> str:
    """The command that prepares the images of a source."""
    settings = source.model_dump(mode="json", exclude_defaults=True, exclude={"kind", "path", "split", "duplicates"})
    values = {key: str(source.size) if key == "size" else json.dumps(value) for key, value in settings.items()}
    sets = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    return shlex.join(["tilework", "data", "add", "again", *paths, "--kind", source.kind, *sets])


def _by_content(source: SourceConfig, content: str | None) -> FrameStore | None:
    """A prepared store of the same kind with this content, whatever its source is called now."""
    if content is None:
        return None
    for folder in sorted((cache_folder() / "frames").glob(f"{source.kind}-*")):
        try:
            if read_manifest(folder / MANIFEST).get("content_hash") == content:
                return FrameStore.open(folder)
        except (OSError, ValueError, UserError):
            continue
    return None
