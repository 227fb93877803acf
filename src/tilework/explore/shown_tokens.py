"""The tokens of one image or point, with the image that they are shown as."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from tilework.engine.autoencoder.error import error_of, psnr
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.explore.opened import Opened, Pixels
from tilework.explore.place import Named, image_of, place
from tilework.explore.points import Origin, Point, parse
from tilework.explore.shown import Shown
from tilework.explore.token_images import Tokens, token_grid
from tilework.explore.token_sheet import TokenSheet


@dataclass(frozen=True, eq=False)
class ShownTokens(Tokens, Shown):
    """Tokens that draw themselves."""

    def sheet(self) -> Image.Image:
        return TokenSheet(self).sheet()


def tokens(opened: Opened, what: Pixels | Point | Origin | str, images: Named | None = None) -> ShownTokens:
    """The tokens of an image (H, W, C) uint8 of the model's size, or of a point: an image that it names, or its latent quantised.

    `images` gives the image behind `image:NAME`; by default NAME is a file. Raises UserError for a model that has no tokens, an
    image of another size, and a point or an image that is not there.
    """
    model, grid = opened.model, token_grid(opened.model)
    name = "image"
    point = parse(what) if isinstance(what, str) else Point(what) if isinstance(what, Origin) else what
    if isinstance(point, Point):
        if point != Point(point.origin) or point.origin.kind in {"zero", "seed"}:
            codes = opened.codes(place(opened, point, images)[None])
            assert codes is not None
            return ShownTokens(opened, str(point), grid, codes[0].numpy(), to_uint8(model.decode(codes))[0])
        name, point = str(point), image_of(opened, point.origin, images)
    found = model.codes(point[None])
    made = model.decode(found)
    mse = error_of(made[0], point)
    return ShownTokens(opened, name, grid, found[0].cpu().numpy(), to_uint8(made)[0], point, mse, psnr(mse))
