"""Which values a perceptual loss hands to its network."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from tilework.engine.probing import contract
from tilework.engine.probing.contract import Measured
from tilework.engine.probing.left_out import NotApplicable
from tilework.engine.probing.subject import Subject
from tilework.objective import LossTerm, Outcome
from tilework.objective.perceptual import PerceptualDistance

EXPECTED = (-1.0, 1.0)
"""What black and white are to the networks of LPIPS (arXiv 1801.03924)."""


class Probe(contract.Probe):
    """Black beside white goes through every loss term that has a perceptual network, and what arrives there is measured.

    - `term`: the first such term, or the first whose network gets other values than it was trained on; `black`, `white`: what
      arrives for either; `wanted_black`, `wanted_white`: what the network was trained on.
    """

    order = 45

    def measure(self, subject: Subject) -> Measured:
        found: list[dict[str, Any]] = []
        for name, term in subject.objective().terms.items():
            for module in term.modules():
                wanted = getattr(module, "input_range", EXPECTED if isinstance(module, PerceptualDistance) else None)
                if wanted is None:
                    continue
                arrived = arriving(cast(LossTerm, term), module, subject.held_out[:1])
                if arrived is None:
                    continue
                black, white = arrived
                off = abs(black - wanted[0]) + abs(white - wanted[1])
                values = {"term": name, "black": black, "white": white}
                found.append(values | {"wanted_black": wanted[0], "wanted_white": wanted[1], "off": off})
        if not found:
            raise NotApplicable
        return Measured(max(found, key=lambda values: float(values["off"])))


@torch.no_grad()
def arriving(term: LossTerm, network: nn.Module, like: Tensor) -> tuple[float, float] | None:
    """What a term hands to one of its modules for a black and a white image of the shape of `like` (1, C, H, W); None where it
    does not ask that module at all."""
    seen: list[Tensor] = []

    def note(_: nn.Module, given: tuple[Any, ...]) -> None:
        seen.extend(one.detach().float() for one in given if isinstance(one, Tensor))

    hook = network.register_forward_pre_hook(note)
    try:
        term(Outcome(torch.zeros_like(like), torch.ones_like(like)))
    finally:
        hook.remove()
    return (float(seen[0].mean()), float(seen[-1].mean())) if seen else None
