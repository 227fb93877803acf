"""Where sketches begin below a folder: pages that draw, and scripts that draw and that no page loads."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tilework.data.files.natural import natural_key
from tilework.data.media.extensions import unlisted
from tilework.data.sketch.library import is_p5
from tilework.data.sketch.parts import (
    LARGEST_SCRIPT,
    MUST_BE_BUILT,
    PAGES,
    Beginning,
    is_library,
    is_script,
    of_page,
    of_script,
)
from tilework.data.sketch.script import read
from tilework.errors import UserError

LEFT_OUT = frozenset({"node_modules", "bower_components", "__MACOSX"})
_MADE = frozenset({"dist", "build", "out", "_site", "docs", "public"})
"""Folders that often hold what was made from another one."""
_LIBRARIES = frozenset(
    {
        "libraries",
        "library",
        "lib",
        "libs",
        "vendor",
        "vendors",
        "addons",
        "third_party",
        "thirdparty",
    }
)


@dataclass
class _Folder:
    pages: list[Beginning] = field(default_factory=list)
    scripts: list[Path] = field(default_factory=list)


def below(top: Path, denied: list[tuple[Path, str]] | None = None) -> Iterator[Beginning]:
    """Every sketch in or below a folder, in natural order.

    `denied` is given each folder below it that cannot be listed, with the reason. Raises UserError where `top` cannot be.
    """
    folders: dict[Path, _Folder] = {}
    for here, files in _walk(top, [] if denied is None else denied):
        pages = [of_page(file, top) for file in files if file.suffix.lower() in PAGES]
        folders[here] = _Folder(
            [one for one in pages if _is_sketch(one)],
            [f for f in files if is_script(f)],
        )
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
        for one in [*inside.pages, *(of_script(path, helpers) for path in own)]:
            copy = _content(one)
            if here.name in _MADE and copy in seen:
                continue
            seen.add(copy)
            yield one


def _walk(top: Path, denied: list[tuple[Path, str]]) -> Iterator[tuple[Path, list[Path]]]:
    def note(error: OSError) -> None:
        reason = error.strerror or str(error)
        if Path(error.filename) == top:
            raise UserError(f"{top} cannot be listed", why=reason, fix="give yourself permission to read it")
        denied.append((Path(error.filename), unlisted(reason)))

    def order(name: str) -> tuple[bool, tuple[str, str]]:
        return name in _MADE, natural_key(name)  # what was made comes after what it was made from

    for here, folders, files in os.walk(top, onerror=note):
        folders[:] = sorted(
            (f for f in folders if not f.startswith(".") and f not in LEFT_OUT),
            key=order,
        )
        names = sorted(
            (f for f in files if not f.startswith(".")),
            key=lambda f: (f != "index.html", natural_key(f)),
        )
        yield Path(here), [Path(here, name) for name in names]


def _is_sketch(page: Beginning) -> bool:
    """Whether a page draws: it has p5, or a canvas and a script for it; a gallery or a text has neither."""
    assert page.page is not None
    if any(script.draws for script in page.texts):
        return True
    to_build = any(address.lower().endswith(MUST_BE_BUILT) for address in page.page.sources)
    if to_build or page.misses:
        return page.page.has_canvas or any(map(is_p5, page.page.sources))
    # All that it has is a bundle.
    own = [path for path in page.scripts if not is_p5(path.name)]
    return bool(own) and all(map(is_library, own)) and any(read(path).draws for path in own)


def _mains(scripts: Iterable[Path], claimed: set[Path], below_top: bool) -> list[Path]:
    found = []
    for path in scripts:
        if is_library(path) or path.resolve() in claimed or path.stat().st_size > LARGEST_SCRIPT:
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
        (folder for folder in here.parents if folder in folders and (folders[folder].pages or mains[folder])),
        None,
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
        beside = [
            parent.joinpath(*rest),
            parent.joinpath("src", *rest),
            parent.joinpath("public", *rest),
        ]
        if any(one in ready for one in beside) or (folders[here].pages == [] and parent in ready):
            return True
    return False


def _content(one: Beginning) -> tuple[object, ...]:
    try:
        return (
            one.file.name,
            one.file.read_bytes(),
            *(read(path).code for path in one.scripts),
        )
    except OSError:
        return (one.file,)
