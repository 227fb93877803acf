"""The model that a process answers for: opened once, with what pages have sent, and the number of threads that suits it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tilework.dream.choosing import PRIOR
from tilework.engine.checkpoint import open_folder
from tilework.engine.device import choose_device
from tilework.errors import TileworkError
from tilework.explore.opened import Opened, Pixels, open_model
from tilework.explore.own_image import OwnImage, read
from tilework.runs.checkpoints import named
from tilework.runs.folder import RunFolder
from tilework.spec.plugins import AUTOENCODER
from tilework.studio.models.uploads import uploaded

if TYPE_CHECKING:
    from tilework.dream.made import Dreamed
    from tilework.dream.opened import Dreamer

_KEPT_IMAGES = 8
_MOST_THREADS = 4
_GAIN = 1.5
"""More threads are used only where they are so much quicker: they are taken from whatever trains beside."""


@dataclass(frozen=True)
class Loaded:
    """An opened model of a run, and the images that pages have sent."""

    opened: Opened
    """Of the run of a prior: the autoencoder whose tokens it draws."""
    run: RunFolder
    checkpoint: str
    """Name of the folder of the checkpoint that is open."""
    own: Callable[[str], OwnImage] = field(repr=False)
    """An image that was sent, by its name. Raises UserError for one that is not there or cannot be read."""
    dreamer: Dreamer | None = None
    """Of the run of a prior: what dreams."""
    dreams: dict[str, Dreamed] = field(default_factory=dict, repr=False)
    """The newest dreams, by what was asked for: a file is made of one that is on a page already."""

    def image(self, name: str) -> Pixels:
        """The pixels of an image that was sent, as points name it."""
        return self.own(name).pixels

    @property
    def device(self) -> str:
        """Where it computes."""
        return str(self.opened.model.device)


def opening(run: str, which: str, device: str, images: Path, between: Callable[[], None]) -> Loaded:
    """Open the checkpoint of a run folder; `between` is called between pieces of long work. Raises as `open_model`."""
    choose_device(device, "?device={}")
    folder = RunFolder(Path(run))
    dreamer = None
    if _is_prior(folder, which):
        from tilework.dream.opening import open_dreamer

        home = folder.path.parent
        back = f"put it back into {home}"  # the page has no place for another folder
        dreamer = open_dreamer(folder, which=which, device=device, runs=home, moved=back, between=between)
        opened = dreamer.parent
    else:
        opened = open_model(folder, which=which, device=device, between=between)

    @lru_cache(_KEPT_IMAGES)
    def own(name: str) -> OwnImage:
        return read(uploaded(images, name).read_bytes(), opened)

    suit_threads(opened)
    return Loaded(opened, folder, which, own, dreamer)


def _is_prior(run: RunFolder, which: str) -> bool:
    """Whether a checkpoint is of a prior; what cannot be read is for whoever opens it to report."""
    try:
        found: bool = open_folder(named(run.checkpoints, which)).spec.get("task", AUTOENCODER) == PRIOR
    except TileworkError:
        return False
    return found


def suit_threads(opened: Opened) -> int:
    """One thread, unless the decoder is much quicker with more; they compute one image, which is what a hand waits for."""
    most = min(_MOST_THREADS, torch.get_num_threads())
    if opened.model.device.type != "cpu" or most == 1:
        torch.set_num_threads(1)
        return 1
    z = torch.zeros((1, *opened.shape))

    def seconds(threads: int) -> float:
        torch.set_num_threads(threads)
        opened.decode(z)
        begin = time.perf_counter()
        opened.decode(z)
        return time.perf_counter() - begin

    one, more = (min(times) for times in zip(*((seconds(1), seconds(most)) for _ in range(3)), strict=True))
    chosen = most if one > _GAIN * more and one > 0.01 else 1
    torch.set_num_threads(chosen)
    return chosen
