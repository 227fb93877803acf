"""Images that pages have sent: files of the studio's own, for every model, until it ends. Only models read their bytes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path, PurePath

from tilework.errors import UserError
from tilework.runs.atomic import write_error

MOST_BYTES = 64 * 2**20
_MOST_FILES = 64
_MOST_IN_ALL = 512 * 2**20
_PREFIX = "tilework-images-"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Uploads:
    """A folder that only this user may read; the ones sent first go where there are too many. May be asked from any thread."""

    def __init__(self) -> None:
        _remove_left_over()
        self._home = tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True)
        self.folder = Path(self._home.name)

    def keep(self, data: bytes, called: str) -> str:
        """Keep an image; the name under which points know it: of its file's name and its bytes, so that one sent twice is one."""
        stem = re.sub(r"[^A-Za-z0-9]+", "-", PurePath(called.replace("\\", "/")).stem).strip("-")[:32] or "image"
        name = f"{stem}-{hashlib.sha256(data).hexdigest()[:8]}"
        file = self.folder / name
        try:
            if not file.exists():
                part = file.with_suffix(".part")
                part.write_bytes(data)
                part.replace(file)
            file.touch()
            self._make_room(file)
        except OSError as error:
            raise write_error(file, error) from error
        return name

    def drop(self, name: str) -> None:
        """Forget one that is no image."""
        (self.folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all of them."""
        self._home.cleanup()

    def _make_room(self, newest: Path) -> None:
        found = sorted(self.folder.iterdir(), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        kept = 0
        for number, file in enumerate(found):
            kept += file.stat().st_size
            if file != newest and (number >= _MOST_FILES or kept > _MOST_IN_ALL):
                file.unlink(missing_ok=True)


def _remove_left_over() -> None:
    """Folders that killed studios could not remove: only this user's, and only where no such process is left."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        number = folder.name.removeprefix(_PREFIX).partition("-")[0]
        try:
            own = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
            if number.isdigit() and own and not folder.is_symlink() and not psutil.pid_exists(int(number)):
                shutil.rmtree(folder, ignore_errors=True)
        except (OSError, OverflowError):
            continue


def uploaded(folder: Path, name: str) -> Path:
    """The file of an image that was sent. Raises UserError for any other name."""
    file = folder / name
    if not _NAME.fullmatch(name) or not file.is_file():
        raise UserError(
            f"there is no image '{name[:60]}'",
            why="an image that was sent is kept until the studio ends, or many others were sent",
            fix="send it again",
        )
    return file
