"""Sketches drawn for a test: the source with small settings, and its images by sketch."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from commands import PATIENCE

from tilework.data.contract import Note
from tilework.data.sketch import ahead, chromium
from tilework.spec import SOURCES


def sketches(path: Path | list[Path], **more):
    named = [str(p) for p in path] if isinstance(path, list) else str(path)
    return SOURCES.parse({"kind": "sketches", "path": named, "size": "40x30", "frames": 5, "seconds": PATIENCE, **more})


class Kept(chromium.Chromium):
    """A browser that is kept where another would be closed, without its page: it takes seconds to start."""

    def __init__(self, free: list[Kept]) -> None:
        super().__init__()
        self._free = free

    def __exit__(self, *_: object) -> None:
        tab, self.tab = self.tab, None
        try:
            if tab is not None:
                self.run(tab.close(), PATIENCE)
        except Exception:
            self.end()
        if self._broken is not None and self._broken.done():
            self.end()
        self._free.append(self)


@contextmanager
def kept_browsers() -> Iterator[None]:
    """Sketches that are drawn meanwhile share their browsers, never a page."""
    free: list[Kept] = []

    def one() -> Kept:
        found = free.pop() if free else Kept(free)
        found.most_bytes = chromium.MOST_BYTES
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ahead, "Chromium", one)
        # A browser is given up when it is slow; on a machine with much else to do that means nothing.
        for limit in ("_STARTS_WITHIN", "_LEAVES_WITHIN"):
            patch.setattr(chromium, limit, PATIENCE)
        yield
    for each in free:
        chromium.Chromium.__exit__(each)


def drawn(source) -> dict[str, list[np.ndarray]]:
    out: dict[str, list[np.ndarray]] = {}
    for item in source.items():
        assert item.frame == len(out.setdefault(item.group, []))
        out[item.group].append(item.pixels)
    return out


@dataclass(frozen=True)
class Drawn:
    """What many sketches gave, by sketch."""

    frames: dict[str, list[np.ndarray]]
    unreadable: dict[str, str]
    notes: dict[str, list[Note]]


def drawn_once(once: Callable[..., Path], name: str, fill: Callable[[Path], object], **more) -> Drawn:
    """The sketches that `fill` puts into a folder, drawn once for the whole test run: a browser takes long to start."""

    def draw(folder: Path) -> None:
        fill(folder / "in")
        source = sketches(folder / "in", **more)
        frames, notes = drawn(source), {}
        for note in source.notes():
            notes.setdefault(note.file, []).append(note)
        (folder / "drawn").write_bytes(pickle.dumps(Drawn(frames, dict(source.unreadable()), notes)))

    return pickle.loads((once(name, draw) / "drawn").read_bytes())
