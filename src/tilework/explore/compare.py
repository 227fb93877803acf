"""The same point, image or tokens through two to four models, and how the models differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from tilework.engine.autoencoder.error import error_of, psnr
from tilework.engine.autoencoder.model import source_of
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.errors import UserError
from tilework.explore.compare_page import compare_page
from tilework.explore.compare_sheet import compare_sheet
from tilework.explore.compared import Compared, Seen
from tilework.explore.dimensions import kl_terms
from tilework.explore.opened import Opened, Pixels, Side, Through
from tilework.explore.place import Named, image_of, place
from tilework.explore.points import Origin, Point, parse
from tilework.explore.shown import Shown
from tilework.explore.token_grid import Codes
from tilework.explore.token_images import grid_bits, paint, token_grid
from tilework.spec.clock import Clock

FEWEST, MOST = 2, 4
_ENDED = 10**9
"""A step at which every schedule has ended."""
_NAMES = ("name", "about", "note")


@dataclass(frozen=True, eq=False)
class Comparison(Compared, Shown):
    """A comparison that draws itself."""

    def sheet(self) -> Image.Image:
        return compare_sheet(self)

    def html(self) -> str:
        return compare_page(self)


def same_image(
    models: Sequence[Opened],
    image: Pixels | Origin | str,
    images: Named | None = None,
    *,
    through: Through = "quantiser",
) -> Comparison:
    """An image through every model: (H, W, C) uint8, or an origin such as `validation:3`, which is the first model's.

    `images` gives the image behind `image:NAME`; by default NAME is a file, read as the first model's own images are. In models
    with codes it is quantised, or goes `through` the decoder without becoming codes. Raises UserError for models of different
    image sizes, fewer than two or more than four, and for an image that is not there.
    """
    check_count(len(models))
    _check_same_images(models)
    where: Origin | None = None
    if isinstance(image, np.ndarray):
        pixels = image
    else:
        where = parse(image).origin if isinstance(image, str) else image
        pixels = image_of(models[0], where, images)
    found = tuple(_through(opened, pixels, _side(models[0], opened, where), through) for opened in models)
    what = _described(str(where) if where is not None else "image", models, through)
    return Comparison(what, pixels, found, settings_that_differ(models))


def same_point(
    models: Sequence[Opened],
    point: Point | str,
    images: Named | None = None,
    *,
    through: Through = "quantiser",
) -> Comparison:
    """A point of the latent space through every model; in those with codes quantised, or `through` the decoder alone.

    Raises UserError for models whose images or latents have different shapes (a point that lies at an encoded image may be
    asked of any latents), and for what `place` refuses.
    """
    check_count(len(models))
    _check_same_images(models)
    point = parse(point) if isinstance(point, str) else point
    of_image = point.origin.kind in {"validation", "train", "image"}
    if of_image and not (point.exact or point.bands or point.every or point.along or point.mu_seed is not None):
        return same_image(models, point.origin, images, through=through)
    shapes = [opened.shape for opened in models]
    by_number = not of_image or point.exact or point.bands or point.every or point.mu_seed is not None
    if by_number and len(set(shapes)) > 1:
        raise UserError(
            f"{point} is not the same point in these models",
            why="their latents differ: "
            + ", ".join(f"{o.name} {' x '.join(map(str, s))}" for o, s in zip(models, shapes, strict=True)),
            fix="name models of one latent shape, or an image: --at validation:3",
        )
    found = tuple(
        Seen(
            o.name,
            o.step,
            o.model.spec.bottleneck.kind,
            o.decode(place(o, point, images)[None], through)[0],
            beta=beta_of(o),
        )
        for o in models
    )
    return Comparison(_described(str(point), models, through), None, found, settings_that_differ(models))


def same_tokens(models: Sequence[Opened], codes: Codes) -> Comparison:
    """A grid of codes (Q, h, w) through every model.

    Raises UserError for models without tokens, with different grids or numbers of codes, and for codes that they do not have.
    """
    check_count(len(models))
    _check_same_images(models)
    grids = [token_grid(opened.model) for opened in models]
    if len(set(grids)) > 1:
        raise UserError(
            "these models have no common tokens",
            why=", ".join(f"{o.name} has {grid.words}" for o, grid in zip(models, grids, strict=True)),
            fix="name models of one grid and one number of codes, for example checkpoints of one run",
        )
    found = tuple(
        Seen(o.name, o.step, o.model.spec.bottleneck.kind, paint(o, codes), bits=grid_bits(grids[0])) for o in models
    )
    return Comparison("tokens", None, found, settings_that_differ(models))


def settings_that_differ(models: Sequence[Opened]) -> dict[str, tuple[Any, ...]]:
    """Settings that are not the same for all models, `section.key` -> each one's value, None where a model does not have it."""
    flat = [_flat(opened.model.spec.model_dump(mode="json")) for opened in models]
    names = dict.fromkeys(name for settings in flat for name in settings if name not in _NAMES)
    found = {name: tuple(settings.get(name) for settings in flat) for name in names}
    return {name: values for name, values in found.items() if any(value != values[0] for value in values)}


def beta_of(opened: Opened) -> float | None:
    """The weight of the KL divergence at the end of its schedule, None where the objective has none."""
    term = opened.model.spec.objective.get("kl")
    if term is None:
        return None
    return float(term.weight.at(_ENDED, Clock(1, ends=_ENDED)))  # type: ignore[attr-defined]


def check_count(models: int) -> None:
    """Raises UserError for fewer than two models, and for more than four."""
    if not FEWEST <= models <= MOST:
        raise UserError(
            f"{models} model{'s' * (models != 1)} cannot be compared",
            why=f"a comparison shows {FEWEST} to {MOST} side by side",
            fix="name two to four runs: tilework compare RUN RUN --at 0 --out compare.png",
        )


@torch.no_grad()
def _through(opened: Opened, pixels: Pixels, side: Side | None, through: Through) -> Seen:
    model = opened.model
    past = opened.past_quantiser(through)
    mean, deviation = opened.encode(pixels[None])
    made = opened.values(mean, through) if past else model.reconstruct(pixels[None])
    mse = error_of(made[0], pixels)
    kl: float | None = None
    if deviation is not None:
        kl = float(kl_terms(mean.numpy(), deviation.numpy()).sum())
    bits = grid_bits(token_grid(model)) if model.levels and not past else None
    kind = model.spec.bottleneck.kind
    return Seen(opened.name, opened.step, kind, to_uint8(made)[0], mse, psnr(mse), bits, kl, beta_of(opened), side)


def _described(what: str, models: Sequence[Opened], through: Through) -> str:
    return f"{what}, not quantised," if any(opened.past_quantiser(through) for opened in models) else what


def _side(first: Opened, opened: Opened, where: Origin | None) -> Side | None:
    """On which side of a model's split the first model's image is: what trained one model may be held out by another."""
    if where is None or where.kind not in {"train", "validation"} or first.images is None or opened.images is None:
        return None
    if first.images.store.content_hash != opened.images.store.content_hash:
        return None
    side: Side = "train" if where.kind == "train" else "validation"
    place = first.images.positions(side, [where.number])[0]
    if place in opened.images.split.train:
        return "train"
    return "validation" if place in opened.images.split.validation else None


def _check_same_images(models: Sequence[Opened]) -> None:
    shapes = [(source_of(o.model.spec).size, source_of(o.model.spec).channels) for o in models]
    if len(set(shapes)) > 1:
        sizes = ", ".join(
            f"{o.name} {size} in {'colour' if channels == 3 else 'grey'}"
            for o, (size, channels) in zip(models, shapes, strict=True)
        )
        raise UserError(
            "models of different images cannot be compared",
            why=f"their images are: {sizes}",
            fix="name runs of one image size",
        )


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{name}.")
        else:
            found[name] = value
    return found
