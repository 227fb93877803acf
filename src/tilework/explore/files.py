"""Results as files: PNG, GIF, MP4 and HTML, by the ending of the path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tilework.errors import UserError
from tilework.runs.atomic import atomic_write_bytes, write_error

if TYPE_CHECKING:
    from tilework.explore.shown import Shown

_HEAD = 64


def _film(shown: Shown, what: str) -> bytes:
    film = shown.film()
    assert film is not None
    return film.gif() if what == "gif" else film.mp4()


_KINDS: dict[str, tuple[str, Callable[[Shown], bytes], Callable[[bytes], bool]]] = {
    ".png": ("PNG", lambda shown: shown.png(), lambda head: head.startswith(b"\x89PNG\r\n\x1a\n")),
    ".gif": ("GIF", lambda shown: _film(shown, "gif"), lambda head: head.startswith((b"GIF87a", b"GIF89a"))),
    ".mp4": ("MP4", lambda shown: _film(shown, "mp4"), lambda head: head[4:8] == b"ftyp"),
    ".html": (
        "HTML",
        lambda shown: shown.html().encode(),
        lambda head: head.lstrip()[:9].lower() in {b"<!doctype", b"<html"},
    ),
}
"""Ending -> name, how it is made, and whether a file begins as one of them does."""
_MOVING = frozenset({".gif", ".mp4"})
ENDINGS = tuple(_KINDS)


def save(shown: Shown, path: Path) -> Path:
    """Write `shown` to `path` in one instant; a file of the same kind that is there is replaced.

    Raises UserError for an ending that is not known, or cannot be had of something that does not move; for a path that is a
    folder or a file of another kind; and where it cannot be written.
    """
    path = path.expanduser()
    data = content(shown, checked(path, moves=shown.film() is not None))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
    atomic_write_bytes(path, data)
    return path


def content(shown: Shown, ending: str) -> bytes:
    """The bytes of a file with this ending (`.png`, `.gif`, `.mp4`, `.html`)."""
    return _KINDS[ending][1](shown)


def checked(path: Path, *, moves: bool) -> str:
    """The ending of a path that may be written. Raises UserError as `save` does, before anything is computed."""
    ending = {".htm": ".html"}.get(path.suffix.lower(), path.suffix.lower())
    possible = [known for known in ENDINGS if moves or known not in _MOVING]
    if ending not in possible:
        raise UserError(
            f"{path} cannot be written",
            why="this does not move, and a GIF or an MP4 would show nothing but one image"
            if ending in _MOVING
            else f"the ending says what it becomes, and '{path.suffix}' is none that is known here"
            if path.suffix
            else "the ending says what it becomes, and it has none",
            fix=f"let it end in {', '.join(possible[:-1])} or {possible[-1]}",
        )
    _refuse_another_kind(path.expanduser(), ending)
    return ending


def _refuse_another_kind(path: Path, ending: str) -> None:
    name, _, begins = _KINDS[ending]
    try:
        if path.is_dir():
            raise UserError(
                f"{path} is a folder", why="a file is to be written", fix=f"write {path / ('out' + ending)}"
            )
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        return
    except OSError as error:
        raise write_error(path, error) from error
    if head and not begins(head):
        raise UserError(
            f"{path} is there already and is no {name} file",
            why="whatever it is, it is not replaced by something else",
            fix="write another name, or remove that file",
        )
