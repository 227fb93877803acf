"""A trained model with the images that it was trained on, where they are there: what everything else here works on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.bottlenecks.tokens import refuse_nonfinite
from tilework.data import FrameStore, Split
from tilework.engine.api import Model, load_checkpoint
from tilework.engine.autoencoder.images_of import images_of
from tilework.engine.autoencoder.model import grid_of, source_of
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.errors import UserError
from tilework.inference import DecodeZ, Encode
from tilework.protocol.errors import Problem
from tilework.runs.folder import RunFolder

Pixels = NDArray[np.uint8]
Side = Literal["train", "validation"]
Through = Literal["quantiser", "decoder"]
_PIXELS_AT_ONCE = 2**20
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Images:
    """The images of a run: the frame store and how it is split. Numbers count within a side, from 0."""

    store: FrameStore
    split: Split

    def side(self, side: Side) -> NDArray[np.int64]:
        """Positions in the store of all images of a side, in order."""
        return self.split.train if side == "train" else self.split.validation

    def positions(self, side: Side, numbers: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions in the store of images by their numbers. Raises UserError for a number that the side does not have."""
        chosen = np.asarray(numbers, dtype=np.int64).reshape(-1)
        count = len(self.side(side))
        outside = chosen[(chosen < 0) | (chosen >= count)]
        if len(outside):
            raise UserError(
                f"there is no image {side}:{outside[0]}",
                why=f"this run has {count:,} {side} images, numbered from 0 to {count - 1:,}",
                fix=f"write a number up to {count - 1}",
            )
        return self.side(side)[chosen]

    def pixels(self, side: Side, numbers: Sequence[int] | NDArray[np.int64]) -> Pixels:
        """Images by their numbers, (n, H, W, C) uint8. Raises UserError for a number that the side does not have."""
        return self.store.gather(self.positions(side, numbers))

    def label(self, side: Side, number: int) -> str | None:
        """The label of an image, None where it has none. Raises UserError as `pixels` does."""
        label = int(self.store.labels[self.positions(side, [number])[0]])
        return self.store.classes[label] if label >= 0 else None

    def file(self, side: Side, number: int) -> str:
        """The name of the file that an image came from; empty for one that was drawn. Raises UserError as `pixels` does."""
        return self.store.file_of(int(self.positions(side, [number])[0]))


@dataclass(frozen=True)
class Opened:
    """A model that was opened for exploring. `images` is None where its data set is not there; `missing` then gives the
    reason."""

    model: Model
    name: str
    """The run's id, or the name of the checkpoint's folder."""
    step: int
    folder: Path
    """The checkpoint's folder."""
    images: Images | None
    missing: Problem | None
    between: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """Called between two pieces of work that may take seconds: whoever has opened it can let something else go first."""
    _found: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """(D, h, w): D numbers on h x w positions of a latent; its dimensions are numbered through in that order.

        Of a Gaussian latent it is the mean; of codes, what comes before the quantiser.
        """
        bottleneck, grid = self.model.network.bottleneck, grid_of(self.model.spec)
        channels = bottleneck.in_channels if bottleneck.levels else bottleneck.dim
        return channels, grid.height, grid.width

    @property
    def dimensions(self) -> int:
        """How many numbers a latent has: D x h x w."""
        return int(np.prod(self.shape))

    @property
    def has_prior(self) -> bool:
        """Whether training pulled the latent to N(0, I): only then is a drawn point a sample of what was learned."""
        return self.model.spec.bottleneck.kind == "gaussian"

    @cached_property
    def _parts(self) -> tuple[Encode, DecodeZ]:
        network = self.model.network
        return Encode(network.encoder, network.bottleneck), DecodeZ(network.decoder)

    @torch.no_grad()
    def encode(self, pixels: Pixels) -> tuple[Tensor, Tensor | None]:
        """(n, H, W, C) uint8 -> latents (n, D, h, w) and, of a Gaussian, their standard deviations; float32 on the CPU.

        Raises UserError for images of another size, and for weights that are not finite.
        """
        encode, _ = self._parts
        bottleneck = self.model.network.bottleneck
        parts, spreads = [], []
        for part in self._pieces(len(pixels)):
            h = encode.features(self.model.as_input(pixels[part]))
            refuse_nonfinite(h)
            posterior = bottleneck.posterior(h)
            mean = posterior[0] if posterior else h if bottleneck.levels else encode.quantise(h)[1]
            parts.append(mean.cpu().contiguous())
            spreads += [posterior[1].cpu().contiguous()] if posterior else []
        empty = torch.empty((0, *self.shape))
        return torch.cat([empty, *parts]), torch.cat(spreads) if spreads else None

    @torch.no_grad()
    def codes(self, latents: Tensor) -> Tensor | None:
        """(n, D, h, w) -> codes (n, Q, h, w) int64 on the CPU; None for a latent that has none."""
        if not self.model.levels:
            return None
        found, _ = self._parts[0].quantise(latents.to(self.model.device))
        assert found is not None
        return found.cpu()

    @torch.no_grad()
    def decode(self, latents: Tensor, through: Through = "quantiser") -> Pixels:
        """(n, D, h, w) -> images (n, H, W, C) uint8, values cut off at black and white.

        Of a model with codes the latent is quantised first, or goes `through` the `decoder` alone: bounded, scaled and
        projected as its codes are, but not replaced by them. Raises UserError where what comes before the quantiser has
        another shape than what comes after it.
        """
        return self.decode_with_codes(latents, through)[0]

    @torch.no_grad()
    def decode_with_codes(self, latents: Tensor, through: Through = "quantiser") -> tuple[Pixels, Tensor | None]:
        """As `decode`, with the codes (n, Q, h, w) int64 that the latents became on the way; None where they became none."""
        source = source_of(self.model.spec)
        made = [np.empty((0, source.size.height, source.size.width, source.channels), np.uint8)]
        found = []
        for part, codes in self._decoded(latents, through):
            made.append(to_uint8(part))
            found += [codes.cpu()] if codes is not None else []
        return np.concatenate(made), torch.cat(found) if found else None

    @torch.no_grad()
    def values(self, latents: Tensor, through: Through = "quantiser") -> Tensor:
        """As `decode`, in the decoder's own range: (n, C, H, W) float32 on the CPU."""
        return torch.cat([part.cpu() for part, _ in self._decoded(latents, through)])

    def _decoded(self, latents: Tensor, through: Through) -> Iterator[tuple[Tensor, Tensor | None]]:
        encode, decode = self._parts
        bottleneck = self.model.network.bottleneck
        if self.past_quantiser(through) and not self.may_pass:
            raise UserError(
                f"the latent of {self.name} cannot go past its quantiser",
                why=f"the encoder gives {bottleneck.in_channels} channels, the decoder takes {bottleneck.dim}",
                fix="write --through quantiser, or leave --through out",
            )
        for part in self._pieces(len(latents)):
            z = latents[part].to(self.model.device, torch.float32)
            codes: Tensor | None = None
            if bottleneck.levels and through == "quantiser":
                codes, z = encode.quantise(z)
            elif bottleneck.levels:
                z = bottleneck.unquantised(z)
            yield decode(z), codes

    def _pieces(self, count: int) -> Iterator[slice]:
        """Parts of a second or less of that many images."""
        size = source_of(self.model.spec).size
        at_once = max(1, min(256, _PIXELS_AT_ONCE // (size.height * size.width)))
        for start in range(0, count, at_once):
            if start:
                self.between()
            yield slice(start, start + at_once)

    @property
    def may_pass(self) -> bool:
        """Whether there is a quantiser that a latent may go past: the decoder takes what the encoder gives."""
        bottleneck = self.model.network.bottleneck
        return bool(bottleneck.levels) and bottleneck.in_channels == bottleneck.dim

    def past_quantiser(self, through: Through) -> bool:
        """Whether a latent that goes `through` this does not become codes, though this model has some."""
        return through == "decoder" and self.model.levels > 0

    def need_images(self, what: str) -> Images:
        """The images. Raises UserError where they are not there; `what` is what they are needed for."""
        if self.images is None:
            missing = self.missing or Problem(
                what="the images were not asked for", why="", fix="open it with data=True"
            )
            raise UserError(
                f"{what} needs the images of {self.name}: {missing['what']}", why=missing["why"], fix=missing["fix"]
            )
        return self.images

    def once(self, key: str, make: Callable[[], _Made]) -> _Made:
        """What `make` gives, made at the first call and kept as long as the model is open."""
        if key not in self._found:
            self._found[key] = make()
        return cast(_Made, self._found[key])


def open_model(
    run: RunFolder | Path | str,
    *,
    which: str = "best",
    device: str = "auto",
    runs: Path | None = None,
    data: bool = True,
    between: Callable[[], None] = lambda: None,
) -> Opened:
    """Open a run's checkpoint for exploring; also while the run trains.

    `run` is a run's name, its folder, a RunFolder or one checkpoint folder; `which` is `best`, `last`, a step or the name of a
    checkpoint's folder; `runs` is the folder of runs. Its images are taken from what was prepared for training; without them
    (or with `data=False`) the model can still be explored, and `missing` names what is not there. `between` is called
    between pieces of work that takes seconds.

    Raises UserError for a run or checkpoint that is not there, of another version or damaged, and for another task.
    """
    model, found = load_checkpoint(run, which=which, device=device, runs=runs)
    inside = found.folder.parent.name == "checkpoints"
    name = found.folder.parent.parent.resolve().name if inside else found.folder.resolve().name
    if not data:
        return Opened(model, name, found.step, found.folder, None, None, between)
    store, split, missing = images_of(model.spec, found.about.get("content_hash"))
    images = Images(store, split) if store is not None and split is not None else None
    return Opened(model, name, found.step, found.folder, images, missing, between)
