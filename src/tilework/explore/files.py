"""Results as files: PNG, GIF, MP4 and HTML, by the extension of the path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image

from tilework.errors import UserError
from tilework.explore.film import Film
from tilework.explore.page import packed
from tilework.runs.atomic import atomic_write_bytes, refuse_place, write_error


class Drawable(Protocol):
    """What can become a file."""

    def sheet(self) -> Image.Image:
        """All of it on one image."""
        ...

    def film(self) -> Film | None:
        """The same moving; None where nothing moves."""
        ...

    def html(self) -> str:
        """A page that stands alone."""
        ...


_HEAD = 64
_ELSEWHERE = "name a file in a folder that you may write, such as your home folder"


@dataclass(frozen=True)
class Written:
    """A file that was written, and what it holds of its image."""

    path: Path
    size: tuple[int, int] | None
    """Width and height of an image or film; None for a page."""
    film: Film | None
    """What moves in a GIF or MP4."""


_KINDS: dict[str, tuple[str, Callable[[bytes], bool]]] = {
    ".png": ("PNG", lambda head: head.startswith(b"\x89PNG\r\n\x1a\n")),
    ".gif": ("GIF", lambda head: head.startswith((b"GIF87a", b"GIF89a"))),
    ".mp4": ("MP4", lambda head: head[4:8] == b"ftyp"),
    ".html": ("HTML", lambda head: head.lstrip()[:9].lower() in {b"<!doctype", b"<html"}),
}
"""Extension -> name, and whether a file begins as one of them does."""
_MOVING = frozenset({".gif", ".mp4"})
EXTENSIONS = tuple(_KINDS)


def save(shown: Drawable, path: Path) -> Written:
    """Write `shown` to `path` in one instant; a file of the same kind that is there is replaced.

    Raises UserError for an extension that is not known, or cannot be had of something that does not move; for a path that is a
    folder or a file of another kind; and where it cannot be written.
    """
    path = path.expanduser()
    data, size, film = _made(shown, checked(path, moves=shown.film() is not None))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
    atomic_write_bytes(path, data)
    return Written(path, size, film)


def content(shown: Drawable, extension: str) -> bytes:
    """The bytes of a file with this extension (`.png`, `.gif`, `.mp4`, `.html`)."""
    return _made(shown, extension)[0]


def _made(shown: Drawable, extension: str) -> tuple[bytes, tuple[int, int] | None, Film | None]:
    """The bytes, the size of what they show and what moves in it; drawn once."""
    if extension == ".html":
        return shown.html().encode(), None, None
    if extension == ".png":
        sheet = shown.sheet()
        return packed(sheet), sheet.size, None
    film = shown.film()
    assert film is not None
    return (film.gif() if extension == ".gif" else film.mp4()), film.size, film


def checked(path: Path, *, moves: bool) -> str:
    """The extension of a path that may be written. Raises UserError as `save` does, before anything is computed."""
    extension = {".htm": ".html"}.get(path.suffix.lower(), path.suffix.lower())
    possible = [known for known in EXTENSIONS if moves or known not in _MOVING]
    if extension not in possible:
        raise UserError(
            f"{path} cannot be written",
            why="this does not move, and a GIF or an MP4 would show nothing but one image"
            if extension in _MOVING
            else f"the extension gives the format, and '{path.suffix}' is none that is known here"
            if path.suffix
            else "the extension gives the format, and it has none",
            fix=f"let it end in {', '.join(possible[:-1])} or {possible[-1]}",
        )
    _refuse_another_kind(path.expanduser(), extension)
    try:
        refuse_place(path.expanduser())
    except UserError as error:
        raise _of_named_file(error) from error
    return extension


def _of_named_file(error: UserError) -> UserError:
    """The same in the terms of a file that was named."""
    return UserError(error.what, why=error.why, fix=_ELSEWHERE)


def _refuse_another_kind(path: Path, extension: str) -> None:
    name, begins = _KINDS[extension]
    try:
        if path.is_dir():
            raise UserError(
                f"{path} is a folder", why="a file is to be written", fix=f"write {path / ('out' + extension)}"
            )
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _of_named_file(write_error(path, error)) from error
    if head and not begins(head):
        raise UserError(
            f"{path} is there already and is no {name} file",
            why="whatever it is, it is not replaced by something else",
            fix="write another name, or remove that file",
        )
