"""Data sets by name: what `tilework data add` wrote down, and what `data=NAME` or `data=PATH` in a recipe stands for.

A set is a small YAML file with the settings of its source. They are what a person chose, so they lie in the platform's
folder for data and not in the cache, which anybody may empty at any time: the prepared images there are made again from
them.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from tilework.data.build import prepare, store_folder
from tilework.data.contract import SourceConfig
from tilework.data.store.frame_store import FrameStore
from tilework.errors import TileworkError, UserError
from tilework.spec.paths import cache_folder
from tilework.spec.plugins import SOURCES
from tilework.spec.text import read_yaml, write_yaml

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")


@dataclass(frozen=True)
class DataSet:
    """One entry of the catalogue."""

    name: str
    data: dict[str, Any]
    """Settings of its source, every default written out."""
    added: str
    """Day, as 2025-01-31."""
    frames: str | None = None
    """Name of its frame store's folder in the cache; this and what follows is None until it has been prepared."""
    fingerprint: str | None = None
    """SHA-256 of its source's fingerprint when it was prepared."""
    content_hash: str | None = None
    images: int | None = None
    skipped: int | None = None

    @property
    def source(self) -> SourceConfig:
        """Its source. Raises UserError where its settings are none any more."""
        return cast(SourceConfig, SOURCES.parse(dict(self.data)))

    @property
    def store_folder(self) -> Path | None:
        """Where its prepared images are, or were; None where it was never prepared."""
        return None if self.frames is None else cache_folder() / "frames" / self.frames

    @property
    def sheet(self) -> Path:
        """Where its contact sheet is written."""
        return sets_folder() / f"{self.name}.png"


def sets_folder() -> Path:
    """`$TILEWORK_DATA_SETS`, or the platform's own folder for data with `tilework/sets` in it. It may not exist yet."""
    named = os.environ.get("TILEWORK_DATA_SETS", "").strip()
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", "").strip() or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", "").strip() or Path.home() / ".local" / "share")
    return base / "tilework" / "sets"


def names() -> list[str]:
    """Names of all sets."""
    try:
        return sorted(file.stem for file in sets_folder().glob("*.yaml") if _NAME.fullmatch(file.stem))
    except OSError:
        return []


def data_set(name: str) -> DataSet:
    """The set called `name`. Raises UserError where there is none or its file is damaged."""
    file = sets_folder() / f"{name}.yaml"
    if not _NAME.fullmatch(name) or not file.is_file():
        import difflib

        close = difflib.get_close_matches(name, names(), n=1)
        raise UserError(
            f"there is no data set '{name}'",
            why=f"the data sets are {', '.join(names())}" if names() else "none has been added yet",
            fix=f"did you mean {close[0]}?" if close else "add it: tilework data add NAME PATH",
        )
    try:
        raw = read_yaml(file.read_text(encoding="utf-8"), str(file))
        if raw.get("name") != name or not isinstance(raw.get("data"), dict):
            raise ValueError("its name or its settings are missing")
        return DataSet(**raw)
    except (OSError, ValueError, TypeError, TileworkError) as error:
        raise UserError(
            f"{file} is not a data set",
            why=error.what if isinstance(error, TileworkError) else str(error),
            fix=f"remove it (tilework data remove {name}) and add it again",
        ) from None


def add(name: str, source: SourceConfig, progress: Callable[[int], None] | None = None) -> tuple[DataSet, FrameStore]:
    """Write a set down and prepare its images. Interrupted, the same call goes on where it stopped.

    Raises UserError for a name that cannot be one or stands for other settings already, and for input that cannot be used.
    """
    check_name(name)
    settings = source.model_dump(mode="json")
    if name in names():
        there = data_set(name)
        # Compared as settings and not as text: one that is new since then has its default there.
        if there.source.model_dump(mode="json") != settings:
            raise UserError(
                f"there is a data set '{name}' already",
                why="it was added with other paths or settings",
                fix=f"choose another name, or remove that one first: tilework data remove {name}",
            )
        entry, fresh = there, False
    else:
        entry, fresh = DataSet(name, settings, datetime.date.today().isoformat()), True
        _write(entry)
    try:
        return prepared(entry, progress)
    except UserError:
        if fresh:  # it never was one
            remove(name)
        raise


def prepared(entry: DataSet, progress: Callable[[int], None] | None = None) -> tuple[DataSet, FrameStore]:
    """A set with its frame store, made now where it is not there or its sources have changed."""
    source = entry.source
    fingerprint = source.fingerprint()
    store = prepare(source, progress=progress)
    known = replace(
        entry,
        frames=store_folder(source, fingerprint).name,
        fingerprint=digest(fingerprint),
        content_hash=store.content_hash,
        images=store.count,
        skipped=len(store.skipped),
    )
    if known != entry:
        _write(known)
    return known, store


def remove(name: str) -> list[Path]:
    """Forget a set, with its contact sheet and its prepared images (unless another set has the same); what it was made from
    is not touched. Returns what was removed. Raises UserError where there is no such set."""
    file = sets_folder() / f"{name}.yaml"
    try:
        entry: DataSet | None = data_set(name)
    except UserError:
        if not (_NAME.fullmatch(name) and file.is_file()):
            raise
        entry = None  # damaged; all the more to be removed
    gone = [file]
    frames = entry.store_folder if entry else None
    if frames is not None and frames.is_dir() and not any(o.frames == frames.name for o in _others(name)):
        shutil.rmtree(frames, ignore_errors=True)
        gone.append(frames)
    sheet = sets_folder() / f"{name}.png"
    if sheet.is_file():
        sheet.unlink()
        gone.append(sheet)
    file.unlink()
    return gone


def settings_of(name_or_path: str) -> dict[str, Any] | None:
    """What `data=NAME` or `data=PATH` stands for; None where it is neither. Paths are made whole."""
    if name_or_path in names():
        return dict(data_set(name_or_path).data)
    path = Path(name_or_path).expanduser()
    if not os.path.lexists(path):
        return None
    from tilework.data.catalogue.detect import detect

    return detect([str(path)]).settings


def check_name(name: str) -> None:
    """Raises UserError where `name` cannot be the name of a set."""
    if not _NAME.fullmatch(name) or name in SOURCES.kinds:
        raise UserError(
            f"'{name}' cannot be the name of a data set",
            why="there is a source of that name"
            if name in SOURCES.kinds
            else "a name is letters, digits, dots, dashes and underscores, at most 64, and begins with a letter or digit",
            fix=f"choose another, for example my-{name}"
            if name in SOURCES.kinds
            else "choose another, for example my-clips",
        )


def digest(fingerprint: str) -> str:
    """What is kept of a fingerprint, which may be long."""
    return hashlib.sha256(fingerprint.encode("utf-8", "surrogateescape")).hexdigest()


def _others(name: str) -> list[DataSet]:
    found = []
    for other in names():
        if other != name:
            try:
                found.append(data_set(other))
            except UserError:
                continue
    return found


def _write(entry: DataSet) -> None:
    folder = sets_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{entry.name}.", dir=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(write_yaml(asdict(entry)))
                out.flush()
                os.fsync(out.fileno())
            os.replace(part, folder / f"{entry.name}.yaml")
        except BaseException:
            os.unlink(part)
            raise
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written",
            why=error.strerror or str(error),
            fix="point TILEWORK_DATA_SETS at a folder that you may write to",
        ) from error
