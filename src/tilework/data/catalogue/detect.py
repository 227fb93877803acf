"""Which source reads what lies at a path: by what is there, not by what it is called."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tilework.data.catalogue.classes import (
    ANIMATED,
    ARRAYS,
    VIDEOS,
    class_by_content,
    class_of,
    classes,
    files_below,
    first_unlisted,
    may_move,
    moves,
)
from tilework.data.files.archive import Archive, given_archive, is_archive, not_read
from tilework.data.files.folder import counts
from tilework.data.files.frame_folders import are_frames
from tilework.data.files.idx import idx_shape
from tilework.data.media.extensions import (
    IMAGES,
    PACKED,
    REFUSED,
    extension_of,
    format_of_unknown,
    irregular,
    is_hidden,
    kind_of,
)
from tilework.data.sketch.weighing import sketches_among
from tilework.errors import UserError

_LOOKED_AT = 50_000
_BY_CONTENT = {"videos": "video", "animations": "animations", "arrays": "array", "images": "images"}
SEVERAL = {"images", "video", "animations", "frames", "sketches"}
"""Kinds that take more than one path."""


@dataclass(frozen=True)
class Found:
    """What was found: settings for a source, and a word on what else there was."""

    settings: dict[str, Any]
    note: str = ""


def detect(paths: Sequence[str]) -> Found:
    """The kind of source that reads `paths`, all of them as one set. Raises UserError where there is none or more than one."""
    looked = [_look(_whole(path), path) for path in paths]
    kinds = sorted({kind for kind, _, _ in looked})
    if len(kinds) > 1:
        raise UserError(
            f"the paths hold different things: {', '.join(f'{p} {k}' for (k, _, _), p in zip(looked, paths, strict=True))}",
            why="one data set is read by one kind of source",
            fix="add each under a name of its own, or choose one with --kind",
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


def _whole(given: str) -> Path:
    """The path from the root of the disk, without `..` where that leads to the same place."""
    path = Path(given).expanduser().absolute()
    plain = Path(os.path.normpath(path))
    return plain if os.path.realpath(plain) == os.path.realpath(path) else path


def _look(path: Path, given: str) -> tuple[str, Path, str]:
    """(kind, path to give it, note) for one path."""
    if not given.strip():
        raise UserError(
            "an empty path was given",
            why="a variable of the shell may be unset, and an empty path would mean the current folder",
            fix="write the path, or . for the current folder",
        )
    if not os.path.lexists(path):
        hub = re.fullmatch(r"[\w.\-]+/[\w.\-]+", given) is not None
        raise UserError(
            f"there is no file or folder {path}",
            why=f"it does not exist, seen from the folder {Path.cwd()}",
            fix=f"check the spelling; if {given} is a data set of the Hugging Face hub, add --kind hub"
            if hub
            else "check the spelling, or write the whole path",
        )
    if path.is_dir():
        return _of_folder(path)
    if path.suffix.lower() not in ARRAYS and is_archive(path):
        return _of_archive(path)
    kind = _of_file(path)
    return kind, path.parent if kind == "mnist" else path, ""


def _of_file(path: Path) -> str:
    suffix = path.suffix.lower()
    for kind, suffixes in (("video", VIDEOS), ("animations", ANIMATED), ("array", ARRAYS)):
        if suffix in suffixes:
            return kind
    if suffix in {".js", ".html", ".htm"}:
        return "sketches"
    if moves(path):
        return "animations"
    if suffix in IMAGES:
        return "images"
    if idx_shape(path) is not None:
        return "mnist"
    kind = _BY_CONTENT.get(class_by_content(path), "")
    if kind:
        return kind
    raise UserError(f"nothing here reads {path}", why=_why_not(path), fix=_instead(path))


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
    return f"files that end in '{suffix}' are not known" if suffix else "its name has no extension that gives its kind"


def _instead(path: Path) -> str:
    if kind_of(path.name) == "archive":
        return "unpack it and give the folder"
    if path.suffix.lower() in REFUSED:
        return "give an image that was made from it"
    if not path.is_file():
        return "name a file or a folder"
    return "give its kind: --kind images (or video, animations, array, ...)"


def _of_archive(path: Path) -> tuple[str, Path, str]:
    """The images of an archive; one that holds mostly other things must be unpacked."""
    archive = given_archive(path)
    count = Counter(_in_archive(archive))
    del count[""]
    kind, _ = max(count.items(), key=lambda one: (one[1], one[0]), default=("", 0))
    if kind == "images":
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
            yield "sketches" if name.name == "sketch.js" else "images" if member.image else class_of(name)


def _of_folder(folder: Path) -> tuple[str, Path, str]:
    """What most of its files are decides, and not one file with a known name."""
    files = list(islice(files_below(folder), _LOOKED_AT))
    kinds = classes(files)
    count = Counter(what for what in kinds if what)
    sketches = sketches_among(folder, files, [file for file, what in zip(files, kinds, strict=True) if what])
    if sketches.are_meant and sketches.count >= count["tables"]:
        more = f"{folder} also holds {sketches.others:,} images and clips (taken are the {sketches.count:,} sketches)"
        return "sketches", folder, more if sketches.others else ""
    if not count:
        raise _nothing(folder, files)
    kind, _ = max(count.items(), key=lambda one: (one[1], one[0]))
    if sketches.count:
        count["sketches"] = sketches.count
    moving = ""
    if kind == "images":  # the source names each that moves
        if first := count.pop("animations", 0):
            moving = f"{first:,} of the images in {folder} may be animations: of such the first frame alone is taken"
            count[kind] += first
    elif kind == "animations":  # and of what may be one, a still is an animation of one frame
        stills = sum(what == "images" and may_move(file) for file, what in zip(files, kinds, strict=True))
        count["images"] -= stills
        count[kind] += stills
    note = "; ".join(filter(None, (_rest(folder, +count, kind), moving)))
    if kind == "arrays":
        arrays = [file for file, what in zip(files, kinds, strict=True) if what == kind]
        if len(arrays) > 1:
            raise UserError(
                f"{folder} holds {len(arrays)} arrays", why="a data set is made from one", fix=f"name one: {arrays[0]}"
            )
        return "array", arrays[0], note
    if kind == "images":
        return ("frames" if are_frames(files) else "images"), folder, note
    return _READ_BY[kind], folder, note


def _nothing(folder: Path, files: Sequence[Path]) -> UserError:
    if (unlisted := first_unlisted(folder)) is not None and not files:
        where, why = unlisted
        return UserError(f"{where} cannot be listed", why=why, fix="give yourself permission to read it")
    what = f"{folder} holds nothing to learn from"
    archive = next(
        (file for file in files if kind_of(file.name) == "archive" or format_of_unknown(file) in PACKED), None
    )
    if archive is not None:
        fix = f"name it: {archive}" if is_archive(archive) else f"unpack {archive}"
        return UserError(what, why="there are archives in it, which are not looked into", fix=fix)
    refused = [file for file in files if file.suffix.lower() in REFUSED]
    if refused:
        suffix = refused[0].suffix.lower()
        return UserError(
            what,
            why=f"{refused[0].name}: {REFUSED[suffix]}",
            fix="name a folder of images that were made from these files",
        )
    there = counts(Counter(extension_of(file.name) for file in files))
    return UserError(
        what,
        why="no file in it or below it is an image, video, animation, sketch or array"
        + (f" ({there})" if there else ""),
        fix="name a folder that has some",
    )


_READ_BY = {"videos": "video", "animations": "animations", "idx files": "mnist", "tables": "hub"}


def _rest(path: Path, count: Counter[str], kind: str) -> str:
    rest = ", ".join(f"{n:,} {what}" for what, n in sorted(count.items()) if what != kind)
    return f"{path} also holds {rest} (taken are the {count[kind]:,} {kind})" if rest else ""
