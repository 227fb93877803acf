"""Arrays that a run keeps of a step: plain NumPy archives, no pickle."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.runs.atomic import atomic_write_bytes


def write(folder: Path, kind: str, step: int, arrays: dict[str, NDArray[Any]]) -> str:
    """Write `<kind>-<step>.npz` into the snapshots folder; returns the file's name."""
    folder.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    name = f"{kind}-{step:08d}.npz"
    atomic_write_bytes(folder / name, buffer.getvalue())
    return name
