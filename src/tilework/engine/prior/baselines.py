"""What plain codes take for the tokens that a prior is judged by: none of them is learnt, all of them can be beaten.

Shape legend: n items of T frames of Q levels on h x w positions, K codes of a level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tilework.engine.prior.clips import Indices, Items
from tilework.engine.prior.feed import Codes
from tilework.engine.prior.measured import COPY, UNIFORM, UNIGRAM

_AT_ONCE = 2**20
_MOST_PAIRS = 2**22
"""Tokens with the one before them from which the probability of a copy is fitted."""
_ROUNDS = 30


@dataclass(frozen=True)
class Baselines:
    """Fitted on training tokens. `unigram` (Q, K): probabilities, add-one smoothed; `copies` (Q,): with which probability a token
    is that of the frame before, and else drawn from the unigram; None for single images."""

    codes: int
    unigram: NDArray[np.float64]
    copies: NDArray[np.float64] | None

    @classmethod
    def fitted(cls, codes: Codes, items: Items, size: int) -> Baselines:
        """Of the frames of training items; `size` is K."""
        unigram = _unigram(codes, np.unique(items.frames_of(_some(items))), size)
        copies = _copies(codes, items, unigram) if items.frames > 1 else None
        return cls(size, unigram, copies)

    def bits(self, tokens: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Tokens (n, T, Q, h, w) -> bits of each under each code, the same shape. The first frame has none before it: it takes
        what the unigram takes."""
        levels = np.arange(tokens.shape[2])[:, None, None]
        alone = self.unigram[levels, tokens]
        found = {UNIFORM: np.full(tokens.shape, math.log2(self.codes)), UNIGRAM: -np.log2(alone)}
        if self.copies is not None:
            share = self.copies[levels]
            after = share * (tokens[:, 1:] == tokens[:, :-1]) + (1 - share) * alone[:, 1:]
            found[COPY] = -np.log2(np.concatenate([alone[:, :1], after], axis=1))
        return found


def _some(items: Items) -> Indices:
    """All items, or as many as one million frames allow, spread over all."""
    most = max(1, _AT_ONCE // items.frames)
    return np.unique(np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(np.int64))


def _unigram(codes: Codes, rows: Indices, size: int) -> NDArray[np.float64]:
    array = codes.rows
    levels, positions = array.shape[1], int(np.prod(array.shape[2:]))
    counts = np.ones((levels, size))
    per = max(1, _AT_ONCE // (levels * positions))
    for begin in range(0, len(rows), per):
        part = np.asarray(array[rows[begin : begin + per]]).astype(np.int64)
        for level in range(levels):
            counts[level] += np.bincount(part[:, level].ravel(), minlength=size)
    shares: NDArray[np.float64] = counts / counts.sum(1, keepdims=True)
    return shares


def _copies(codes: Codes, items: Items, unigram: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of copies that makes the training tokens likeliest, by expectation and maximisation."""
    array = codes.rows
    levels, positions = array.shape[1], int(np.prod(array.shape[2:]))
    most = max(1, _MOST_PAIRS // (items.frames * levels * positions))
    chosen = np.unique(np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(np.int64))
    tokens = codes.batch(items, chosen).tokens.cpu().numpy()
    found = np.empty(levels)
    for level in range(levels):
        now, before = tokens[:, 1:, level], tokens[:, :-1, level]
        same, alone, share = now == before, unigram[level][now], 0.5
        for _ in range(_ROUNDS):
            by_copy = share * same
            share = float((by_copy / (by_copy + (1 - share) * alone)).mean())
            share = min(max(share, 1e-6), 1 - 1e-6)
        found[level] = share
    return found
