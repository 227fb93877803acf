"""The autoencoder whose tokens a prior learns: a run, or a recipe whose runs would give such tokens.

A prior's recipe can be explained before anything was trained: `parent=naruto` asks for the tokens that this recipe gives, and
where `last` finds no run, a recipe that the prior is made for stands in. Which of these it was is part of the explanation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from tilework.bottlenecks.contract import BottleneckConfig
from tilework.engine.autoencoder.model import grid_of, source_of
from tilework.engine.prior.parent import LAST, find_parent
from tilework.errors import UserError
from tilework.explain.facts.prior import Parent, ParentIs
from tilework.spec import AutoencoderSpec, load_spec, recipe_names
from tilework.spec.prior import PriorSpec

_MADE_FOR = {
    "gpt-prior": "naruto",
    "masked-prior": "vq-mnist",
    "motion-prior": "p5-sharp",
    "next-frames": "minerl-v1.0.1",
}
"""Shipped recipes of priors and those of the autoencoders that their comments name."""
_IMAGES, _CLIPS = "vq-mnist", "p5-sharp"


@dataclass(frozen=True)
class Found:
    """The parent, and the tokens of one of its images."""

    parent: Parent
    levels: int
    height: int
    width: int
    codes: int
    image_numbers: int


def parent_of(spec: PriorSpec, runs: Path) -> Found:
    """The parent that a spec names. Raises UserError for one that is neither a run in the folder `runs` nor a recipe, or has no
    codes."""
    try:
        found = find_parent(spec, runs)
    except UserError as error:
        if spec.parent in recipe_names():
            return _of_recipe(spec.parent, ParentIs.RECIPE)
        if spec.parent != LAST:
            raise
        made_for = _MADE_FOR.get(spec.name, _IMAGES if spec.data.frames == 1 else _CLIPS)
        return _of_recipe(made_for, ParentIs.ASSUMED, error.what)
    return _found(Parent(found.run.id, ParentIs.RUN), found.spec)


def _of_recipe(name: str, known_as: ParentIs, why: str = "") -> Found:
    spec = load_spec(name)
    if not isinstance(spec, AutoencoderSpec):
        raise UserError(
            f"the parent {name} is a recipe of the task {spec.task}",
            why="a prior learns the tokens of an autoencoder",
            fix="name a recipe or a run of an autoencoder with codes, for example parent=vq-mnist",
        )
    return _found(Parent(name, known_as, why), spec)


def _found(parent: Parent, spec: AutoencoderSpec) -> Found:
    with torch.random.fork_rng(devices=[]):
        bottleneck = cast(BottleneckConfig, spec.bottleneck).build()
    if not bottleneck.levels:
        raise UserError(
            f"the parent {parent.name} has no codes",
            why=f"its bottleneck is {spec.bottleneck.kind}, a continuous latent, and a prior learns tokens",
            fix="name one with a vq, rq, fsq or lfq bottleneck, for example parent=vq-mnist",
        )
    grid, source = grid_of(spec), source_of(spec)
    numbers = source.size.width * source.size.height * source.channels
    return Found(parent, bottleneck.levels, grid.height, grid.width, bottleneck.codes_per_level, numbers)
