"""The folders that a page may look into: below the home folder, or those that the studio was started with."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tilework.data.files.natural import natural_key
from tilework.data.media.extensions import is_hidden, kind_of
from tilework.errors import UserError
from tilework.protocol.folders import FolderPlace, FoldersResponse
from tilework.studio.responses import NotHere

MOST_LISTED = 2_000
_SECONDS = 1.5
_MOST_LETTERS = 4_096
_MOVING = frozenset({".gif", ".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi"})


@dataclass(frozen=True)
class Folders:
    """Where a page may look. Every path that it sends goes through `allowed`."""

    roots: tuple[Path, ...]
    """Whole paths without links."""

    @classmethod
    def of(cls, given: Sequence[Path] = ()) -> Folders:
        """The home folder, and those that were given. The root of the file system is nobody's home.

        Raises UserError for one that is not there.
        """
        for folder in given:
            if not folder.expanduser().is_dir():
                raise UserError(
                    f"there is no folder {folder}",
                    why="--images names one that pages may look into",
                    fix="check the spelling",
                )
        home = [Path.home().resolve()] if Path.home().resolve() != Path("/") else []
        return cls(tuple(dict.fromkeys([*home, *(folder.expanduser().resolve() for folder in given)])))

    def allowed(self, text: str) -> Path:
        """The path that a page sent, whole and without links. Raises UserError for one elsewhere or hidden, NotHere for none."""
        if not text.strip() or len(text) > _MOST_LETTERS or "\0" in text:
            raise UserError("this is no path", why="it is empty or too long", fix="paste the path of a folder")
        try:
            given = Path(text.strip()).expanduser()
            if not given.is_absolute():
                raise UserError(
                    f"{text[:200]} is not an absolute path", why="the studio does not know which folder it starts from",
                    fix="begin it with / or ~",
                )  # fmt: skip
            path = given.resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(
                f"{text[:200]} is no path", why=str(error)[:200], fix="paste the path of a folder"
            ) from None
        root = next((one for one in self.roots if path.is_relative_to(one)), None)
        if root is None:
            where = ", ".join(map(str, self.roots)) or "none"
            folder = shlex.quote(str(path.parent if path.suffix else path))
            raise UserError(
                f"{text[:200]} lies outside the folders that this page may look into",
                why=f"these are {where}; links are followed to where they lead",
                fix=f"start the studio with that folder: tilework studio --images {folder}",
            )
        if any(is_hidden(part) for part in path.relative_to(root).parts):
            raise UserError(
                f"{text[:200]} is hidden", why="hidden folders are not shown to a page", fix="choose another folder"
            )
        if not path.exists():
            raise NotHere(
                f"there is no file or folder {text[:200]}",
                why="it is written differently, was moved or deleted, or is on a drive that is not there",
                fix="choose another folder",
            )
        return path

    def listing(self, text: str | None) -> FoldersResponse:
        """What is in a folder; in the first root where none is named. Raises UserError, NotHere."""
        if text is None and not self.roots:
            raise UserError(
                "no folder is open to this page", why="there is no home folder", fix="start it with --images FOLDER"
            )
        path = self.allowed(text if text is not None else str(self.roots[0]))
        if not path.is_dir():
            path = path.parent if path.parent in self.roots or self._below(path.parent) else path
        end, whole = time.monotonic() + _SECONDS, True
        folders: list[str] = []
        images = moving = others = 0
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if is_hidden(entry.name):
                        continue
                    if _is_folder(entry):
                        if self._shown(entry):
                            folders.append(entry.name)
                    elif Path(entry.name).suffix.lower() in _MOVING:
                        moving += 1
                    elif kind_of(entry.name) == "image":
                        images += 1
                    else:
                        others += 1
                    if time.monotonic() > end:
                        whole = False
                        break
        except OSError as error:
            raise UserError(
                f"{path} cannot be listed",
                why=(error.strerror or str(error)).lower(),
                fix="give yourself permission to read it, or choose another",
            ) from None
        home = Path.home().resolve()
        shown = sorted(folders, key=natural_key)
        return {
            "path": str(path),
            "parent": None if path in self.roots else str(path.parent),
            "roots": [_place(root, "Home" if root == home else root.name or str(root)) for root in self.roots],
            "folders": [_place(path / name, name) for name in shown[:MOST_LISTED]],
            "images": images,
            "moving": moving,
            "others": others,
            "whole": whole and len(shown) <= MOST_LISTED,
        }

    def _shown(self, entry: os.DirEntry[str]) -> bool:
        """Whether it could be opened here: a link may lead out."""
        return not entry.is_symlink() or self._below(Path(entry.path).resolve())

    def _below(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self.roots)


def _place(path: Path, name: str) -> FolderPlace:
    return {"name": name, "path": str(path)}


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
