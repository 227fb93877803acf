"""Repainting: a region of an image or a clip is dreamed anew, all other tokens stay as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.data.media.images import Unreadable, decode
from tilework.dream.comparing import compared
from tilework.dream.drawing import Given, checked, drawn
from tilework.dream.filling import Between, chosen_way
from tilework.dream.finishing import filled_in, finished
from tilework.dream.given import frames_of
from tilework.dream.how import Fact, How, Note, What
from tilework.dream.made import Dreamed
from tilework.dream.moving import Start
from tilework.dream.opened import Dreamer
from tilework.dream.stills import kept, names_of, notes_of
from tilework.engine.autoencoder.model import source_of
from tilework.errors import UserError
from tilework.explore.token_grid import Region
from tilework.priors.contract import Sampling, Watch

_RECTANGLE = re.compile(r"(\d{1,6}),(\d{1,6}),(\d{1,6}),(\d{1,6})")
_PAINTED = 128


@dataclass(frozen=True)
class Rectangle:
    """A region in pixels of the model's images; `x`, `y` its upper left corner."""

    x: int
    y: int
    width: int
    height: int


def repaint(
    dreamer: Dreamer,
    item: Start,
    region: Rectangle | NDArray[np.bool_] | Region,
    count: int = 4,
    *,
    label: str | int | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
    fps: float = 30,
    watch: Watch | None = None,
    compare: bool = True,
) -> Dreamed:
    """Draw the cells that a region touches anew, in `count` ways; the rest stays token for token.

    `item` is what `frames_of` takes; a prior of clips repaints as many frames of it as its items have. `region` is a rectangle
    of pixels, a mask (H, W) that is true where it is to be dreamed, or cells. Raises UserError for a region that touches no cell,
    an item of fewer frames than the prior needs, a prior that sees only one side, and as `images` does.
    """
    sampling = checked(dreamer, sampling, count, dreamer.shape.frames, fps)
    number = -1 if label is None else dreamer.label(label)
    cells = touched(dreamer, region)
    source = frames_of(dreamer.parent, item)
    pixels = _frames_for(dreamer, source.pixels, source.name)
    codes = dreamer.encode(pixels)
    found, notes = _anew(dreamer, codes, cells, count, source.name, number, sampling, seed, watch)
    notes = source.notes + notes
    images = dreamer.decode(found)
    before = np.repeat(dreamer.decode(codes)[None], len(found), 0)
    made = Dreamed(
        dreamer.title, What.REPAINTED, images,
        How(seed, sampling, names_of(dreamer, [number] * len(found)), fps, notes), found, None, cells, before,
        closed=dreamer.shape.loop,
    )  # fmt: skip
    return compared(dreamer, made) if compare else made


def repaint_tokens(
    dreamer: Dreamer,
    tokens: NDArray[np.int64],
    cells: NDArray[np.bool_],
    count: int = 4,
    name: str = "the given tokens",
    *,
    label: str | int | None = None,
    frames: int | None = None,
    between: Between | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
    fps: float = 30,
    watch: Watch | None = None,
    compare: bool = True,
) -> Dreamed:
    """As `repaint`, of an item by its tokens (K, Q, h, w): the key frames of a clip of `frames` frames, filled in again after.

    `cells` (h, w) is true where it is drawn anew; `between` is as of `motion`. Raises UserError as `repaint` does.
    """
    keys, loop = len(tokens), dreamer.shape.loop
    span = (keys if loop else keys - 1) * dreamer.stride + (not loop) if dreamer.moves else 1
    span = span if frames is None else frames
    sampling = checked(dreamer, sampling, count, span, fps)
    number = -1 if label is None else dreamer.label(label)
    way = chosen_way(dreamer, between, keys, span, loop=loop)
    found, notes = _anew(dreamer, tokens, cells, count, name, number, sampling, seed, watch)
    labels = [number] * len(found)
    how = How(seed, sampling, names_of(dreamer, labels), fps, notes)
    filled, how = filled_in(dreamer, found, span, way, how, labels, loop=loop, watch=watch)
    made = finished(dreamer, What.REPAINTED, found, filled, how, loop=loop, compare=compare)
    shown = dreamer.decode(tokens)[None] if made.images.shape[1] == keys else None
    before = None if shown is None else np.repeat(shown, len(found), 0)
    return replace(made, repainted=cells, before=before)


def _anew(
    dreamer: Dreamer,
    tokens: NDArray[np.int64],
    cells: NDArray[np.bool_],
    count: int,
    name: str,
    label: int,
    sampling: Sampling,
    seed: int,
    watch: Watch | None,
) -> tuple[NDArray[np.int64], tuple[Note, ...]]:
    """Tokens (T, Q, h, w) in `count` ways with the cells drawn again, (n, T, Q, h, w), and what is to be known of it."""
    given = np.repeat(tokens[None], count, 0)
    known = np.broadcast_to(~cells, given.shape).copy()
    parts, stopped = kept(drawn(dreamer, Given(given, known), [label] * count, sampling, seed, watch))
    found = np.concatenate(parts)
    notes = (Note(Fact.CELLS, (int(cells.sum()), cells.size, name)), *notes_of(stopped, len(found), count))
    if not dreamer.prior.sees_both_sides:
        notes += (Note(Fact.ONE_SIDE, (dreamer.name,)),)
    return found, notes


def touched(dreamer: Dreamer, region: Rectangle | NDArray[np.bool_] | Region) -> NDArray[np.bool_]:
    """The cells (h, w) that a region touches. Raises UserError where it touches none."""
    grid, size = dreamer.grid, source_of(dreamer.parent.model.spec).size
    if isinstance(region, Region):
        grid.region(region)
        cells = np.zeros((grid.height, grid.width), bool)
        cells[region.slices] = True
        return cells
    if isinstance(region, Rectangle):
        mask = np.zeros((size.height, size.width), bool)
        mask[region.y : region.y + region.height, region.x : region.x + region.width] = True
    else:
        mask = region
        if mask.shape != (size.height, size.width):
            raise UserError(
                f"the mask has {mask.shape[1]}x{mask.shape[0]} pixels",
                why=f"images of {dreamer.parent.name} have {size}",
                fix=f"give a mask of {size}",
            )
    if not mask.any():
        raise UserError(
            "the region touches no cell" + (f": {_words(region)}" if isinstance(region, Rectangle) else ""),
            why=f"it is empty, or beyond the image's {size} pixels",
            fix=f"write X,Y,WIDTH,HEIGHT within {size}, for example 0,0,{size.width // 2},{size.height // 2}",
        )
    rows, columns = np.nonzero(mask)
    cells = np.zeros((grid.height, grid.width), bool)
    cells[rows * grid.height // size.height, columns * grid.width // size.width] = True
    return cells


def read_region(dreamer: Dreamer, text: str) -> Rectangle | NDArray[np.bool_]:
    """`X,Y,WIDTH,HEIGHT` in pixels, or the name of a mask: an image file, white where it is to be dreamed anew, at any size.

    Raises UserError for neither.
    """
    found = _RECTANGLE.fullmatch(text.replace(" ", ""))
    if found is not None:
        return Rectangle(*map(int, found.groups()))
    path = Path(text).expanduser()
    size = source_of(dreamer.parent.model.spec).size
    if not path.is_file():
        raise UserError(
            f"--region {text} is no region",
            why="it is no X,Y,WIDTH,HEIGHT in whole pixels, and no file of that name is there",
            fix=f"write for example --region 0,0,{size.width // 2},{size.height // 2}, or the name of a mask",
        )
    try:
        pixels = decode(path, background=(0, 0, 0))
    except Unreadable as reason:
        raise UserError(
            f"{path} cannot be read as a mask",
            why=str(reason),
            fix="give an image file that is white where it is to be dreamed anew, and black elsewhere",
        ) from None
    painted = Image.fromarray(np.uint8(255) * (pixels.max(-1) >= _PAINTED).astype(np.uint8))
    if painted.size != tuple(size):
        # A cell that is touched in the large mask is touched in the small one.
        painted = painted.resize((size.width, size.height), Image.Resampling.BOX)
    mask: NDArray[np.bool_] = np.asarray(painted) > 0
    return mask


def _frames_for(dreamer: Dreamer, pixels: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """As many frames as the prior's items have."""
    shape = dreamer.shape
    if not dreamer.moves:
        return pixels[:1]
    if len(pixels) < shape.frames:
        raise UserError(
            f"{name} has {len(pixels)} frame{'s' * (len(pixels) != 1)}",
            why=f"{dreamer.name} repaints clips of {shape.frames}",
            fix="give a longer clip, or name a prior of images",
        )
    if shape.loop:  # once round, whatever its number of frames
        return pixels[np.arange(shape.frames) * len(pixels) // shape.frames]
    stride = dreamer.stride if len(pixels) > (shape.frames - 1) * dreamer.stride else 1
    return pixels[::stride][: shape.frames]


def _words(region: Rectangle) -> str:
    return f"{region.x},{region.y},{region.width},{region.height}"
