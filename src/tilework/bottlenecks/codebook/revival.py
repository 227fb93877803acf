"""Dead codes come back: moved onto a recent token, with their statistics reset together.

A code is dead when its moving count has been below a *relative* bound, `threshold` x the mean count, for `patience`
steps in a row. Resetting the code alone would let the next average pull it back to where it died, so code, count and
sum change together: code = x, n = bound, m = n x. With n at the bound the newcomer follows its first tokens at once.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from tilework.bottlenecks.codebook.counter import Counter, row_keys
from tilework.spec import Setting, Settings
from tilework.spec.hints import unset

_CHANCE, _ORDER, _NOISE = 3, 4, 5
# Most codes that one step moves; a codebook that died whole is back within K / 1024 steps.
_MOST = 1024
_BY_HAND = 2**30
"""Age of a code that is to come back at once, whatever its patience."""


class Revival(Settings):
    """When a code counts as dead, and how it comes back."""

    enabled: bool = Field(default=True, description="false = dead codes stay dead")
    threshold: float = Field(
        default=0.05, gt=0, lt=1, description="dead below this share of the mean moving count (N/K tokens a step)"
    )
    patience: int = Field(default=20, ge=0, le=100_000, description="steps in a row below the bound before a revival")
    cooldown: int = Field(
        default=50, ge=0, le=100_000, description="steps after its revival in which a code is not judged"
    )
    jitter: float = Field(
        default=0.01, ge=0, le=1, description="noise on the new place, in standard deviations of the recent tokens"
    )
    probability: float = Field(default=1.0, gt=0, le=1, description="chance per step that a dead code is revived")
    until: int | None = Field(
        default=None,
        ge=1,
        description="training steps after which dead codes stay dead",
        json_schema_extra=unset("never"),
    )

    def waits(self, step: int) -> int:
        """Steps below the bound after which a code is dead, at this training step."""
        return _BY_HAND if self.until is not None and step >= self.until else max(1, self.patience)

    def setting(self) -> Setting:
        """The threshold, which may be changed while a run goes on."""
        return Setting(
            name="revival.threshold",
            label="revival below",
            value=self.threshold,
            low=0.0,
            high=0.9,
            scale="linear",
            help="share of the mean count; 0 = dead codes stay dead",
        )


@torch.no_grad()
def judge(counts: Tensor, age: Tensor, settings: Revival, counter: Counter) -> Tensor:
    """Move `age` (S, K) int32 on by a step, which `counter` numbers, and return which codes are dead: (S, K) bool.

    Age counts the steps in a row below the bound; below zero it counts the cooldown out, whatever the code wins.
    """
    low = counts < settings.threshold * counts.mean(-1, keepdim=True)
    age.add_(1).mul_(low | (age <= 0))
    dead = low & (age >= settings.waits(counter.step))
    if settings.probability < 1:
        dead = dead & (counter.uniform(_CHANCE, dead.numel(), dead.device).view(dead.shape) < settings.probability)
    return dead


@torch.no_grad()
def distinct_rows(ring: Tensor, filled: Tensor) -> Tensor:
    """Which rows of (S, R, D) are filled and the first of their value: (S, R) bool."""
    keys, order = row_keys(ring).masked_fill(~filled, -1).sort(dim=-1, stable=True)
    first = torch.ones_like(filled)
    first[:, 1:] = keys[:, 1:] != keys[:, :-1]
    return torch.zeros_like(filled).scatter_(1, order, first) & filled


@torch.no_grad()
def newcomers(
    dead: Tensor, ring: Tensor, filled: Tensor, settings: Revival, counter: Counter
) -> tuple[Tensor, Tensor, Tensor]:
    """Match dead codes with distinct tokens of the ring, each used once: fixed shapes, no wait for the device.

    dead (S, K), ring (S, R, D), filled (S, R) -> codes (S, M) int64, points (S, M, D), real (S, M) bool, where `real`
    marks which of the M pairs exist. Tokens that were used leave the ring (`filled` changes in place).
    """
    sets, k = dead.shape
    kept = ring.shape[1]
    most = min(k, kept, _MOST)
    number = torch.arange(k, 0, -1, device=dead.device)
    waiting, codes = torch.where(dead, number, 0).topk(most)
    free = distinct_rows(ring, filled)
    order = counter.bits(_ORDER, sets * kept, dead.device).view(sets, kept)
    luck, rows = torch.where(free, order, -1).topk(most)
    real = (waiting > 0) & (luck >= 0)
    points = ring.gather(1, rows.unsqueeze(-1).expand(-1, -1, ring.shape[-1]))
    if settings.jitter > 0:
        noise = counter.uniform(_NOISE, points.numel(), dead.device).view(points.shape) * 2 - 1
        # Uniform in (-a, a) has standard deviation a / sqrt 3.
        points = points + noise * (3**0.5 * settings.jitter) * _spread(ring, filled)
    filled.scatter_(1, rows, filled.gather(1, rows) & ~real)
    return codes, points, real


def _spread(ring: Tensor, filled: Tensor) -> Tensor:
    """Standard deviation of the filled rows, per dimension: (S, 1, D)."""
    weight = filled.unsqueeze(-1).float()
    count = weight.sum(1, keepdim=True).clamp_min(1)
    mean = (ring * weight).sum(1, keepdim=True) / count
    return ((ring - mean).square() * weight).sum(1, keepdim=True).div(count).sqrt()


@torch.no_grad()
def put(target: Tensor, codes: Tensor, values: Tensor, real: Tensor) -> None:
    """target[s, codes[s, j]] = values[s, j] where real[s, j]; target (S, K) or (S, K, D), in place."""
    if target.ndim == 3:
        codes, real = codes.unsqueeze(-1).expand(-1, -1, target.shape[-1]), real.unsqueeze(-1)
    target.scatter_(1, codes, torch.where(real, values, target.gather(1, codes)))
