"""Where sketches begin below a folder: pages that draw, and scripts that draw and that no page loads."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tilework.data.natural import natural_key
from tilework.data.sketch.library import is_p5
from tilework.data.sketch.page import Page, local, read_page
from tilework.data.sketch.script import Script, imports, read
from tilework.errors import UserError

PAGES = frozenset({".html", ".htm"})
SCRIPTS = frozenset({".js", ".mjs"})
LEFT_OUT = frozenset({"node_modules", "bower_components", "__MACOSX"})
_MADE = frozenset({"dist", "build", "out", "_site", "docs", "public"})
"""Folders that often hold what was made from another one."""
_LIBRARIES = frozenset(
    {"libraries", "library", "lib", "libs", "vendor", "vendors", "addons", "third_party", "thirdparty"}
)
_ADDON = re.compile(r"p5\..+\.js|.+\.config\.(?:js|mjs)|.*[.-]min\.js", re.IGNORECASE)
_SOUNDS = frozenset(
    {"loadSound", "Oscillator", "FFT", "AudioIn", "Amplitude", "SoundFile", "Envelope", "Env", "Noise", "PolySynth"}
)
_MUST_BE_BUILT = (".ts", ".tsx", ".jsx", ".vue", ".svelte")
_LARGEST_SCRIPT = 2**20


@dataclass(frozen=True)
class Beginning:
    """One sketch as it lies in the file system."""

    file: Path
    """The page, or the script that a page is made for."""
    scripts: tuple[Path, ...]
    """Scripts that it loads, in order; for a page those in files that are there, with what they import."""
    page: Page | None = None
    modules: bool = False

    @property
    def texts(self) -> list[Script]:
        """All that it says itself: libraries left out."""
        inline = self.page.inline if self.page else []
        return [*inline, *(read(path) for path in self.scripts if not is_library(path))]

    @property
    def misses(self) -> bool:
        """Whether it asks for a script of its own that is not there."""
        assert self.page is not None
        asked = {place.rpartition("/")[2] for address in self.page.sources if (place := local(address))}
        return bool(asked - {path.name for path in self.scripts})

    @property
    def asks_for_p5(self) -> bool:
        """Whether p5 is part of it."""
        if self.page is None:
            return True
        said = [*self.page.sources, *(text for one in self.texts for text in one.texts if len(text) < 300)]
        said += [name for text in self.page.inline_texts for name in imports(text)]
        return (
            any(map(is_p5, said))
            or any(is_p5(path.name) for path in self.scripts)
            or any(s.is_main for s in self.texts)
        )

    @property
    def must_be_built(self) -> bool:
        """Whether a browser cannot read it as it lies here: TypeScript, or imports that a bundler resolves."""
        if self.page is None:
            return False
        if any(address.lower().partition("?")[0].endswith(_MUST_BE_BUILT) for address in self.page.sources):
            return True
        asked = [name for text in self.page.inline_texts for name in imports(text)]
        asked += [name for path in self.scripts if read(path).is_module for name in imported(path)]
        return not self.page.has_import_map and any(
            not name.startswith((".", "/", "http:", "https:")) for name in asked
        )


@dataclass
class _Folder:
    pages: list[Beginning] = field(default_factory=list)
    scripts: list[Path] = field(default_factory=list)


def is_library(path: Path) -> bool:
    """Whether a file's name says that it is a library, or something for tools, and not a sketch."""
    return is_p5(path.name) or _ADDON.fullmatch(path.name) is not None


def imported(path: Path) -> list[str]:
    """What a module in a file imports, as written."""
    try:
        return imports(path.read_bytes()[: 4 * _LARGEST_SCRIPT].decode("utf-8", "replace"))
    except OSError:
        return []


def of_file(path: Path, top: Path) -> Beginning:
    """The sketch that begins with this page or script."""
    if path.suffix.lower() in PAGES:
        return _of_page(path, top)
    beside = [f for f in sorted(path.parent.iterdir(), key=lambda f: natural_key(f.name)) if _is_script(f)]
    return _of_script(path, [f for f in beside if f != path])


def below(top: Path) -> Iterator[Beginning]:
    """Every sketch in or below a folder, in natural order. Raises UserError where a folder cannot be listed."""
    folders: dict[Path, _Folder] = {}
    for here, files in _walk(top):
        pages = [_of_page(file, top) for file in files if file.suffix.lower() in PAGES]
        folders[here] = _Folder([one for one in pages if _is_sketch(one)], [f for f in files if _is_script(f)])
    claimed = {script for inside in folders.values() for page in inside.pages for script in page.scripts}
    mains = {here: _mains(inside.scripts, claimed, here != top) for here, inside in folders.items()}
    owners = {here: _owner(here, folders, mains) for here in folders}
    # What lies below a sketch belongs to it, unless there are several sketches there: then it is a collection.
    many = Counter(owner for here, owner in owners.items() for _ in mains[here])
    ready = {here for here, inside in folders.items() if any(not page.must_be_built for page in inside.pages)}
    seen: set[tuple[object, ...]] = set()
    for here, inside in folders.items():
        if _was_made(here, top, ready, folders):
            continue
        owner = owners[here]
        own = mains[here] if owner is None or many[owner] > 1 else []
        # Those beside a script come before those above it.
        above = [folder for folder in (here, *here.parents) if folder in folders]
        helpers = [file for folder in above for file in folders[folder].scripts if file not in mains[folder]]
        for one in [*inside.pages, *(_of_script(path, helpers) for path in own)]:
            copy = _content(one)
            if here.name in _MADE and copy in seen:
                continue
            seen.add(copy)
            yield one


def _walk(top: Path) -> Iterator[tuple[Path, list[Path]]]:
    def stop(error: OSError) -> None:
        raise UserError(
            f"{error.filename} cannot be listed",
            why=error.strerror or str(error),
            fix="give yourself the right to read it",
        )

    def order(name: str) -> tuple[bool, tuple[str, str]]:
        return name in _MADE, natural_key(name)  # what was made comes after what it was made from

    for here, folders, files in os.walk(top, onerror=stop):
        folders[:] = sorted((f for f in folders if not f.startswith(".") and f not in LEFT_OUT), key=order)
        names = sorted((f for f in files if not f.startswith(".")), key=lambda f: (f != "index.html", natural_key(f)))
        yield Path(here), [Path(here, name) for name in names]


def _is_script(path: Path) -> bool:
    return path.suffix.lower() in SCRIPTS and path.is_file()


def _is_sketch(page: Beginning) -> bool:
    """Whether a page draws: it has p5, or a canvas and a script for it; a gallery or a text has neither."""
    assert page.page is not None
    if any(script.draws for script in page.texts):
        return True
    to_build = any(address.lower().endswith(_MUST_BE_BUILT) for address in page.page.sources)
    if to_build or page.misses:
        return page.page.has_canvas or any(map(is_p5, page.page.sources))
    # All that it has is a bundle.
    own = [path for path in page.scripts if not is_p5(path.name)]
    return bool(own) and all(map(is_library, own)) and any(read(path).draws for path in own)


def _mains(scripts: Iterable[Path], claimed: set[Path], below_top: bool) -> list[Path]:
    found = []
    for path in scripts:
        if is_library(path) or path.resolve() in claimed or path.stat().st_size > _LARGEST_SCRIPT:
            continue
        if below_top and path.parent.name.lower() in _LIBRARIES:
            continue
        if path.name == "sketch.js" or read(path).is_main:
            found.append(path)
    return found


def _owner(here: Path, folders: dict[Path, _Folder], mains: dict[Path, list[Path]]) -> Path | None:
    """The nearest folder whose sketch could have a script here as a part of it."""
    if folders[here].pages:
        return here
    return next(
        (folder for folder in here.parents if folder in folders and (folders[folder].pages or mains[folder])), None
    )


def _was_made(here: Path, top: Path, ready: set[Path], folders: dict[Path, _Folder]) -> bool:
    """Whether a folder holds what a tool made of a sketch that lies beside it and draws as well."""
    if here == top:
        return False
    inside = here.relative_to(top).parts
    for place, name in enumerate(inside):
        if name not in {"dist", "build", "out", "_site"}:
            continue
        parent, rest = top.joinpath(*inside[:place]), inside[place + 1 :]
        beside = [parent.joinpath(*rest), parent.joinpath("src", *rest), parent.joinpath("public", *rest)]
        if any(one in ready for one in beside) or (folders[here].pages == [] and parent in ready):
            return True
    return False


def _content(one: Beginning) -> tuple[object, ...]:
    try:
        return one.file.name, one.file.read_bytes(), *(read(path).code for path in one.scripts)
    except OSError:
        return (one.file,)


def _of_page(path: Path, top: Path) -> Beginning:
    page = read_page(path)
    found: dict[Path, None] = {}
    asked = [address for address in page.sources if local(address)]
    asked += [name for text in page.inline_texts for name in imports(text) if name.startswith((".", "/"))]
    for address in asked:
        file = at(address, path.parent, top)
        if file is not None:
            _follow(file, top, found)
    return Beginning(path, tuple(found), page)


def _follow(script: Path, top: Path, found: dict[Path, None]) -> None:
    """A script, then what it imports; each once."""
    waiting = [script]
    while waiting:
        path = waiting.pop(0)
        if path in found:
            continue
        found[path] = None
        if not is_library(path) and read(path).is_module:
            names = (name for name in imported(path) if name.startswith((".", "/")))
            waiting += [file for name in names if (file := at(name, path.parent, top)) is not None]


def at(address: str, folder: Path, top: Path) -> Path | None:
    """The file that an address means, seen from `folder`; one that begins with / is looked for from `folder` up to `top`."""
    place = local(address)
    if not place or "\0" in place:
        return None
    if not place.startswith("/"):
        ways = [folder]
    else:
        ways = [one for one in (folder, *folder.parents) if one == top or one.is_relative_to(top)]
    for way in ways:
        file = Path(os.path.normpath(way / place.lstrip("/")))
        try:
            if (file == top or file.is_relative_to(top)) and file.is_file():
                return file
        except OSError:  # a name too long
            return None
    return None


def _of_script(path: Path, beside: list[Path]) -> Beginning:
    """A script with those beside it that it needs: libraries, then helpers, each before who names it; itself last."""
    main = read(path)
    if main.is_module or path.suffix == ".mjs":
        found: dict[Path, None] = {}
        _follow(path, path.parent, found)
        return Beginning(path, tuple(found), modules=True)
    usable = [file for file in beside if not is_p5(file.name) and file.suffix != ".mjs" and ".config." not in file.name]
    needed: list[Path] = []
    had: set[str] = set()  # two files that declare the same name would not run beside each other
    waiting = [main.needs]
    while waiting:
        words = waiting.pop()
        for file in usable:
            if file in needed or any(one.name == file.name for one in needed):
                continue
            if is_library(file):
                wanted = _names_library(words, file)
            else:
                other = read(file)
                wanted = not other.is_module and not other.defines.isdisjoint(words - had)
                if wanted:
                    had |= other.defines
                    waiting.append(other.needs)
            if wanted:
                needed.append(file)
    ordered = sorted(needed, key=lambda f: (not is_library(f), natural_key(f.name)))
    return Beginning(path, (*ordered, path))


def _names_library(words: frozenset[str], file: Path) -> bool:
    """Whether a script uses a library whose names cannot be seen: its own name mostly is one, matter.min.js gives Matter."""
    name = file.name.lower()
    if name.startswith("p5.sound"):
        return not words.isdisjoint(_SOUNDS)
    if name.startswith("p5."):
        return True
    return re.split(r"[.\-_\d]", name)[0] in {word.lower() for word in words}
