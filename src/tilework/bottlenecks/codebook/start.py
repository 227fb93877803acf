"""The first codes: k-means++ and Lloyd's iterations on encoder outputs, so that every code begins where there is data.

Not part of a training step: it may take seconds and wait for the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tilework.bottlenecks.codebook.counter import row_keys
from tilework.bottlenecks.codebook.search import nearest
from tilework.bottlenecks.tokens import usable_only

# Up to this many codes are drawn one by one; more of them in rounds of several, on a sample: each round passes over all
# points, Lloyd repairs what the coarser draw missed, and nobody should wait a minute for the first step.
_ONE_BY_ONE = 256
_SEED_ROUNDS = 64
_SEED_POINTS_PER_CODE = 8
_LLOYD_ROUNDS = 20
# Multiply-adds that Lloyd may spend in all; large problems get fewer rounds (at least 2), not a longer wait.
_LLOYD_BUDGET = 4e11
_POINTS_PER_CODE = 64


@dataclass(frozen=True)
class Start:
    """Codes (K, D), the number of points each one won (K,), and how many codes are copies, for want of distinct points."""

    codes: Tensor
    counts: Tensor
    copies: int = 0


@torch.no_grad()
def kmeans(points: Tensor, k: int, generator: torch.Generator, *, unit: bool = False) -> Start:
    """k codes that nearly minimise the mean squared distance of `points` (N, D) float32 to the nearest of them.

    `generator` lives on the CPU; the same one gives the same codes. `unit`: codes are brought to norm 1 (cosine).
    Where there are fewer distinct points than codes, the rest are copies moved by 0.01 / sqrt(D) of the data's scale.
    Seeding by k-means++ (Arthur and Vassilvitskii 2007), many codes in rounds as in arXiv 1203.6402; then Lloyd.
    """
    points = _sample(points.detach().float(), max(k * _POINTS_PER_CODE, 2**14), generator)
    distinct, weights = _distinct(points)
    if len(distinct) <= k:
        return _too_few(distinct, weights, k, generator, unit)
    sample = slice(None) if k <= _ONE_BY_ONE else _some(len(distinct), k, generator).to(distinct.device)
    codes = _seed(distinct[sample], weights[sample], k, generator)
    rounds = max(2, min(_LLOYD_ROUNDS, int(_LLOYD_BUDGET / (len(distinct) * k * points.shape[1]))))
    previous = None
    for _ in range(rounds):
        codes = _unit(codes) if unit else codes
        owner = nearest(distinct, codes)
        if previous is not None and torch.equal(owner, previous):
            break
        previous = owner
        codes = _means(distinct, weights, owner, codes)
    codes = _unit(codes) if unit else codes
    counts = weights.new_zeros(k).index_add_(0, nearest(distinct, codes), weights)
    return Start(codes, counts)


def _unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x, dim=-1)


def _sample(points: Tensor, limit: int, generator: torch.Generator) -> Tensor:
    points = points[usable_only(points)]
    if len(points) <= limit:
        return points
    chosen = torch.randperm(len(points), generator=generator, device="cpu")[:limit]
    return points[chosen.to(points.device)]


def _some(count: int, k: int, generator: torch.Generator) -> Tensor:
    """Positions of the points that many codes are drawn from."""
    return torch.randperm(count, generator=generator, device="cpu")[: k * _SEED_POINTS_PER_CODE]


def _distinct(points: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct rows, in order of their keys, and how often each occurs."""
    keys, order = row_keys(points).sort(stable=True)
    first = torch.ones_like(keys, dtype=torch.bool)
    first[1:] = keys[1:] != keys[:-1]
    starts = first.nonzero()[:, 0]
    ends = torch.cat([starts[1:], starts.new_tensor([len(keys)])])
    return points[order[starts]], (ends - starts).float()


def _seed(points: Tensor, weights: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """k distinct points, drawn with a chance proportional to weight x squared distance to the nearest drawn before.

    Up to 256 codes: one at a time, the best of 2 + ln k draws (greedy k-means++). More codes: several per round.
    """
    chosen = _draw(weights, 1, generator)
    distance = _squared_distance(points, points[chosen[0]])
    greedy = k <= _ONE_BY_ONE
    for left in range((k if greedy else _SEED_ROUNDS) - 1, 0, -1):
        draw = 2 + int(math.log(k)) if greedy else -(-(k - len(chosen)) // left)
        new = _draw(weights * distance, min(draw, len(points) - len(chosen)), generator)
        if greedy:
            reached = torch.stack([torch.minimum(distance, _squared_distance(points, points[c])) for c in new])
            best = (reached @ weights).argmin()
            new, distance = new[best : best + 1], reached[best]
        else:
            centres = points[new]
            distance = torch.minimum(distance, _squared_distance(points, centres[nearest(points, centres)]))
        chosen = torch.cat([chosen, new])
        if len(chosen) >= k:
            break
    return points[chosen]


def _draw(rates: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """`count` different positions, with chances proportional to `rates`: the earliest of exponential arrival times."""
    uniform = torch.rand(len(rates), generator=generator, dtype=torch.float64, device="cpu").to(rates.device)
    return torch.where(rates > 0, -torch.log1p(-uniform) / rates, torch.inf).topk(count, largest=False).indices


def _squared_distance(points: Tensor, centre: Tensor) -> Tensor:
    # By differences, not by the product formula: a point that was drawn must be at distance 0 exactly.
    return (points - centre).square().sum(1)


def _means(points: Tensor, weights: Tensor, owner: Tensor, codes: Tensor) -> Tensor:
    """The weighted mean of each code's points; a code without points moves to one of the worst served points."""
    k = len(codes)
    counts = weights.new_zeros(k).index_add_(0, owner, weights)
    sums = torch.zeros_like(codes).index_add_(0, owner, points * weights[:, None])
    means = sums / counts.clamp_min(1)[:, None]
    empty = (counts == 0).nonzero()[:, 0]
    if len(empty):
        loss = weights * (points - codes[owner]).square().sum(1)
        means[empty] = points[loss.topk(len(empty)).indices]
    return means


def _too_few(distinct: Tensor, weights: Tensor, k: int, generator: torch.Generator, unit: bool) -> Start:
    found, dim = distinct.shape
    if found == 0:
        raise ValueError("k-means needs at least one finite point")
    mean = (distinct * weights[:, None]).sum(0) / weights.sum()
    scale = ((distinct - mean).square().sum(1) * weights).sum().div(weights.sum()).sqrt()
    # All points equal: their own size is the only scale there is.
    scale = torch.where(scale > 0, scale, mean.norm().clamp_min(1.0))
    copies = torch.arange(k - found, device=distinct.device) % found
    noise = torch.randn(k - found, dim, generator=generator, device="cpu", dtype=torch.float32).to(distinct.device)
    codes = torch.cat([distinct, distinct[copies] + noise * (0.01 / dim**0.5) * scale])
    codes = _unit(codes) if unit else codes
    share = torch.bincount(torch.cat([torch.arange(found, device=copies.device), copies]), minlength=found)
    # Copies share the count of their original, so that none of them looks dead before it has had time.
    per_copy = weights / share
    counts = torch.cat([per_copy, per_copy[copies]])
    return Start(codes, counts, k - found)
