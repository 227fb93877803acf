"""What of a spec would stop its run before the first step, told without reading a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import torch

from tilework.bottlenecks.contract import Bottleneck, BottleneckConfig
from tilework.engine.autoencoder.model import grid_of
from tilework.errors import UserError
from tilework.objective import TermConfig
from tilework.objective.total import Objective
from tilework.spec import AutoencoderSpec
from tilework.spec.plugins import TERMS


def problems(spec: AutoencoderSpec) -> list[UserError]:
    """A picture size that the encoder cannot halve so often, a loss term that lacks what it needs; [] where nothing is wrong.

    What only the pictures can tell (a codebook larger than their tokens) and what costs a pass of the whole model is left to
    the start of the run.
    """
    found: list[UserError] = []
    try:
        grid_of(spec)
    except UserError as error:
        found.append(error)
    try:
        bottleneck = cast(BottleneckConfig, spec.bottleneck).build()
        objective = Objective(cast(Mapping[str, TermConfig], spec.objective))
    except UserError as error:
        return [*found, error]
    losses, learnt = _given(bottleneck)
    moving = {"codebook", "learnt_codebooks"}
    if "codebook" in losses and not any(moving & term.needs for term in objective.settings.values()):
        found.append(
            UserError(
                "objective has no term that moves the codes",
                why="this codebook learns by gradient, and only the codebook loss gives its codes one",
                fix="add objective.codebook=1.0, or let the codes follow averages with bottleneck.codebook=ema",
            )
        )
    return found + objective.misfits(losses, learnt)


def fitting(spec: AutoencoderSpec) -> dict[str, str]:
    """Overrides that make the objective fit the bottleneck: the terms that lack what they need are removed, those that
    this bottleneck is trained with come in at their usual weight.

    A KL divergence has its meaning beside a reconstruction summed over a picture, every other loss beside one that is a mean
    over pixels (`per` of the term), so that follows too. {} where everything fits.
    """
    losses, learnt = _given(cast(BottleneckConfig, spec.bottleneck).build())
    terms = cast(Mapping[str, TermConfig], spec.objective)
    # The constructor would load the weights of a perceptual term; what is asked here needs none of that.
    lacking = [
        name for name, term in terms.items() if term.needs - losses - ({"learnt_codebooks"} if learnt else set())
    ]
    used = set().union(*(term.needs for name, term in terms.items() if name not in lacking))
    changes = {f"objective.{name}": "null" for name in lacking}
    for name in sorted(TERMS.kinds):
        needs = cast(type[TermConfig], TERMS.config(name)).needs
        if needs and needs <= losses and not needs & used:
            weight = TERMS.parse({"kind": name}).model_dump(mode="json")["weight"]
            changes[f"objective.{name}"] = f"{weight['value'] if isinstance(weight, dict) else weight:g}"
    if changes:
        changes |= dict(_reductions(terms, "image" if "kl_per_dim" in losses else "pixel"))
    return changes


def _reductions(terms: Mapping[str, TermConfig], wanted: str) -> Iterator[tuple[str, str]]:
    for name, term in terms.items():
        if term.is_reconstruction and getattr(term, "per", wanted) != wanted:
            yield f"objective.{name}.per", wanted


def _given(bottleneck: Bottleneck) -> tuple[set[str], bool]:
    """The losses that a trial pass measures, and whether there are codes that learn by gradient."""
    with torch.random.fork_rng(devices=[]):
        latent = bottleneck.train()(torch.zeros(1, bottleneck.in_channels, 2, 2))
    return set(latent.losses), bottleneck.learns_by_gradient
