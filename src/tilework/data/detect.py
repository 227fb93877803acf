"""Which source reads what lies at a path: by what is there, not by what anybody says of it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tilework.data.archive import Archive, given_archive, is_archive, not_read
from tilework.data.endings import (
    HEAD,
    IMAGES,
    READ,
    REFUSED,
    ending_of,
    format_of,
    irregular,
    is_hidden,
    kind_of,
    looks_like_an_image,
)
from tilework.data.folder import counts
from tilework.data.frame_folders import are_frames
from tilework.data.idx import idx_shape
from tilework.data.natural import natural_key
from tilework.data.sketch.weighing import sketches_among
from tilework.errors import UserError

_VIDEOS = frozenset({".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi"})
_ANIMATED = frozenset({".gif", ".apng"})
_ARRAYS = frozenset({".npy", ".npz"})
_TABLES = frozenset({".parquet", ".arrow"})
_HUB = {"dataset_info.json", "dataset_dict.json"}
_LOOKED_AT = 50_000
_OPENED = 1_000
"""Files without a telling name are opened to see what they are; of a folder with more, the first ones stand for all."""
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
    if not said.strip():
        raise UserError(
            "an empty path was given",
            why="a variable of the shell may be unset, and an empty path would mean the current folder",
            fix="write the path, or . for the current folder",
        )
    if not os.path.lexists(path):
        hub = re.fullmatch(r"[\w.\-]+/[\w.\-]+", said) is not None
        raise UserError(
            f"there is no file or folder {path}",
            why=f"it does not exist, seen from the folder {Path.cwd()}",
            fix=f"check the spelling; if {said} is a data set of the Hugging Face hub, add --kind hub"
            if hub
            else "check the spelling, or write the whole path",
        )
    if path.is_dir():
        return _of_folder(path)
    if path.suffix.lower() not in _ARRAYS and is_archive(path):
        return _of_archive(path)
    kind = _of_file(path)
    return kind, path.parent if kind == "mnist" else path, ""


def _of_file(path: Path) -> str:
    suffix = path.suffix.lower()
    for kind, suffixes in (("video", _VIDEOS), ("animations", _ANIMATED), ("array", _ARRAYS)):
        if suffix in suffixes:
            return kind
    if suffix in {".js", ".html", ".htm"}:
        return "sketches"
    if suffix == ".webp" and _moves(path):
        return "animations"
    if suffix in IMAGES:
        return "images"
    if idx_shape(path) is not None:
        return "mnist"
    kind = _by_content(path) if kind_of(path.name) == "unknown" else ""
    if kind:
        return kind
    raise UserError(f"nothing here reads {path}", why=_why_not(path), fix=_instead(path))


def _by_content(path: Path) -> str:
    """The kind of a file whose name does not say it; empty where its first bytes do not either."""
    try:
        if irregular(path.stat().st_mode):
            return ""
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return ""
    begins = format_of(head)
    if begins in {"MP4", "Matroska"}:
        return "video"
    if head[:6] == b"\x93NUMPY":
        return "array"
    return ("animations" if begins == "GIF" else "images") if begins in READ else ""


def _why_not(path: Path) -> str:
    try:
        problem = irregular(path.stat().st_mode)
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
    suffix = path.suffix.lower()
    if problem or suffix in REFUSED:
        return problem or REFUSED[suffix]
    if kind_of(path.name) == "archive":
        return "it is an archive of a kind that is not read"
    return f"files that end in '{suffix}' are not known" if suffix else "its name has no ending that says what it is"


def _instead(path: Path) -> str:
    if kind_of(path.name) == "archive":
        return "unpack it and give the folder"
    if path.suffix.lower() in REFUSED:
        return "give an image that was made from it"
    if not path.is_file():
        return "name a file or a folder"
    return "say what it is with --kind images (or video, animations, array, ...)"


def _of_archive(path: Path) -> tuple[str, Path, str]:
    """The images of an archive; one that holds mostly other things must be unpacked."""
    archive = given_archive(path)
    count = Counter(_in_archive(archive))
    del count[""]
    kind, _ = max(count.items(), key=lambda one: (one[1], one[0]), default=("", 0))
    if kind == "pictures":
        return "images", path, _rest(path, count, kind)
    problem = next((member.problem for member in archive.members if member.problem), "")
    if problem and not count:
        raise not_read(path, problem)
    raise UserError(
        f"{path} holds {counts(count)}" if count else f"{path} holds nothing to learn from",
        why="of what an archive holds, only still images are read",
        fix="unpack it and give the folder" if count else "give an archive or a folder of images",
    )


def _in_archive(archive: Archive) -> Iterator[str]:
    for member in archive.members:
        if not any(map(is_hidden, member.name.split("/"))):
            name = Path(member.name)
            yield "sketches" if name.name == "sketch.js" else "pictures" if member.image else _class_of(name)


def _moves(path: Path) -> bool:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return bool(getattr(image, "is_animated", False))
    except Exception:
        return False


def _of_folder(folder: Path) -> tuple[str, Path, str]:
    """What most of its files are decides, and not one file with a telling name."""
    files = list(islice(_files_below(folder), _LOOKED_AT))
    classes = _classes(files)
    count = Counter(what for what in classes if what)
    sketches = sketches_among(folder, files, [file for file, what in zip(files, classes, strict=True) if what])
    if sketches.are_meant and sketches.count >= count["tables"]:
        more = f"{folder} also holds {sketches.others:,} pictures and clips (taken are the {sketches.count:,} sketches)"
        return "sketches", folder, more if sketches.others else ""
    if not count:
        raise _nothing(folder, files)
    kind, _ = max(count.items(), key=lambda one: (one[1], one[0]))
    if sketches.count:
        count["sketches"] = sketches.count
    note = _rest(folder, count, kind)
    if kind == "arrays":
        arrays = [file for file, what in zip(files, classes, strict=True) if what == kind]
        if len(arrays) > 1:
            raise UserError(
                f"{folder} holds {len(arrays)} arrays", why="a data set is made from one", fix=f"name one: {arrays[0]}"
            )
        return "array", arrays[0], note
    if kind == "pictures":
        return ("frames" if are_frames(files) else "images"), folder, note
    return _READ_BY[kind], folder, note


def _nothing(folder: Path, files: Sequence[Path]) -> UserError:
    what = f"{folder} holds nothing to learn from"
    archive = next((file for file in files if kind_of(file.name) == "archive"), None)
    if archive is not None:
        fix = f"name it: {archive}" if is_archive(archive) else f"unpack {archive}"
        return UserError(what, why="there are archives in it, which are not looked into", fix=fix)
    refused = [file for file in files if file.suffix.lower() in REFUSED]
    if refused:
        suffix = refused[0].suffix.lower()
        return UserError(
            what, why=f"{refused[0].name}: {REFUSED[suffix]}", fix="name a folder of images that are made so"
        )
    there = counts(Counter(ending_of(file.name) for file in files))
    return UserError(
        what,
        why="no file in it or below it is a picture, video, animation, sketch or array"
        + (f" ({there})" if there else ""),
        fix="name a folder that has some",
    )


_READ_BY = {"videos": "video", "animations": "animations", "idx files": "mnist", "tables": "hub"}


def _rest(path: Path, count: Counter[str], kind: str) -> str:
    rest = ", ".join(f"{n:,} {what}" for what, n in sorted(count.items()) if what != kind)
    return f"{path} also holds {rest} (taken are the {count[kind]:,} {kind})" if rest else ""


def _classes(files: Sequence[Path]) -> list[str]:
    """The class of each file; of those without a telling name, as long as not too many have been opened."""
    hub = any(file.name in _HUB for file in files)
    left, out = _OPENED, []
    for file in files:
        what = _class_of(file)
        if not what and (left > 0) and (kind_of(file.name) == "unknown" or file.suffix.lower() == ".gz"):
            left -= 1
            what = "idx files" if idx_shape(file) else "pictures" if looks_like_an_image(file) else ""
        out.append("" if what == "tables" and file.suffix.lower() == ".arrow" and not hub else what)
    return out


def _class_of(file: Path) -> str:
    suffix = file.suffix.lower()
    known = (
        ("videos", _VIDEOS), ("animations", _ANIMATED), ("arrays", _ARRAYS), ("tables", _TABLES), ("pictures", IMAGES),
    )  # fmt: skip
    return next((what for what, suffixes in known if suffix in suffixes), "")


def _files_below(folder: Path) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        about = os.stat(here)
        if (about.st_dev, about.st_ino) in seen:
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        folders[:] = sorted((f for f in folders if not is_hidden(f)), key=natural_key)
        yield from (Path(here, name) for name in sorted(files, key=natural_key) if not name.startswith("."))
