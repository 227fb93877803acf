"""One sketch as it lies in files: its page or its script, and what that loads."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tilework.data.files.natural import natural_key
from tilework.data.sketch.library import is_p5
from tilework.data.sketch.page import Page, local, read_page
from tilework.data.sketch.script import Script, imports, read

PAGES = frozenset({".html", ".htm"})
SCRIPTS = frozenset({".js", ".mjs"})
MUST_BE_BUILT = (".ts", ".tsx", ".jsx", ".vue", ".svelte")
LARGEST_SCRIPT = 2**20
_ADDON = re.compile(r"p5\..+\.js|.+\.config\.(?:js|mjs)|.*[.-]min\.js", re.IGNORECASE)
_SOUNDS = frozenset(
    {
        "loadSound",
        "Oscillator",
        "FFT",
        "AudioIn",
        "Amplitude",
        "SoundFile",
        "Envelope",
        "Env",
        "Noise",
        "PolySynth",
    }
)


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
        """Its own text: libraries left out."""
        inline = self.page.inline if self.page else []
        return [*inline, *(read(path) for path in self.scripts if not is_library(path))]

    @property
    def addresses(self) -> list[str]:
        """Addresses of scripts that a page names, and what its inline modules import."""
        if self.page is None:
            return []
        return [
            *self.page.sources,
            *(name for text in self.page.inline_texts for name in imports(text)),
        ]

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
        texts = [
            *self.addresses,
            *(text for one in self.texts for text in one.texts if len(text) < 300),
        ]
        return (
            any(map(is_p5, texts))
            or any(is_p5(path.name) for path in self.scripts)
            or any(s.is_main for s in self.texts)
        )

    @property
    def must_be_built(self) -> bool:
        """Whether a browser cannot read it as it lies here: TypeScript, or imports that a bundler resolves."""
        if self.page is None:
            return False
        if any(address.lower().partition("?")[0].endswith(MUST_BE_BUILT) for address in self.page.sources):
            return True
        asked = [name for text in self.page.inline_texts for name in imports(text)]
        asked += [name for path in self.scripts if read(path).is_module for name in imported(path)]
        return not self.page.has_import_map and any(
            not name.startswith((".", "/", "http:", "https:")) for name in asked
        )


def is_library(path: Path) -> bool:
    """Whether a file's name is that of a library, or of something for tools, and not of a sketch."""
    return is_p5(path.name) or _ADDON.fullmatch(path.name) is not None


def imported(path: Path) -> list[str]:
    """What a module in a file imports, as written."""
    try:
        return imports(path.read_bytes()[: 4 * LARGEST_SCRIPT].decode("utf-8", "replace"))
    except OSError:
        return []


def of_file(path: Path, top: Path) -> Beginning:
    """The sketch that begins with this page or script."""
    if path.suffix.lower() in PAGES:
        return of_page(path, top)
    beside = [f for f in sorted(path.parent.iterdir(), key=lambda f: natural_key(f.name)) if is_script(f)]
    return of_script(path, [f for f in beside if f != path])


def is_script(path: Path) -> bool:
    """Whether it is a file whose name is that of a script."""
    return path.suffix.lower() in SCRIPTS and path.is_file()


def of_page(path: Path, top: Path) -> Beginning:
    """A page with the scripts that it loads, as far as they lie in `top`."""
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


def of_script(path: Path, others: list[Path]) -> Beginning:
    """A script with those of the others that it needs: libraries, then helpers, each before who names it; itself last."""
    main = read(path)
    if main.is_module or path.suffix == ".mjs":
        found: dict[Path, None] = {}
        _follow(path, path.parent, found)
        return Beginning(path, tuple(found), modules=True)
    usable = [file for file in others if not is_p5(file.name) and file.suffix != ".mjs" and ".config." not in file.name]
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
    return Beginning(path, (*_in_order(needed), path))


def _in_order(scripts: list[Path]) -> list[Path]:
    """Libraries, then the others in natural order, but each behind those whose names it needs when it is loaded."""
    done: list[Path] = []
    begun: set[Path] = set()

    def add(script: Path) -> None:
        if script in begun:  # also where two need each other
            return
        begun.add(script)
        if not is_library(script):
            at_once = read(script).needs_at_once
            for other in own:
                if not read(other).defines.isdisjoint(at_once):
                    add(other)
        done.append(script)

    own = sorted((s for s in scripts if not is_library(s)), key=lambda s: natural_key(s.name))
    for script in [*sorted((s for s in scripts if is_library(s)), key=lambda s: natural_key(s.name)), *own]:
        add(script)
    return done


def _names_library(words: frozenset[str], file: Path) -> bool:
    """Whether a script uses a library whose names cannot be seen: its own name mostly is one, matter.min.js gives Matter."""
    name = file.name.lower()
    if name.startswith("p5.sound"):
        return not words.isdisjoint(_SOUNDS)
    if name.startswith("p5."):
        return True
    return re.split(r"[.\-_\d]", name)[0] in {word.lower() for word in words}
