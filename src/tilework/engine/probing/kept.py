"""What probes found, as a run folder keeps it: numbers for its store, evidence as images."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from PIL import Image

from tilework.engine.probing.running import Probed
from tilework.runs.atomic import atomic_write_bytes
from tilework.runs.folder import RunFolder

FOLDER = "findings"
IMAGE = "image"
"""In the numbers of a probe: the file with its evidence, relative to the run folder."""


def keep(probed: Probed, folder: RunFolder) -> dict[str, dict[str, Any]]:
    """Write the evidence into `findings/`, and return the numbers by probe, plain data for the store, each with its file's
    name.

    Raises UserError where the folder cannot be written.
    """
    found = {name: dict(values) for name, values in probed.values.items()}
    for name, pixels in probed.images.items():
        place = folder.path / FOLDER
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
        with contextlib.suppress(OSError):  # Writing reports what is wrong.
            place.mkdir(exist_ok=True)
        atomic_write_bytes(place / f"{name}.png", buffer.getvalue(), sync=False)
        found[name][IMAGE] = f"{FOLDER}/{name}.png"
    return found
