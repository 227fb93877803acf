"""Sketches drawn for a test: the source with small settings, and its pictures by sketch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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
