"""The frames of a dream as numbered PNG files in a folder, which appears whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from tilework.dream.made import Dreamed
from tilework.errors import UserError
from tilework.runs.atomic import write_error


def checked_folder(folder: Path) -> Path:
    """The folder as it is. Raises UserError where there is a file of this name, or a folder that is not empty."""
    folder = folder.expanduser()
    if folder.is_dir() and not any(folder.iterdir()):
        return folder
    if folder.exists() or folder.is_symlink():
        raise UserError(
            f"{folder} is there already",
            why="frames are written to a new folder, so that none of another dream is among them",
            fix="write another name, or remove it",
        )
    return folder


def save_frames(dream: Dreamed, folder: Path) -> int:
    """Write each frame (of images: each image) as NNNN.png in its own size, and give their number. Raises UserError as
    `checked_folder` does, and where it cannot be written."""
    folder = checked_folder(folder)
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    frames = dream.frames()
    try:
        part.mkdir(parents=True)
        for number, frame in enumerate(frames):
            frame.save(part / f"{number:04}.png")
        part.replace(folder)
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(frames)
