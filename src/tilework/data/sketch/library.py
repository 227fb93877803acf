"""p5 and what is used with it: which file stands for an address, and which p5 came with tilework."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tilework.errors import UserError

SHIPPED = Path(__file__).with_name("p5")
"""Filled by the build of the package (hatch_build.py); not in the repository."""
HOW_TO_GET_IT = (
    "`uv sync --reinstall-package tilework` brings it to a checkout, `pip install --force-reinstall tilework` elsewhere"
)
PLACES = ("", "libraries", "lib", "libs", "js")
"""Folders of a sketch, or of the folder above it, where p5 is looked for."""
GENERATIONS = (1, 2)

_P5_FILE = re.compile(r"p5(?:[-._@]?v?\d+(?:\.\d+)*)?(?:[.-]min)?\.js", re.IGNORECASE)
_P5_PACKAGE = re.compile(r"/p5(?:@[^/]*)?/?$", re.IGNORECASE)
_PACKAGE_HOSTS = ("cdn.jsdelivr.net", "unpkg.com", "esm.sh", "cdn.skypack.dev", "esm.run")
_VERSION = re.compile(r"p5(?:\.?js)?(?:@|/v?|[-_.]v?|v)(\d+)(?=[./_-])", re.IGNORECASE)
_END = re.compile(r"(?:[.-]min)?\.(m?js|css)$", re.IGNORECASE)
# Not a bare number: day-1.js and day-2.js are two files.
_NUMBER = re.compile(r"[-._@]?v?\d+(?:\.\d+)+(?:-[\w.]+)?$|@.*$", re.IGNORECASE)


def is_p5(address: str) -> bool:
    """Whether an address, or a file's name, is p5 itself and not something for it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if _P5_FILE.fullmatch(unquote(parts.path).rpartition("/")[2]):
        return True
    return parts.netloc in _PACKAGE_HOSTS and _P5_PACKAGE.search(parts.path) is not None


def generation(address: str) -> int | None:
    """The generation of p5 that an address names: 1 for p5@1.9.0 and what was before it, None where it names none."""
    found = _VERSION.search(address)
    return None if found is None else max(1, int(found[1]))


def shipped(generation: int) -> Path | None:
    """The p5 of that generation that came with tilework, where it did."""
    path = SHIPPED / f"p5-v{generation}" / "p5.min.js"
    return path if path.is_file() else None


def shipped_in_order(first: int) -> tuple[Path, ...]:
    """Both generations, the likelier before the other."""
    order = sorted(GENERATIONS, key=lambda one: one != min(first, max(GENERATIONS)))
    return tuple(path for one in order if (path := shipped(one)) is not None)


def given_p5(p5: str | int | None) -> Path | None:
    """What the setting `p5` names: a file, or a generation of the p5 that came with tilework. Raises UserError for neither."""
    if p5 is None:
        return None
    p5 = str(p5)
    path = Path(p5).expanduser().absolute()
    if path.is_file():
        return path
    number = re.fullmatch(r"v?(\d+)(?:\.\d+)*", p5.strip())
    if number is None:
        raise UserError(
            f"there is no file {path}",
            why="data.p5 must name p5.js or p5.min.js, or be 1 or 2 for the one that comes with tilework",
            fix="get the file from p5js.org/download, or with `npm pack p5`, and write data.p5=FILE; or write data.p5=1",
        )
    if p5.strip() not in {"1", "2"}:
        raise UserError(
            f"p5 {p5} does not come with tilework",
            why="those that do are called 1 and 2, each the last of its generation",
            fix=f"get the file with `npm pack p5@{p5}`, and write data.p5=FILE",
        )
    found = shipped(int(p5))
    if found is None:
        raise UserError(
            f"data.p5={p5}: this tilework was installed without p5",
            why=f"there is nothing in {SHIPPED}; it is put there when the package is built (not with TILEWORK_SKIP_WEB=1)",
            fix=f"{HOW_TO_GET_IT}; or write data.p5=FILE",
        )
    return found


def p5_in(folder: Path) -> Path | None:
    """p5 in a folder, or in one of its folders for libraries."""
    for place in PLACES:
        for name in ("p5.min.js", "p5.js"):
            if (folder / place / name).is_file():
                return folder / place / name
    return None


def key(address: str) -> str:
    """What a library's address or file name is compared by: no folder, no version, no `.min`; "" where it names no script."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    segments = [segment for segment in unquote(parts.path).split("/") if segment]
    if not segments:
        return ""
    end = _END.search(segments[-1])
    if end is None:
        # https://cdn.jsdelivr.net/npm/p5.capture@1.4.1 is a package's main script.
        if parts.netloc not in _PACKAGE_HOSTS:
            return ""
        return _NUMBER.sub("", segments[-1].lower()) + ".js"
    name = segments[-1][: end.start()].lower()
    return f"{_NUMBER.sub('', name) or name}.{'css' if end[1].lower() == 'css' else 'js'}"


def shelf(files: Iterable[Path]) -> Mapping[str, Path]:
    """Libraries by key, the first of each, `.min` before others of the same name in the same folder."""
    found: dict[str, Path] = {}
    for file in sorted(files, key=lambda f: ".min." not in f.name.lower()):
        if file.suffix.lower() in {".js", ".mjs", ".css"}:
            found.setdefault(key(file.name), file)
    return found


@lru_cache(maxsize=16)
def _content(path: Path, size: int, modified: int) -> str:
    return sha256(path.read_bytes()).hexdigest()[:16]


def mark(path: Path) -> str:
    """What changes when a library does; of one that came with tilework its content, since installing anew changes its time."""
    about = path.stat()
    if path.is_relative_to(SHIPPED):
        return f"{path.parent.name} {_content(path, about.st_size, about.st_mtime_ns)}"
    return f"{str(path)!r} {about.st_size} {about.st_mtime_ns}"
