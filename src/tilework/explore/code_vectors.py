"""What codes are as points, and which of them are near each other. Codes without a codebook are points by their lookup values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.engine.api import Model
from tilework.errors import UserError
from tilework.explore.opened import Opened
from tilework.explore.token_images import token_grid

MOST_LISTED = 16_384
"""Codes of a level up to which all of them are listed."""
_AT_ONCE = 2**16

Sort = Literal["index", "usage", "similarity"]


@dataclass(frozen=True)
class Near:
    """Codes by their distance from one of them, which comes first."""

    codes: NDArray[np.int64]
    distance: NDArray[np.float32]
    """Euclidean, in the space where the quantiser searches."""


@torch.no_grad()
def vectors(model: Model, level: int, codes: NDArray[np.int64] | None = None) -> Tensor:
    """Every code of a level (from 1), or these, as points (n, D) float32 on the CPU; learnt codes as the quantiser compares them.

    Raises UserError for a level that there is not, and, where all are asked for, for more codes than are listed.
    """
    if codes is None:
        refuse_too_many(model, "listing its codes")
    return torch.cat([part for _, part in _blocks(model, level, codes)])


@torch.no_grad()
def mean_vector(model: Model, level: int) -> Tensor:
    """The mean of all codes of a level (from 1), (D,) float32 on the CPU; works for any K."""
    total = sum(part.sum(0, dtype=torch.float64) for _, part in _blocks(model, level))
    assert isinstance(total, Tensor)
    return (total / token_grid(model).size).float()


def refuse_too_many(model: Model, what: str) -> None:
    """Raises UserError where a level has more codes than are listed; `what` asks for the list."""
    grid = token_grid(model)
    if grid.size > MOST_LISTED:
        kind = model.spec.bottleneck.kind
        raise UserError(
            f"{model.spec.name} has {grid.size:,} codes: {what} would show more than anybody can look at",
            why=f"at most {MOST_LISTED:,} are listed; a {kind} bottleneck of this size has no codebook, and most of its codes "
            "never occur"
            if kind in {"fsq", "lfq"}
            else f"at most {MOST_LISTED:,} are listed",
            fix="look at the codes of one image: `tilework tokens RUN IMAGE`",
        )


@torch.no_grad()
def similar(opened: Opened, level: int, code: int, count: int | None = None) -> Near:
    """The `count` codes of a level (from 1) that are nearest to one of them, itself first; None = all.

    Equal distances in the order of the codes. Works for any K: codes are compared in blocks. Raises UserError for a level or
    a code that there is not.
    """
    grid = token_grid(opened.model)
    grid.level(level)
    grid.code(code)
    if count is None:
        refuse_too_many(opened.model, "ordering its codes")
        count = grid.size
    (_, own), *_ = _blocks(opened.model, level, np.array([code]))
    codes, distances = np.empty(0, np.int64), np.empty(0, np.float32)
    for start, part in _blocks(opened.model, level):
        found = (part - own).square().sum(1).sqrt().numpy()
        codes, distances = (
            np.concatenate([codes, np.arange(start, start + len(found))]),
            np.concatenate([distances, found]),
        )
        # The code itself stays first among those that repeat it.
        order = np.lexsort((codes, codes != code, distances))[:count]
        codes, distances = codes[order], distances[order]
    return Near(codes, distances)


def order_by_index(size: int) -> NDArray[np.int64]:
    """0, 1, ... K - 1."""
    return np.arange(size, dtype=np.int64)


def order_by_usage(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most used first; equal counts in the order of the codes."""
    return np.argsort(-counts, kind="stable").astype(np.int64)


def order_by_similarity(points: Tensor, first: int = 0) -> NDArray[np.int64]:
    """From code `first` on, each code is followed by the nearest (K, D) that is not yet in the list."""
    left = points.float().numpy().astype(np.float32)
    names = np.arange(len(left))
    halved = np.square(left).sum(1) / 2
    listed = np.empty(len(left), np.int64)
    alive = np.ones(len(left), bool)
    at = first
    for place in range(len(listed)):
        listed[place] = names[at]
        alive[at] = False
        here = left[at]
        remaining = len(listed) - place - 1
        if not remaining:
            break
        if remaining * 2 <= len(left):  # what is listed is looked at no more
            left, halved, names = left[alive], halved[alive], names[alive]
            alive = np.ones(len(left), bool)
        score = left @ here - halved
        score[~alive] = -np.inf
        at = int(score.argmax())
    return listed


def colours(points: Tensor) -> NDArray[np.uint8]:
    """A colour for each code (K, 3) uint8: codes that are near each other look alike.

    Red, green and blue are the ranks along the first three principal directions of the codes (K, D).
    """
    centred = (points - points.mean(0)).double()
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    along = (centred @ directions[:3].T).numpy()
    shade = np.full((len(points), 3), 0.5)
    for axis in range(min(3, along.shape[1]) if len(points) > 1 else 0):
        if np.ptp(along[:, axis]) > 0:
            shade[:, axis] = np.argsort(np.argsort(along[:, axis], kind="stable"), kind="stable") / (len(points) - 1)
    found: NDArray[np.uint8] = np.rint(48 + 184 * shade).astype(np.uint8)
    return found


def _blocks(model: Model, level: int, codes: NDArray[np.int64] | None = None) -> Iterator[tuple[int, Tensor]]:
    """(first, points (n, D)) of all codes of a level, or of these, block by block, float32 on the CPU."""
    grid = token_grid(model)
    place = grid.level(level)
    bottleneck = model.network.bottleneck
    books = bottleneck.codebooks()
    if books:
        book = books[place].detach().float().cpu()
        yield 0, book if codes is None else book[torch.from_numpy(codes)]
        return
    every = torch.arange(grid.size) if codes is None else torch.from_numpy(codes)
    for start in range(0, len(every), _AT_ONCE):
        part = every[start : start + _AT_ONCE].to(model.device)
        yield start, bottleneck.lookup(part[:, None, None, None]).flatten(1).float().cpu()
