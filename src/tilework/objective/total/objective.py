"""The total loss: every term times its weight at this step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from tilework.errors import UserError
from tilework.objective.contract import LossTerm, Outcome, TermConfig
from tilework.spec import Constant

Weight = Tensor | float


class Objective(nn.Module):
    """total = sum over terms of weight x value, in float32 whatever autocast is set to.

    A term whose weight is the constant 0 is not built and costs nothing until a weight above 0 arrives. Every other term is
    built here, so that whatever it lacks stops the run before the first step (UserError).
    """

    def __init__(self, terms: Mapping[str, TermConfig]) -> None:
        super().__init__()
        if not any(t.is_reconstruction for t in terms.values()):
            raise UserError(
                "objective has no reconstruction term",
                why=f"none of {', '.join(terms) or 'its (empty) terms'} compares the output with the image",
                fix="add one, for example objective.mse=1.0",
                field="objective",
            )
        self.settings = dict(terms)
        self.terms = nn.ModuleDict()
        for name, config in terms.items():
            if not _always_zero(config):
                self.terms[name] = config.build()

    def check(self, losses: Iterable[str], learns_by_gradient: bool = False) -> None:
        """Raise UserError if a term needs what the bottleneck does not give; call it once, before the first step.

        `losses`: the names in `Latent.losses` of a trial pass; `learns_by_gradient`: as `Bottleneck` has it. Terms of
        constant weight 0 are not asked until a command gives them a weight.
        """
        for misfit in self.misfits(losses, learns_by_gradient):
            raise misfit

    def misfits(self, losses: Iterable[str], learns_by_gradient: bool = False) -> list[UserError]:
        """What `check` would raise, one for each term; [] where every term finds what it needs."""
        given = _given(losses, learns_by_gradient)
        return [misfit for name in self.terms if (misfit := self._missing(name, given)) is not None]

    @torch.no_grad()
    def rehearse(self, outcome: Outcome) -> None:
        """Evaluate every built term once on a trial pass, so that what it cannot work with (images too small for LPIPS, an
        output that leaves [0, 1]) stops the run before the first step. Raises UserError."""
        self(outcome, dict.fromkeys(self.terms, 1.0))

    def forward(self, outcome: Outcome, weights: Mapping[str, Weight]) -> tuple[Tensor, dict[str, Tensor]]:
        """-> (total, scalar float32, attached; raw value of each evaluated term, detached).

        A weight is a float or a 0-d tensor on the outcome's device; neither waits for the device. A term whose weight is the
        float 0 is skipped and has no raw value; one whose weight is a tensor is always evaluated (its value is not read).
        """
        total = outcome.recon.new_zeros(())
        raw: dict[str, Tensor] = {}
        with torch.autocast(outcome.x.device.type, enabled=False):
            for name, weight in weights.items():
                if isinstance(weight, (int, float)) and weight == 0:
                    continue
                value = self._term(name, outcome)(outcome)
                total = total + weight * value
                raw[name] = value.detach()
        return total, raw

    def _term(self, name: str, outcome: Outcome) -> LossTerm:
        if name not in self.terms:
            if name not in self.settings:
                raise UserError(
                    f"there is no loss term '{name}' in this run",
                    why=f"its terms are {', '.join(self.settings)}",
                    fix=f"start a run with objective.{name}=0 in its spec; then the weight can be set while it runs",
                )
            misfit = self._missing(name, _given(outcome.losses, outcome.learns_by_gradient))
            if misfit is not None:
                raise misfit
            self.terms[name] = self.settings[name].build().to(outcome.x.device)
        term = self.terms[name]
        assert isinstance(term, LossTerm)
        return term

    def _missing(self, name: str, given: set[str]) -> UserError | None:
        missing = sorted(self.settings[name].needs - given)
        if not missing:
            return None
        return UserError(
            f"objective.{name} needs {_PLAIN_NAMES.get(missing[0], missing[0])}, which this bottleneck does not have",
            why=_WHY.get(missing[0], f"the bottleneck measures {', '.join(sorted(given)) or 'no loss of its own'}"),
            fix=f"remove the term with objective.{name}=null",
            field=f"objective.{name}",
            override=f"objective.{name}=null",
        )


_PLAIN_NAMES = {
    "kl_per_dim": "a KL divergence",
    "codebook": "a codebook loss",
    "commitment": "a commitment loss",
    "learnt_codebooks": "codes that learn by gradient",
}
_WHY = {
    "kl_per_dim": "only a gaussian bottleneck has a prior to diverge from",
    "codebook": "only a codebook that learns by gradient has one; moving averages (EMA) and FSQ need none",
    "commitment": "only a bottleneck that chooses codes from a learnt codebook has one",
    "learnt_codebooks": "it moves codes by their gradient; here there are none, or they learn by moving averages",
}


def _given(losses: Iterable[str], learns_by_gradient: bool) -> set[str]:
    return set(losses) | ({"learnt_codebooks"} if learns_by_gradient else set())


def _always_zero(config: TermConfig) -> bool:
    return isinstance(config.weight, Constant) and config.weight.value == 0
