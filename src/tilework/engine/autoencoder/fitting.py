"""What of a spec would stop its run before the first step, found without reading an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import torch

from tilework.bottlenecks.contract import Bottleneck, BottleneckConfig
from tilework.engine.autoencoder.model import grid_of
from tilework.engine.autoencoder.validate import MOST_KL
from tilework.errors import UserError
from tilework.metrics import AUTOENCODER, Part
from tilework.objective import TermConfig
from tilework.objective.total import Objective
from tilework.spec import AutoencoderSpec
from tilework.spec.plugins import TERMS


def problems(spec: AutoencoderSpec) -> list[UserError]:
    """An image size that the encoder cannot halve so often, a loss term that lacks what it needs; [] where nothing is wrong.

    What only the images can show (a codebook larger than their tokens) and what costs a pass of the whole model is left
    to the start of the run.
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
                field="objective",
            )
        )
    return found + objective.misfits(losses, learnt) + _unmeasured(spec, bottleneck, losses)


def _unmeasured(spec: AutoencoderSpec, bottleneck: Bottleneck, losses: set[str]) -> list[UserError]:
    """`engine.monitor`, where this model's validation does not measure it: a level or a dimension that it does not have, a term
    of weight 0."""
    name = spec.engine.monitor
    base, _, part = name.partition(".")
    kind, number = AUTOENCODER[name].part if part.isdecimal() else None, int(part) if part.isdecimal() else 0
    weight = cast(TermConfig, spec.objective[name]).weight if name in spec.objective else None
    reasons = {
        f"this model has {bottleneck.levels} level(s) of codes": kind is Part.LEVEL and number > bottleneck.levels,
        f"only a Gaussian latent has it, and up to {MOST_KL} dimensions": (
            (kind is Part.DIMENSION and not ("kl_per_dim" in losses and number <= min(bottleneck.dim, MOST_KL)))
            or (base == "active_units" and "kl_per_dim" not in losses)
        ),
        f"objective.{name} is 0, and a term of weight 0 is not measured": weight is not None
        and weight.bounds == (0.0, 0.0)
        and name != "mse",
    }
    why = next((reason for reason, holds in reasons.items() if holds), "")
    if not why:
        return []
    return [
        UserError(
            f"engine.monitor is '{name}', which no validation pass measures",
            why=why,
            fix="use engine.monitor=loss",
            field="engine.monitor",
        )
    ]


def fitting(spec: AutoencoderSpec) -> dict[str, str]:
    """Overrides that make the objective fit the bottleneck: the terms that lack what they need are removed, those that
    this bottleneck is trained with come in at their usual weight.

    A KL divergence has its meaning beside a reconstruction summed over an image, every other loss beside one that is a mean
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
