"""Entropic optimal transport from data to codes: every code, dead or not, is pulled to a share of the data."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
import torch.distributed as dist
from pydantic import Field
from torch import Tensor

from tilework.errors import UserError
from tilework.objective.contract import LossTerm, Outcome, TermConfig
from tilework.spec import Scheduled
from tilework.spec.schedules import Constant


def transport_plan(cost: Tensor, epsilon: float | Tensor, iterations: int) -> Tensor:
    """The plan P (N, K) that moves N tokens of mass 1/N onto K codes of mass 1/K at the least cost (N, K) + epsilon x entropy.

    P = argmin <P, C> + epsilon KL(P | 1/N x 1/K), by alternating the two potentials in the log domain (Sinkhorn; arXiv
    1306.0895 and 1803.00567, section 4.4), so that a small epsilon neither overflows nor underflows. The codes' potential is
    updated last: columns sum to 1/K to rounding after any number of iterations, rows to 1/N as the iterations converge.
    """
    scores = cost / -epsilon
    rows, columns = cost.shape
    column_potential = cost.new_zeros(columns)
    row_potential = cost.new_zeros(rows)
    for _ in range(iterations):
        row_potential = math.log(columns) - torch.logsumexp(scores + column_potential, dim=1)
        column_potential = math.log(rows) - torch.logsumexp(scores + row_potential[:, None], dim=0)
    return torch.exp(scores + row_potential[:, None] + column_potential - math.log(rows) - math.log(columns))


def transport_cost(data: Tensor, codes: Tensor, epsilon: float, iterations: int, relative: bool = False) -> Tensor:
    """<P, C> between data (N, D) and codes (K, D), both uniform, with C the squared Euclidean distance; scalar.

    The plan is detached: by the envelope theorem the gradient of the entropic problem's value with respect to the codes is
    that of <P, C> at a fixed optimal P, so nothing needs to be kept of the iterations. What remains is, with w_j the mass and
    b_j the barycentre of what code j receives, sum_j w_j |c_j - b_j|^2 plus a part that does not depend on the codes.
    """
    data = data.detach()
    with torch.no_grad():
        centre = data.mean(dim=0)  # distances of centred points lose fewer digits
        points, places = data - centre, codes - centre
        squares = points.square().sum(dim=1)
        cost = torch.addmm(squares[:, None] + places.square().sum(dim=1), points, places.T, alpha=-2.0).clamp_(min=0.0)
        plan = transport_plan(cost, epsilon * cost.mean() if relative else epsilon, iterations)
        mass = plan.sum(dim=0)
        barycentres = (plan.T @ points) / mass[:, None]
        spread = plan.sum(dim=1) @ squares - mass @ barycentres.square().sum(dim=1)
    return mass @ (codes - centre - barycentres).square().sum(dim=1) + spread


class SinkhornTransport(LossTerm):
    """Entropic transport cost from the tokens of a batch to the codes, mean over levels; gradients reach the codes only.

    For each level, data are `Outcome.inputs[level]` (N, D), detached, and codes are `Outcome.codebooks[level]` (K, D). Each
    code must receive mass 1/K, so one that no token chooses still moves to the data: a codebook loss cannot do that. The
    pull on one code is 2/K x (its distance to the barycentre of its share).

    Above `max_tokens`, a random subset is drawn in training (torch's global generator of that device) and an evenly spaced
    one in evaluation. Memory is about 3 x max_tokens x K x 4 bytes.

    A transport cost is not a mean over tokens: with several processes, training gathers the tokens of all ranks first, so
    that it is that of the whole batch.
    """

    def __init__(self, epsilon: float, iterations: int, max_tokens: int, relative: bool) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.iterations = iterations
        self.max_tokens = max_tokens
        self.relative = relative

    def forward(self, outcome: Outcome) -> Tensor:
        costs = []
        for data, codes in zip(outcome.inputs, outcome.codebooks, strict=True):
            if torch.is_grad_enabled() and not codes.requires_grad:
                raise UserError(
                    "objective.sinkhorn has no effect on this bottleneck",
                    why="it moves codes by their gradient, and these codes learn by moving averages or not at all",
                    fix="remove the term with objective.sinkhorn=null",
                    field="objective.sinkhorn",
                    override="objective.sinkhorn=null",
                )
            costs.append(
                transport_cost(
                    self._some(_of_all_ranks(data.detach())), codes, self.epsilon, self.iterations, self.relative
                )
            )
        return torch.stack(costs).mean()

    def _some(self, data: Tensor) -> Tensor:
        count = data.shape[0]
        if count <= self.max_tokens:
            return data
        if self.training:
            return data[torch.randperm(count, device=data.device)[: self.max_tokens]]
        return data[torch.arange(self.max_tokens, device=data.device) * count // self.max_tokens]


def _of_all_ranks(data: Tensor) -> Tensor:
    """Tokens (N, D) of this rank -> those of all ranks in rank order, which is the order of the whole batch."""
    if not (torch.is_grad_enabled() and dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return data  # Held-out batches differ in number between ranks: there is no meeting in evaluation.
    parts = [torch.empty_like(data) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, data.contiguous())
    return torch.cat(parts)


class Config(TermConfig):
    """Sinkhorn optimal transport from data to codes; revives dead codes of a codebook that learns by gradient."""

    kind: Literal["sinkhorn"] = "sinkhorn"
    needs: ClassVar[frozenset[str]] = frozenset({"learnt_codebooks"})
    weight: Scheduled = Field(default=Constant(value=0.1), description="factor of this term in the total loss; 0 = off")
    epsilon: float = Field(
        default=0.2,
        ge=0.001,
        le=10,
        description="softness of the plan, in units of squared latent distance: far below the distances each token goes to one "
        "code (more iterations needed), far above them every code is pulled to the mean of the data",
    )
    relative: bool = Field(
        default=False, description="count epsilon in units of the mean squared distance token to code"
    )
    iterations: int = Field(default=20, ge=1, le=1000, description="Sinkhorn iterations; a smaller epsilon needs more")
    max_tokens: int = Field(
        default=1024, ge=1, le=65536, description="tokens of a batch that are used; bounds memory and time"
    )

    def build(self) -> LossTerm:
        return SinkhornTransport(self.epsilon, self.iterations, self.max_tokens, self.relative)
