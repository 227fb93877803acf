"""Which source reads what lies at a path: by what is there, not by what anybody says of it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tilework.data.folder import SUFFIXES
from tilework.data.natural import natural_key
from tilework.data.pictures import Unreadable, decode
from tilework.data.sketch.weighing import sketches_among
from tilework.data.twins import grey, thumbnails
from tilework.errors import UserError

_VIDEOS = frozenset({".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi"})
_ANIMATED = frozenset({".gif", ".apng"})
_ARRAYS = frozenset({".npy", ".npz"})
_IDX = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$")
_LOOKED_AT = 50_000
_ALIKE_LEVELS = 12.0
"""Frames of an animation that follow each other differ by less in the grey levels of their thumbnails; photographs by more."""

SEVERAL = {"images", "video", "animations", "frames", "sketches"}
"""Kinds that take more than one path."""


@dataclass(frozen=True)
class Found:
    """What was found: settings for a source, and a word on what else there was."""

    settings: dict[str, Any]
    note: str = ""


def detect(paths: Sequence[str]) -> Found:
    """The kind of source that reads `paths`, all of them as one set. Raises UserError where there is none or more than one."""
    looked = [_look(Path(path).expanduser().absolute(), path) for path in paths]
    kinds = sorted({kind for kind, _, _ in looked})
    if len(kinds) > 1:
        raise UserError(
            f"the paths hold different things: {', '.join(f'{p} {k}' for (k, _, _), p in zip(looked, paths, strict=True))}",
            why="one data set is read by one kind of source",
            fix="add each under a name of its own, or say which to take with --kind",
        )
    settings = settings_for(kinds[0], [place for _, place, _ in looked])
    return Found(settings, next((note for _, _, note in looked if note), ""))


def settings_for(kind: str, places: Sequence[Path | str]) -> dict[str, Any]:
    """A source of `kind` that reads `places`. Raises UserError where the kind takes one only."""
    unique = list(dict.fromkeys(map(str, places)))
    if not unique:
        return {"kind": kind}
    if kind == "hub" and len(unique) == 1 and not os.path.lexists(unique[0]):
        return {"kind": kind, "id": unique[0]}
    if len(unique) > 1 and kind not in SEVERAL:
        raise UserError(
            f"{len(unique)} paths were given for data.kind={kind}",
            why="that kind of source reads one",
            fix="add each under a name of its own",
        )
    return {"kind": kind, "path": unique[0] if len(unique) == 1 else unique}


def _look(path: Path, said: str) -> tuple[str, Path, str]:
    """(kind, path to give it, note) for one path."""
    if not os.path.lexists(path):
        hub = re.fullmatch(r"[\w.\-]+/[\w.\-]+", said) is not None
        raise UserError(
            f"there is no file or folder {path}",
            why=f"it does not exist, seen from the folder {Path.cwd()}",
            fix=f"check the spelling; if {said} is a data set of the Hugging Face hub, add --kind hub"
            if hub
            else "check the spelling, or write the whole path",
        )
    if not path.is_dir():
        kind = _of_file(path)
        return kind, path.parent if kind == "mnist" else path, ""
    return _of_folder(path)


def _of_file(path: Path) -> str:
    suffix = path.suffix.lower()
    for kind, suffixes in (("video", _VIDEOS), ("animations", _ANIMATED), ("array", _ARRAYS)):
        if suffix in suffixes:
            return kind
    if _IDX.search(path.name):
        return "mnist"
    if suffix in {".js", ".html", ".htm"}:
        return "sketches"
    if suffix == ".webp" and _moves(path):
        return "animations"
    if suffix in SUFFIXES:
        return "images"
    raise UserError(
        f"nothing here reads {path}",
        why=f"files that end in '{suffix}' are not known" if suffix else "its name has no ending that says what it is",
        fix="say what it is with --kind images (or video, animations, array, ...)",
    )


def _moves(path: Path) -> bool:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return bool(getattr(image, "is_animated", False))
    except Exception:
        return False


def _of_folder(folder: Path) -> tuple[str, Path, str]:
    files = list(islice(_files_below(folder), _LOOKED_AT))
    names = {file.name for file in files}
    sketches = sketches_among(folder, files, [file for file in files if _class_of(file)])
    if sketches.are_meant:
        more = f"{folder} also holds {sketches.others:,} pictures and clips (taken are the {sketches.count:,} sketches)"
        return "sketches", folder, more if sketches.others else ""
    if names & {"dataset_info.json", "dataset_dict.json"} or any(n.endswith(".parquet") for n in names):
        return "hub", folder, ""
    if sum(_IDX.search(name) is not None for name in names) >= 4:
        return "mnist", folder, ""
    count = Counter(_class_of(file) for file in files)
    del count[""]
    if sketches.count and count:
        count["sketches"] = sketches.count
    if not count:
        raise UserError(
            f"{folder} holds nothing to learn from",
            why="no file in it or below it is a picture, video, animation, sketch or array",
            fix="name a folder that has some",
        )
    kind, many = max(((what, n) for what, n in count.items() if what != "sketches"), key=lambda one: (one[1], one[0]))
    rest = ", ".join(f"{n:,} {what}" for what, n in sorted(count.items()) if what != kind)
    note = f"{folder} also holds {rest} (taken are the {many:,} {kind})" if rest else ""
    if kind == "arrays":
        arrays = [file for file in files if file.suffix.lower() in _ARRAYS]
        if len(arrays) > 1:
            raise UserError(
                f"{folder} holds {len(arrays)} arrays", why="a data set is made from one", fix=f"name one: {arrays[0]}"
            )
        return "array", arrays[0], note
    if kind == "pictures":
        return ("frames" if are_frames(files) else "images"), folder, note
    return {"videos": "video", "animations": "animations"}[kind], folder, note


def _class_of(file: Path) -> str:
    suffix = file.suffix.lower()
    for what, suffixes in (("videos", _VIDEOS), ("animations", _ANIMATED), ("arrays", _ARRAYS), ("pictures", SUFFIXES)):
        if suffix in suffixes:
            return what
    return ""


def _files_below(folder: Path) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        about = os.stat(here)
        if (about.st_dev, about.st_ino) in seen:
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        folders[:] = sorted((f for f in folders if not f.startswith(".") and f != "__MACOSX"), key=natural_key)
        yield from (Path(here, name) for name in sorted(files, key=natural_key) if not name.startswith("."))


def are_frames(files: Sequence[Path]) -> bool:
    """Whether pictures are the numbered frames of animations: numbered on in each folder, and each like the one before it.

    Numbers alone do not tell: cameras number photographs too.
    """
    folders: dict[Path, list[Path]] = {}
    for file in files:
        if file.suffix.lower() in SUFFIXES:
            folders.setdefault(file.parent, []).append(file)
    if any(len(inside) < 3 or not _numbered(inside) for inside in folders.values()):
        return False
    differences = [
        gap
        for inside in list(folders.values())[:4]
        for one, next_ in islice(pairwise(sorted(inside, key=lambda f: natural_key(f.name))), 6)
        if (gap := _difference(one, next_)) is not None
    ]
    return bool(differences) and float(np.median(differences)) < _ALIKE_LEVELS


def _numbered(files: Sequence[Path]) -> bool:
    found = [re.fullmatch(r"(.*?)([0-9]+)", file.stem) for file in files]
    numbers = [int(match[2]) for match in found if match]
    stems = {match[1] for match in found if match}
    return len(numbers) == len(files) and len(stems) == 1 and max(numbers) - min(numbers) < 4 * len(numbers)


def _difference(one: Path, other: Path) -> float | None:
    try:
        small = [thumbnails(grey(decode(file, at_least=64)[None]))[0].astype(np.float64) for file in (one, other)]
    except Unreadable:
        return None
    return float(np.abs(small[0] - small[1]).mean())
