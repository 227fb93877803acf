"""Which sketches a path names, and where each finds p5."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tilework.data.named_files import Paths, given_paths, unique
from tilework.data.natural import natural_key
from tilework.errors import UserError

P5_NAME = re.compile(r"p5(\.min)?\.js", re.IGNORECASE)
_PLACES = ("", "libraries", "lib", "libs", "js")
_LEFT_OUT = {"node_modules", "__MACOSX"}


@dataclass(frozen=True)
class Sketch:
    """One sketch: the folder that it may read, and the page or the script in it to begin with."""

    name: str
    """Unique: the group of its frames, and the file that reports name."""
    folder: Path
    """All that it may read."""
    begin: str
    """File in `folder`: an .html page, or a .js script that gets a page made for it."""
    p5: tuple[Path, ...] = ()
    """The libraries that it may want, best first; it is drawn with the first of them with which it gets to draw."""
    seed: int = 0
    label: str | None = None
    page_scripts: tuple[str, ...] = ()
    """Files in `folder` that a made page loads, in order; () = `begin` alone."""
    modules: bool = False
    """Whether a made page loads them as ES modules."""

    def library(self, url: str) -> Path | None:
        """The file that stands for an add-on that the page asks for from the web, or misses beside it."""
        return None

    def mark(self) -> str:
        """What changes when a file of the sketch does."""
        about = ((file, file.stat()) for file in [*sorted(_files(self.folder), key=str), *self.p5])
        return f"{self.name!r} {self.begin!r} " + " ".join(f"{str(f)!r} {s.st_size} {s.st_mtime_ns}" for f, s in about)


def find_sketches(paths: Paths, p5: str | None, seed: int = 0) -> list[Sketch]:
    """Every sketch in `paths` in natural order, names unique. Raises UserError where there is none or a path is missing."""
    given_p5 = _given(p5)
    given = given_paths(paths)
    found, taken = [], set[str]()
    for top in given:
        for folder, begin in sorted(_beginnings(top), key=lambda pair: natural_key(str(pair[0]))):
            name = folder.relative_to(top).as_posix() if top.is_dir() and folder != top else folder.name
            if begin.endswith(".js") and begin != "sketch.js":
                name = begin.removesuffix(".js")
            library = _in_folder(folder) or given_p5 or _in_folder(folder.parent)
            found.append(Sketch(unique(name, taken), folder, begin, (library,) if library else (), seed))
    if not found:
        raise UserError(
            f"{', '.join(map(str, given))} holds no sketch",
            why="a sketch is a .js file, or a folder that has index.html or sketch.js",
            fix="write data.path=PATH with a sketch or a folder of them",
        )
    return found


def _beginnings(top: Path) -> Iterator[tuple[Path, str]]:
    if not top.is_dir():
        if top.suffix.lower() not in {".js", ".html", ".htm"}:
            raise UserError(
                f"{top} is not a sketch",
                why="a sketch is a .js file, or a folder that has index.html or sketch.js",
                fix=f"write data.path={top.parent}",
            )
        yield top.parent, top.name
        return

    def stop(error: OSError) -> None:
        raise UserError(
            f"{error.filename} cannot be listed",
            why=error.strerror or str(error),
            fix="give yourself the right to read it",
        )

    for here, folders, files in os.walk(top, onerror=stop):
        begin = next((name for name in ("index.html", "sketch.js") if name in files), None)
        if begin is not None:
            folders.clear()  # what is below belongs to this sketch
            yield Path(here), begin
        folders[:] = [f for f in folders if not f.startswith(".") and f not in _LEFT_OUT]


def _given(p5: str | None) -> Path | None:
    if p5 is None:
        return None
    path = Path(p5).expanduser().absolute()
    if not path.is_file():
        raise UserError(
            f"there is no file {path}",
            why="data.p5 must name p5.js or p5.min.js",
            fix="get it from p5js.org/download, or with `npm pack p5`, and write data.p5=FILE",
        )
    return path


def _in_folder(folder: Path) -> Path | None:
    for place in _PLACES:
        for name in ("p5.min.js", "p5.js"):
            if (folder / place / name).is_file():
                return folder / place / name
    return None


def _files(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith(".") and f not in _LEFT_OUT]
        yield from (path for name in files if not name.startswith(".") and (path := Path(here, name)).is_file())
