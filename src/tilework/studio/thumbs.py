"""The newest reconstructions (or samples) of a run as one small image, for its card."""

from __future__ import annotations

import io
import threading
import zipfile
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from tilework.runs.folder import RunFolder
from tilework.studio.paths import inside
from tilework.studio.responses import NotHere
from tilework.studio.store_feed import StoreFeed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLUMNS, _ROWS = 6, 2
_MOST_PIXELS = 128
"""Of one image, on its longer side; larger ones lose rows and columns."""
_MOST_BYTES = 256 * 2**20
_KEPT = 128


class Thumbs:
    """Thumbnails, of which the last ones asked for are kept. May be asked from any thread."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    def of(self, folder: RunFolder) -> bytes:
        """PNG bytes. Raises NotHere where the run has stored no images that can be read, UserError for a damaged store."""
        reader = StoreFeed(folder)
        try:
            found = reader.newest_images()
        finally:
            reader.close()
        if found is None:
            raise NotHere(f"run {folder.id} has stored no images yet", why="it does so at its first validation")
        path = inside(folder, found[1])
        key = (str(path), path.stat().st_mtime_ns, path.stat().st_size)
        with self._one_at_a_time:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        try:
            png = _drawn(_images(path))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise NotHere(f"{path.name} of run {folder.id} cannot be read", why=str(error)[:200]) from None
        with self._one_at_a_time:
            self._made[key] = png
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return png


def _images(path: Any) -> NDArray[Any]:
    """(n, H, W, C) uint8 of a stored file, of clips some frames of each; refuses all else, and what would fill the memory."""
    import numpy as np

    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
            raise ValueError("it is too large")
    with np.load(path, allow_pickle=False) as arrays:
        found = _of_samples(arrays["samples"]) if "samples" in arrays else arrays["reconstructions"]
        found = found[: _COLUMNS * _ROWS]
    if found.ndim != 4 or found.dtype != np.uint8 or found.shape[3] not in {1, 3} or 0 in found.shape:
        raise ValueError("it holds no images")
    step = max(1, -(-max(found.shape[1:3]) // _MOST_PIXELS))
    thinned: NDArray[Any] = found[:, ::step, ::step]
    return thinned


def _of_samples(samples: NDArray[Any]) -> NDArray[Any]:
    """(n, T, H, W, C) -> images, or for a row each some frames of the first clips."""
    if samples.ndim != 5 or 0 in samples.shape:
        raise ValueError("it holds no samples")
    if samples.shape[1] == 1:
        return samples[:, 0]
    every = max(1, samples.shape[1] // _COLUMNS)
    rows = samples[: _ROWS if samples.shape[1] >= _COLUMNS else 1, ::every][:, :_COLUMNS]
    return rows.reshape(-1, *samples.shape[2:])


def _drawn(images: NDArray[Any]) -> bytes:
    """The images side by side, pixel for pixel, as a PNG."""
    import numpy as np
    from PIL import Image

    rows = 1 if len(images) <= _COLUMNS else _ROWS
    columns = -(-len(images) // rows)
    _, height, width, channels = images.shape
    sheet = np.zeros((rows * height, columns * width, channels), np.uint8)
    for at, image in enumerate(images):
        y, x = at // columns * height, at % columns * width
        sheet[y : y + height, x : x + width] = image
    out = io.BytesIO()
    Image.fromarray(sheet[:, :, 0] if channels == 1 else sheet).save(out, "PNG")
    return out.getvalue()
