"""Paths as they are typed: one that is empty is reported, where `Path("")` would quietly be the folder that one is
in."""

from __future__ import annotations

from pathlib import Path

from tilework.errors import UserError


def out_file(text: str) -> Path:
    """The file that --out names. Raises UserError for an empty name, and for that of a folder."""
    path = _named("--out", text, "--out out.png")
    if text.endswith(("/", "\\")) or path.name in {"", ".", ".."} or path.expanduser().is_dir():
        raise UserError(
            f"--out {text} is a folder",
            why="a file is written, and its extension gives the format",
            fix=f"--out {path / 'out.png'}",
        )
    return path


def out_folder_or_file(text: str) -> Path:
    """What --out names, a folder or a file in one. Raises UserError for an empty name."""
    return _named("--out", text, "leave --out out, and it is written to the run's folder")


def runs_folder(text: str) -> Path:
    """The folder that --runs names. Raises UserError for an empty name."""
    return _named("--runs", text, "leave --runs out for ./runs, or name the folder")


def short_path(path: Path) -> str:
    """The path as it is typed from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _named(option: str, text: str, fix: str) -> Path:
    if not text.strip():
        raise UserError(
            f"{option} is empty", why="it names nothing, perhaps by a variable of the shell that is not set", fix=fix
        )
    return Path(text)
