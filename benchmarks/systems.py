"""What is measured: the network, images and batch of each reference system, in full size or shrunk for a test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tilework.spec import RunSpec


@dataclass(frozen=True)
class System:
    """One training job. `width` x `height` pixels, `codes` per level, `images` synthetic frames (0: the embedded digits)."""

    recipe: str
    width: int
    height: int
    channels: int
    batch: int
    codes: int
    images: int
    lpips: float = 0.0
    """Weight of the perceptual loss; 0 leaves it out."""

    def spec(self, folder: Path, *, lpips_weights: str | None = None, extra: tuple[str, ...] = ()) -> RunSpec:
        """The recipe with this system's images, never validating, saving or stopping between its first and last step."""
        from tilework.spec import load_spec

        overrides = [
            f"engine.batch_size={self.batch}",
            f"bottleneck.codes={self.codes}",
            "engine.validate_every_epochs=1000000",
            "engine.save_every_minutes=100000",
            "engine.epochs=1000000",
        ]
        if self.images:
            overrides += [
                "data.kind=array",
                f"data.path={self.frames_file(folder)}",
                f"data.size={self.width}x{self.height}",
                f"data.channels={self.channels}",
                "engine.start_batches=1",
            ]
        if self.recipe.startswith("gamefactory"):
            overrides += (
                [f"objective.lpips.weight={self.lpips}", f"objective.lpips.weights={lpips_weights}"]
                if self.lpips
                else ["objective.lpips=null"]
            )
        return load_spec(self.recipe, [*overrides, *extra])

    def frames_file(self, folder: Path) -> Path:
        """Where `write_frames` puts the images, uint8 (N, H, W, C)."""
        name = "digits" if not self.images else f"frames-{self.images}-{self.width}x{self.height}"
        return folder / f"{name}.npy"

    def write_frames(self, folder: Path) -> Path:
        """Write the images that both sides train on; the same bytes every time."""
        path = self.frames_file(folder)
        if not path.is_file():
            np.save(path, self._frames() if self.images else _digits())
        return path

    def _frames(self) -> NDArray[np.uint8]:
        """Smooth coloured noise with a rectangle in each image: neither flat nor white noise."""
        rng = np.random.default_rng(0)
        coarse = rng.uniform(0, 255, (self.images, 5, 5, self.channels))
        frames = _stretched(coarse, self.height, self.width)
        for frame in frames:
            top, left = rng.integers(self.height // 2), rng.integers(self.width // 2)
            frame[top : top + self.height // 3, left : left + self.width // 3] = rng.uniform(0, 255, self.channels)
        return (frames + rng.normal(0, 4, frames.shape)).clip(0, 255).astype(np.uint8)


def _digits() -> NDArray[np.uint8]:
    """The training images of the recipe itself, so that both sides see the same digits."""
    from tilework.data import prepare, split_by
    from tilework.engine.autoencoder.model import source_of
    from tilework.spec import load_spec

    source = source_of(load_spec("rqvae-digits"))
    store = prepare(source)
    return store.gather(split_by(store, source.split).train)


def _stretched(coarse: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Bilinear interpolation of (N, h, w, C) to (N, height, width, C)."""
    for axis, size in ((1, height), (2, width)):
        at = np.linspace(0, coarse.shape[axis] - 1, size)
        low = np.minimum(at.astype(int), coarse.shape[axis] - 2)
        share = (at - low).reshape([-1 if a == axis else 1 for a in range(4)])
        coarse = coarse.take(low, axis) * (1 - share) + coarse.take(low + 1, axis) * share
    return coarse


SYSTEMS = {
    "system1": System("rqvae-digits", 28, 28, 1, batch=128, codes=16, images=0),
    "system3": System("naruto", 128, 128, 3, batch=16, codes=4096, images=512),
    "system5": System("gamefactory-v2.1.6", 128, 72, 3, batch=32, codes=1024, images=512),
    "system5-lpips": System("gamefactory-v2.1.6", 128, 72, 3, batch=32, codes=1024, images=512, lpips=0.15),
}


def system(name: str, *, tiny: bool = False) -> System:
    """A reference system; `tiny` keeps its layers but takes few, small images, for a test of the benchmark itself."""
    full = SYSTEMS[name]
    if not tiny:
        return full
    if not full.images:
        return replace(full, batch=32)
    return replace(full, width=32, height=24, batch=4, codes=32, images=24)
