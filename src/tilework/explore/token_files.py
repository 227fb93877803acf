"""The images of a token folder as files: PNG under the names of their sources; clips as GIF or MP4 on request."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.engine.api import Model
from tilework.engine.decoding import decoded
from tilework.errors import UserError
from tilework.explore.film import Film
from tilework.tokens.reading import Tokens
from tilework.tokens.writing import LOCK, alone, write_whole

Clips = Literal["png", "gif", "mp4"]
Progress = Callable[[int, int], None]
ABOUT = "decoded.json"


@dataclass(frozen=True)
class Written:
    """What was written."""

    images: int
    clips: int
    there: int
    """How many files were there already, of a call that was interrupted."""


def write_images(
    tokens: Tokens,
    model: Model,
    out: Path,
    *,
    clips: Clips = "png",
    fps: float = 30.0,
    progress: Progress | None = None,
) -> Written:
    """Decode every item of `tokens` by `model` and write it to a file in `out`: a folder for each class, and one for each clip.

    With `clips` gif or mp4 a clip is one such file, at `fps` frames a second. Interrupted, the same call goes on. Raises
    UserError for a folder that holds something else, and where it cannot be written; only whole files stay.
    """
    moving = tokens.frames >= 0 if clips != "png" else np.zeros(len(tokens), dtype=np.bool_)
    names = file_names(tokens, clips)
    tokens.verify()  # before the folder is there: a damaged shard leaves nothing behind
    with alone(out):
        _begin(tokens, out, clips)
        missing = np.array([not (out / name).exists() for name in names], dtype=np.bool_)
        stills, rolls = missing & ~moving, missing & moving
        groups = np.unique(tokens.groups[rolls])
        total, done = int(stills.sum() + rolls.sum()), 0
        # What is whole is decoded in the batches in which it was encoded.
        chosen = None if stills.all() else np.flatnonzero(stills)
        for items, images in decoded(model, tokens, chosen):
            for item, image in zip(items, images, strict=True):
                _write(out / names[item], _png(image))
            done += len(items)
            if progress is not None:
                progress(done, total)
        for group in groups:
            members = np.flatnonzero(tokens.groups == group)
            members = members[np.argsort(tokens.frames[members], kind="stable")]
            film = Film(np.concatenate([images for _, images in decoded(model, tokens, members)]), fps)
            _write(out / names[members[0]], film.gif() if clips == "gif" else film.mp4())
            done += len(members)
            if progress is not None:
                progress(done, total)
        _about(tokens, out, clips, complete=True)
    return Written(int((~moving).sum()), len(np.unique(tokens.groups[moving])), int((~missing).sum()))


def file_names(tokens: Tokens, clips: Clips = "png") -> list[str]:
    """For every item the name of its file, with / between folders; all differ, but for frames of a clip that is one file."""
    table, classes = tokens.table, tokens.manifest.classes
    _, of_file, shared = np.unique(table.files, return_inverse=True, return_counts=True)
    taken: set[str] = set()
    rolls: dict[int, str] = {}
    names = []
    half = len(tokens) // 2 if tokens.manifest.images.mirror else len(tokens)
    for item in range(len(tokens)):
        group, frame = int(table.groups[item]), int(table.frames[item])
        if clips != "png" and frame >= 0 and group in rolls:
            names.append(rolls[group])
            continue
        *folders, stem = _parts(str(table.files[item]))
        label = int(table.labels[item])
        if label >= 0 and (name := _plain(classes[label])) not in folders:
            folders.insert(0, name)
        mirrored = "-mirrored" if table.mirrored[item] else ""
        alone_in_file = shared[of_file[item]] == (2 if tokens.manifest.images.mirror else 1)
        if frame < 0:
            stem += mirrored if alone_in_file else f"-{item % half:06d}{mirrored}"
        elif clips != "png":
            stem = (folders.pop() if alone_in_file and folders else stem) + mirrored  # a folder of frames is the clip
        elif alone_in_file:
            stem += mirrored
        else:
            folders.append(stem + mirrored)
            stem = f"{frame:05d}"
        extension = clips if frame >= 0 else "png"
        name = _free("/".join([*folders, stem]), extension, taken)
        if clips != "png" and frame >= 0:
            rolls[group] = name
        names.append(name)
    return names


def _free(name: str, extension: str, taken: set[str]) -> str:
    """The name, or with a number behind it where one like it is taken (also by disks that know no capitals)."""
    number, found = 1, f"{name}.{extension}"
    while found.casefold() in taken:
        number += 1
        found = f"{name}-{number}.{extension}"
    taken.add(found.casefold())
    return found


def _parts(file: str) -> list[str]:
    """Folders and stem of a source's name, such that none leads out of the folder that is written."""
    parts = [_plain(part) for part in re.split(r"[/\\]", file) if part not in {"", ".", ".."}] or ["image"]
    stem, dot, extension = parts[-1].rpartition(".")
    if dot and stem and re.fullmatch(r"[A-Za-z0-9]{1,5}", extension):
        parts[-1] = stem
    return parts


def _plain(name: str) -> str:
    """A name that every disk takes."""
    return re.sub(r'[<>:"|?*/\\\x00-\x1f]', "_", name).strip(" .")[:100] or "_"


def _begin(tokens: Tokens, out: Path, clips: Clips) -> None:
    try:
        about = json.loads((out / ABOUT).read_text(encoding="utf-8"))
        same = (about["plan"], about["clips"]) == (tokens.manifest.plan, clips)
        made = f"images of {about['run']}" if not same else ""
    except FileNotFoundError:
        others = [path.name for path in sorted(out.iterdir()) if path.name != LOCK and not path.name.endswith(".part")]
        if others:
            raise _something_else(out, ", ".join(others[:3])) from None
        _about(tokens, out, clips, complete=False)
        return
    except (OSError, ValueError, KeyError, TypeError):
        raise _something_else(out, ABOUT) from None
    if not same:
        raise _something_else(out, f"{made}, from other tokens or in another form")


def _about(tokens: Tokens, out: Path, clips: Clips, *, complete: bool) -> None:
    manifest = tokens.manifest
    about = {
        "tokens": str(tokens.folder),
        "run": manifest.parent.run,
        "plan": manifest.plan,
        "clips": clips,
        "complete": complete,
    }
    write_whole(out / ABOUT, (json.dumps(about, indent=1) + "\n").encode())


def _something_else(out: Path, what: str) -> UserError:
    return UserError(
        f"{out} holds something else ({what})",
        why="decoded images go to a folder of their own",
        fix="give another --out, or an empty folder",
    )


def _write(path: Path, data: bytes) -> None:
    from tilework.tokens.writing import write_error

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
    write_whole(path, data, sync=False)


def _png(image: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[-1] == 1 else image).save(out, format="PNG", compress_level=1)
    return out.getvalue()
