"""The newest encoder outputs of training, shown as points by a live page: what the steps computed anyway, not encoded again."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.bottlenecks import Latent
from tilework.data import Batch
from tilework.engine.autoencoder.model import to_points

POINTS = 1024
"""Tokens of the window."""


def encoded(latent: Latent) -> Tensor:
    """Where the encoder put each token, (N, D): the mean of a posterior, what a quantiser was given, or else z itself."""
    if latent.mean is not None:
        return latent.mean
    return latent.inputs[0] if latent.inputs else to_points(latent.z)


@dataclass
class _Step:
    """One micro-batch: references to its tensors (z, codes, labels) until someone looks, from then on its rows in NumPy."""

    tokens: int
    tensors: tuple[Tensor, Tensor | None, Tensor] | None
    rows: tuple[NDArray[np.float32], NDArray[np.int32] | None, NDArray[np.int16]] | None = None
    trained: bool = True

    @property
    def every(self) -> int:
        """Of a batch with more tokens than the window, every so many-th."""
        return max(1, -(-self.tokens // POINTS))

    @property
    def size(self) -> int:
        """How many tokens that are."""
        return -(-self.tokens // self.every)


class RollingPoints:
    """The tokens of the newest steps. A step costs a reference; a look fetches only what no look before it has fetched."""

    def __init__(self, positions: int) -> None:
        self.positions = max(1, positions)
        """Tokens of one image."""
        self._steps: deque[_Step] = deque()
        self._tokens = 0

    @property
    def empty(self) -> bool:
        """Whether nothing was encoded yet."""
        return not self._steps

    @property
    def untrained(self) -> tuple[int, int]:
        """(of the points that `newest` gives, those that stand in for what is not trained yet; all of them)."""
        every = min(POINTS, sum(step.size for step in self._steps))
        return every - min(POINTS, sum(step.size for step in self._steps if step.trained)), every

    def seen(self, latents: Sequence[Latent], batches: Sequence[Batch], *, trained: bool = True) -> None:
        """Remember what one step encoded: references, no copies. Not `trained`: images that stand in for it."""
        for latent, batch in zip(latents, batches, strict=True):
            points = encoded(latent)
            self._steps.append(_Step(len(points), (points.detach(), latent.codes, batch.labels), trained=trained))
            self._tokens += len(points)
        while len(self._steps) > 1 and self._tokens - self._steps[0].tokens >= POINTS:
            self._tokens -= self._steps.popleft().tokens

    def newest(self) -> tuple[NDArray[np.float32], NDArray[np.int32] | None, NDArray[np.int16]]:
        """The newest step's tokens first: (P, D), codes (P, Q) or None, labels (P,); P <= POINTS."""
        self._fetch()
        rows = [step.rows for step in reversed(self._steps) if step.rows is not None]
        if not rows:
            return np.zeros((0, 1), np.float32), None, np.zeros(0, np.int16)
        points, codes, labels = zip(*rows, strict=True)
        with_codes = [code for code in codes if code is not None]
        assigned = np.concatenate(with_codes)[:POINTS] if with_codes else None
        return np.concatenate(points)[:POINTS], assigned, np.concatenate(labels)[:POINTS]

    def _fetch(self) -> None:
        """All new steps at once: on a GPU every fetch waits for it."""
        new = [(step, step.tensors) for step in self._steps if step.tensors is not None]
        if not new:
            return
        points = _joined([z[:: step.every] for step, (z, _, _) in new]).float().cpu().numpy()
        given = [code.transpose(0, 1).flatten(1).T[:: step.every] for step, (_, code, _) in new if code is not None]
        codes = _joined(given).to(torch.int32).cpu().numpy() if given else None
        of_tokens = [self._of_tokens(label)[:: step.every] for step, (_, _, label) in new]
        labels = _joined(of_tokens).to(torch.int16).cpu().numpy()
        end = 0
        for step, _ in new:
            begin, end = end, end + step.size
            rows = slice(begin, end)
            step.rows = points[rows], codes[rows] if codes is not None else None, labels[rows]
            step.tensors = None

    def _of_tokens(self, labels: Tensor) -> Tensor:
        return labels if self.positions == 1 else labels.repeat_interleave(self.positions)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)
