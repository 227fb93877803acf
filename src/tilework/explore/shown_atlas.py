"""Every code of a level, with the image and the page that they are shown as."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from tilework.explore.atlas_sheet import atlas_sheet
from tilework.explore.code_atlas import CodeTable
from tilework.explore.code_page import code_page
from tilework.explore.code_vectors import Sort, colours, refuse_too_many, vectors
from tilework.explore.counted import MOST_IMAGES, token_set
from tilework.explore.kept_tiles import KeptTiles
from tilework.explore.opened import Opened, Side
from tilework.explore.shown import Shown
from tilework.explore.token_images import token_grid


@dataclass(frozen=True, eq=False)
class Atlas(CodeTable, Shown):
    """A table of codes that draws itself."""

    def sheet(self) -> Image.Image:
        return atlas_sheet(self)

    def html(self) -> str:
        return code_page(self)


def atlas(
    opened: Opened,
    level: int = 1,
    side: Side = "train",
    *,
    by: Sort = "usage",
    most: int = MOST_IMAGES,
    margin: int = 1,
    only: slice = slice(None),
) -> Atlas:
    """Every code of a level (from 1) decoded in context, with how often it occurs among a side's tokens.

    A sheet or a page shows `only` some of them, by their numbers. Codes are decoded when their tiles are asked for. Without the
    images the context is the mean code, and nothing is counted.
    Raises UserError for a model without codes, one with more codes than are listed, and a level that there is not.
    """
    grid = token_grid(opened.model)
    grid.level(level)
    refuse_too_many(opened.model, "an atlas of them")
    among = token_set(opened, side, most) if opened.images is not None else None
    painted = opened.once(f"tiles {level} {side} {most} {margin}", lambda: KeptTiles(opened, level, among, margin))
    shades = opened.once(f"colours {level}", lambda: colours(vectors(opened.model, level)))
    counts = among.counts[level - 1] if among is not None else None
    return Atlas(opened, by, grid, level, painted, shades, counts, among, only)
