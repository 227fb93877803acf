"""Which sketches a path names, and what each of them may read and needs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tilework.data.files.named_files import Paths, given_paths, unique
from tilework.data.sketch.beginnings import LEFT_OUT, below
from tilework.data.sketch.library import (
    GENERATIONS,
    generation,
    given_p5,
    is_p5,
    key,
    mark,
    p5_in,
    shelf,
    shipped_in_order,
)
from tilework.data.sketch.page import local
from tilework.data.sketch.parts import PAGES, SCRIPTS, Beginning, at, of_file
from tilework.errors import UserError

_UP = re.compile(r"(?:\.\./)+")
_SHARED = ("", "libraries", "lib", "libs", "vendor", "js", "addons")
"""Folders of a collection whose libraries are for all its sketches."""
_NOT_LIBRARIES = frozenset(
    {"sketch.js", "index.js", "main.js", "script.js", "app.js", "style.css", "styles.css", "main.css"}
)


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
    must_be_built: bool = False
    """Whether a browser cannot read it as it lies there."""
    libraries: Mapping[str, Path] = field(default_factory=dict, compare=False)
    """What else there is to load, by `library.key`."""

    @property
    def is_script(self) -> bool:
        """Whether a page has to be made for it."""
        return Path(self.begin).suffix.lower() in SCRIPTS

    def library(self, url: str) -> Path | None:
        """The file that stands for an add-on that the page asks for from the web, or misses beside it."""
        name = key(url)
        return self.libraries.get(name) if name not in _NOT_LIBRARIES else None


@dataclass(frozen=True)
class Wanted:
    """The settings of all sketches."""

    p5: Path | None = None
    libraries: Path | None = None
    seed: int = 0
    seeds: int = 1


def wanted(p5: str | int | None, libraries: str | None = None, seed: int = 0, seeds: int = 1) -> Wanted:
    """The settings, read. Raises UserError where they name what is not there."""
    folder = None
    if libraries is not None:
        folder = Path(libraries).expanduser().absolute()
        if not folder.is_dir():
            raise UserError(
                f"there is no folder {folder}",
                why="data.libraries names a folder of scripts for sketches that ask for them from the web",
                fix="check the spelling, or write the whole path",
            )
    return Wanted(given_p5(p5), folder, seed, seeds)


def find_sketches(
    paths: Paths,
    p5: str | int | None = None,
    seed: int = 0,
    *,
    seeds: int = 1,
    libraries: str | None = None,
    denied: list[tuple[str, str]] | None = None,
) -> list[Sketch]:
    """Every sketch in `paths` in natural order, names unique, each once for every seed.

    `denied` is given the name of each folder that cannot be listed, with the reason. Raises UserError where there is no sketch or
    a path is missing.
    """
    settings = wanted(p5, libraries, seed, seeds)
    given = given_paths(paths)
    found, taken = [], set[str]()
    shelves = _Shelves(settings.libraries)
    for top in given:
        unlisted: list[tuple[Path, str]] = []
        inside = list(below(top, unlisted)) if top.is_dir() else [_of_given_file(top)]
        if denied is not None:
            denied += [(folder.relative_to(top).as_posix(), why) for folder, why in unlisted]
        base = top if top.is_dir() else top.parent
        alone = {one.file.parent: 0 for one in inside}
        for one in inside:
            alone[one.file.parent] += 1
        for one in inside:
            name = unique(_name(one.file, top, alone[one.file.parent] == 1), taken)
            found.append(_sketch(one, name, base, settings, shelves))
    if not found:
        raise UserError(
            f"{', '.join(map(str, given))} holds no sketch",
            why="a sketch is a script with setup() or draw(), or a page that loads one",
            fix="write data.path=PATH with a sketch or a folder of them",
        )
    return list(_seeded(found, settings, taken))


def marks(sketches: Iterable[Sketch]) -> Iterator[str]:
    """What changes when anything does that the sketches could load: their files, p5 and the libraries."""
    folders: set[Path] = set()
    loaded: set[Path] = set()
    for sketch in sketches:
        folders.add(sketch.folder)
        loaded |= {*sketch.p5, *sketch.libraries.values()}
        yield f"{sketch.name!r} {sketch.begin!r} {' '.join(map(mark, sketch.p5))} {sketch.page_scripts}"
    outermost = {folder for folder in folders if not folders & set(folder.parents)}
    for folder in sorted(outermost):
        for file in sorted(_files(folder), key=str):
            yield f"{str(file)!r} {(about := file.stat()).st_size} {about.st_mtime_ns}"
    yield from (mark(path) for path in sorted(loaded))


def _of_given_file(path: Path) -> Beginning:
    if path.suffix.lower() not in SCRIPTS | PAGES:
        raise UserError(
            f"{path} is not a sketch",
            why="a sketch is a .js file or an .html page, or a folder that has one",
            fix=f"write data.path={path.parent}",
        )
    return of_file(path, path.parent)


def _name(file: Path, top: Path, alone: bool) -> str:
    """The sketch's folder where the file is called as usual or there is no other sketch; else with the file's own name."""
    usual = file.name.lower() in {"sketch.js", "index.html", "index.htm"}
    if not top.is_dir():
        return file.parent.name if usual else file.stem
    if usual or (alone and file.parent != top):
        return file.parent.name if file.parent == top else file.parent.relative_to(top).as_posix()
    return file.relative_to(top).with_suffix("").as_posix()


def _seeded(sketches: list[Sketch], settings: Wanted, taken: set[str]) -> Iterator[Sketch]:
    for sketch in sketches:
        if settings.seeds == 1:
            yield sketch
            continue
        for seed in range(settings.seed, settings.seed + settings.seeds):
            yield replace(sketch, name=unique(f"{sketch.name} seed {seed}", taken), seed=seed, label=sketch.name)


def _sketch(one: Beginning, name: str, top: Path, settings: Wanted, shelves: _Shelves) -> Sketch:
    folder = _reach(one, top)
    return Sketch(
        name,
        folder,
        one.file.relative_to(folder).as_posix(),
        _p5_for(one, top, settings),
        settings.seed,
        page_scripts=() if one.page else tuple(path.relative_to(folder).as_posix() for path in _loaded(one)),
        modules=one.modules,
        must_be_built=one.must_be_built,
        libraries=shelves.of(folder, top),
    )


def _loaded(one: Beginning) -> tuple[Path, ...]:
    return (one.file,) if one.modules else one.scripts


def _reach(one: Beginning, top: Path) -> Path:
    """The folder that a sketch may read: its own, or as far above it as it names files, never above what was given."""
    own = one.file.parent
    texts = [text for script in one.texts for text in script.texts if len(text) < 300]
    texts += [*one.page.sources, *one.page.others] if one.page else []
    up = max((found.group().count("..") for text in texts if (found := _UP.match(text.strip()))), default=0)
    reached = [own, *own.parents][min(up, len(own.parents))]
    # From the root of the site, or imported by a script that lies elsewhere.
    files = [
        file for text in texts if text.startswith("/") and (local(text) or "/") != "/" and (file := at(text, own, top))
    ]
    for file in [*files, *one.scripts]:
        while not file.is_relative_to(reached):
            reached = reached.parent
    for text, file in ((text, file) for text in texts if text.startswith("/") and (file := at(text, own, top))):
        # The address counts from the folder that may be read, so that must be the site's root.
        root = Path(*file.parts[: len(file.parts) - len(Path((local(text) or "").lstrip("/")).parts)])
        reached = root if reached.is_relative_to(root) else reached
    return reached if reached.is_relative_to(top) else top


def _p5_for(one: Beginning, top: Path, settings: Wanted) -> tuple[Path, ...]:
    if not one.asks_for_p5:
        return ()
    if settings.p5 is not None:
        return (settings.p5,)
    own = next((path for path in one.scripts if is_p5(path.name)), None) or p5_in(one.file.parent)
    folder = one.file.parent
    while own is None and folder != top.parent and folder != folder.parent:
        folder = folder.parent
        own = p5_in(folder)
    if own is not None:
        return (own,)
    asked = [number for address in one.addresses if (number := generation(address))]
    asked += [number for script in one.texts if (number := script.wants)]
    return shipped_in_order(min(asked[0], max(GENERATIONS)) if asked else 1)


class _Shelves:
    """The libraries that sketches can find, each folder listed once."""

    def __init__(self, given: Path | None) -> None:
        self.given = shelf(_libraries_in(given, deep=True)) if given is not None else {}
        self.shared: dict[Path, Mapping[str, Path]] = {}
        self.own: dict[Path, Mapping[str, Path]] = {}

    def of(self, folder: Path, top: Path) -> Mapping[str, Path]:
        """Given ones before those of the sketch's folder before those of the collection."""
        if folder not in self.own:
            self.own[folder] = shelf(_libraries_in(folder, deep=True))
        if top not in self.shared:
            self.shared[top] = shelf(file for place in _SHARED for file in _libraries_in(top / place, deep=False))
        return {**self.shared[top], **self.own[folder], **self.given}


def _libraries_in(folder: Path, deep: bool) -> Iterator[Path]:
    files = _files(folder) if deep else (path for path in sorted(folder.glob("*")) if path.is_file())
    yield from (path for path in files if path.suffix.lower() in {".js", ".mjs", ".css"} and not is_p5(path.name))


def _files(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in LEFT_OUT)
        yield from (path for name in sorted(files) if not name.startswith(".") and (path := Path(here, name)).is_file())
