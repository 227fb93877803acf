"""What a dream starts from: frames of a file, of the training images, or of another dream."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tilework.data.animation.frames import SUFFIXES, animation_frames
from tilework.data.media.colour import rgb
from tilework.data.media.fit import fit_image
from tilework.data.media.images import Unreadable
from tilework.data.video.container import SUFFIXES as CLIPS
from tilework.data.video.decode import chosen_frames
from tilework.data.video.index import read_index
from tilework.data.video.shape import Shaper
from tilework.dream.how import Fact, Note
from tilework.engine.autoencoder.model import source_of
from tilework.errors import UserError
from tilework.explore.opened import Opened, Pixels
from tilework.explore.own_image import read
from tilework.explore.points import Origin, parse

LONGEST = 4096
"""Frames of a file that are read."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Consecutive frames (n, H, W, C) uint8 of the model's size, and what of the file is not in them."""

    name: str
    pixels: Pixels
    notes: tuple[Note, ...] = ()
    of_run: bool = False
    """Whether it is an image of the run with those that follow it."""
    codes: NDArray[np.int64] | None = None
    """(n, Q, h, w): their tokens, where they are known."""


def frames_of(opened: Opened, what: str | Path | Pixels | Frames) -> Frames:
    """The frames that a word stands for: of a file (an image, a GIF, a clip) all of them; of `validation:N` or `train:N` that
    image and those that follow it in its clip; an array (H, W, C) or (n, H, W, C) uint8 as it is.

    Raises UserError for what is not there, cannot be read, or is an array of another size.
    """
    if isinstance(what, Frames):
        return what
    if isinstance(what, np.ndarray):
        return Frames("the given frames", _of_array(opened, what))
    text = str(what)
    if text.isascii() and text.isdecimal():
        text = f"validation:{text}"
    path = Path(text).expanduser()
    if text.startswith(("validation:", "train:")) and not path.exists():
        return _of_run(opened, parse(text).origin)
    if not path.is_file():
        raise UserError(
            f"there is no file {text}",
            why="an image, a GIF or a clip is meant, or an image of the run",
            fix="check the spelling, or write for example validation:3 for an image of the run",
        )
    moving = path.suffix.lower() in SUFFIXES or path.suffix.lower() in CLIPS
    found = _moving(opened, path) if moving else []
    if len(found) < 2:  # an image, perhaps in a format that may move
        own = read(path, opened)
        found, size = [own.pixels], own.size
    else:
        size = _size_of(path)
    wanted = source_of(opened.model.spec).size
    fitted = (Note(Fact.FITTED, (path.name, size, tuple(wanted))),) if size != tuple(wanted) else ()
    return Frames(path.name, np.stack(found), fitted)


def _of_array(opened: Opened, given: Pixels) -> Pixels:
    frames = given[None] if given.ndim == 3 else given
    opened.model.as_input(frames)  # refuses another size
    return frames


def _of_run(opened: Opened, origin: Origin) -> Frames:
    images = opened.need_images(str(origin))
    (position,) = images.positions(origin.kind, [origin.number])  # type: ignore[arg-type]
    store = images.store
    same = np.flatnonzero(store.groups == store.groups[position])
    rest = same[same >= position][:LONGEST]
    return Frames(str(origin), store.gather(rest), of_run=True)


def _moving(opened: Opened, path: Path) -> list[Pixels]:
    """The frames of an animation or a clip; [] where the file is none."""
    source = source_of(opened.model.spec)
    background = rgb(getattr(source, "background", None) or "white")
    fit = "crop" if source.fit == "refuse" else source.fit
    fitted = partial(
        fit_image, size=source.size, channels=source.channels, fit=fit, padding=source.padding(), name=path.name
    )
    found: list[Pixels] = []
    try:
        if path.suffix.lower() in SUFFIXES:
            for pixels, _ in animation_frames(path, background):
                found.append(fitted(pixels))
                if len(found) == LONGEST:
                    break
            return found
        index = read_index(path)
        wanted = np.arange(min(index.count, LONGEST))
        shaper = partial(Shaper, source.size, fit, background)
        found = [fitted(pixels) for _, pixels in chosen_frames(path, index, wanted, shaper)]
    except Unreadable as reason:
        if path.suffix.lower() in SUFFIXES and not found:
            return []  # reported as an image
        raise UserError(
            f"{path} cannot be read as frames",
            why=str(reason),
            fix="give an image, a GIF, or a clip such as MP4 or WebM",
        ) from None
    return found


def _size_of(path: Path) -> tuple[int, int]:
    from PIL import Image

    if path.suffix.lower() in SUFFIXES:
        with Image.open(path) as image:
            return image.size
    from tilework.data.video.container import opened as container_of

    with container_of(path) as (_, stream):
        return stream.codec_context.width, stream.codec_context.height
