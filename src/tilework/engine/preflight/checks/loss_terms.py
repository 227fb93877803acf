"""Whether every loss term moves something."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tilework.engine.preflight import contract
from tilework.engine.preflight.bench import SEED, Bench
from tilework.engine.tasks.contract import Task
from tilework.runs.preflight import Result
from tilework.runs.preflight.result import Value

STRETCHED = (3.0, 10.0, 30.0)
"""Weights of the model are multiplied by these, for terms that are 0 until a value leaves a range."""


class Check(contract.Check):
    """Each loss term is computed alone, with its largest weight, and its gradient on the model's parameters is measured.

    A term that is constant has none: a perceptual loss whose network is missing, or one that compares something with itself.
    Some terms are 0 until a value leaves a range (free bits, the commitment of FSQ), so a term is called constant only where it
    has no gradient in copies of the model with all weights three, ten and thirty times as large either. Terms whose weight is
    always 0 are named.
    """

    order = 40
    seconds = 1.0

    def run(self, bench: Bench) -> Result:
        weights, task = bench.largest_weights, bench.trial().task
        terms = [term for term, weight in weights.items() if weight > 0]
        values: dict[str, Value] = {f"weight.{term}": weight for term, weight in weights.items()}
        if not terms:  # the task has one loss, without parts
            values["value"], values["gradient"] = _of(task, bench, {})
            if not _finite(values["value"], values["gradient"]):
                return self.failed("not-finite", values)
            return self.failed("no-gradient", values) if values["gradient"] == 0 else self.passed(values)
        for term in terms:
            values[f"value.{term}"], values[f"gradient.{term}"] = _of(task, bench, _only(term, weights))
        infinite = [term for term in terms if not _finite(values[f"value.{term}"], values[f"gradient.{term}"])]
        if infinite:
            return self.failed("not-finite", values, infinite)
        idle = [term for term in terms if values[f"gradient.{term}"] == 0]
        constant = [term for term in idle if not _moves_elsewhere(bench, term, weights)]
        if constant:
            return self.failed("constant", values, constant, {f"objective.{term}": None for term in constant})
        return self.passed(values, idle)


def _only(term: str, weights: dict[str, float]) -> dict[str, float]:
    return dict.fromkeys(weights, 0.0) | {term: weights[term]}


def _moves_elsewhere(bench: Bench, term: str, weights: dict[str, float]) -> bool:
    """Whether a term has a gradient in a model whose weights are larger."""
    for strength in STRETCHED:
        stretched = bench.trial().task
        with torch.no_grad():
            for parameter in stretched.model.parameters():
                parameter.mul_(strength)
        gradient = _of(stretched, bench, _only(term, weights))[1]
        if gradient != 0 and math.isfinite(gradient):
            return True
    return False


def _of(task: Task, bench: Bench, weights: dict[str, float]) -> tuple[float, float]:
    """The loss with these weights, and the norm of its gradient on all parameters."""
    torch.manual_seed(SEED)
    found = task.losses(task.model, bench.pace.few, weights)
    if not found.total.requires_grad:
        return float(found.total.detach()), 0.0
    parameters = [p for p in task.model.parameters() if p.requires_grad]
    gradients: list[Tensor] = [
        g for g in torch.autograd.grad(found.total, parameters, allow_unused=True) if g is not None
    ]
    norm = float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0
    return float(found.total.detach()), norm


def _finite(*values: Value) -> bool:
    return all(math.isfinite(float(value)) for value in values)
