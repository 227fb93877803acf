"""Sketches drawn for a test: the source with small settings, and its pictures by sketch."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tilework.data.contract import Note
from tilework.spec import SOURCES


def sketches(path: Path | list[Path], **more):
    named = [str(p) for p in path] if isinstance(path, list) else str(path)
    return SOURCES.parse({"kind": "sketches", "path": named, "size": "40x30", "frames": 5, "seconds": 20, **more})


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
