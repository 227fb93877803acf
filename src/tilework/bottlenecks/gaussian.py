"""A Gaussian latent with a standard normal prior: the VAE of arXiv 1312.6114."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from tilework.bottlenecks.contract import Bottleneck, BottleneckConfig, Latent
from tilework.bottlenecks.tokens import (
    count_nonfinite,
    finite_rows,
    float32,
    from_tokens,
    mean_row,
    refuse_nonfinite,
    split_channels,
    to_tokens,
)
from tilework.metrics import ACTIVE

LOG_VARIANCE = (-30.0, 20.0)
"""Range of the log-variance: beyond it exp overflows or the KL divergence is all rounding."""


class Gaussian(Bottleneck):
    """The encoder's channels are mu (D) then log-variance (D); z ~ N(mu, exp(logvar)) in training, z = mu in evaluation.

    Loss, appendix B of the paper, kept apart for each dimension:

        kl_per_dim[d] = mean over batch and positions of (mu_d^2 + exp(logvar_d) - 1 - logvar_d) / 2      (nats)

    In (B, 2D, H, W) or (B, N, 2D), out (B, D, H, W) or (B, N, D). The noise comes from torch's global generator of the
    device. `logvar` is clamped to [-30, 20] in value; its gradient passes, so that an encoder out there comes back.
    """

    def __init__(self, config: Config | None = None, /, **settings: Any) -> None:
        super().__init__()
        self.dim = Config.of(config, settings).dim
        self.in_channels = 2 * self.dim

    def forward(self, h: Tensor) -> Latent:
        with float32(h):
            x, grid = to_tokens(h, self.in_channels)
            if not self.training:
                refuse_nonfinite(x)
            usable = finite_rows(x.detach())
            safe = x if usable is None else torch.where(usable[:, None], x, 0.0)
            mu, raw = split_channels(safe.unsqueeze(0))
            mu, raw = mu[0], raw[0]
            logvar = raw + (raw.clamp(*LOG_VARIANCE) - raw).detach()
            kl = 0.5 * mean_row(mu.square() + logvar.exp() - 1.0 - logvar, usable)
            z = mu + (0.5 * logvar).exp() * torch.randn_like(mu) if self.training else mu
            fixed = mu.detach()
            mu_mean = mean_row(fixed, usable)
            stats = {
                "kl_per_dim": kl.detach(),
                "active_units": (kl.detach() > ACTIVE).sum(),
                "mu_mean": mu_mean,
                "mu_var": fixed.var(0, correction=0)
                if usable is None
                else mean_row((fixed - mu_mean).square(), usable),
                "z_norm": mean_row(fixed.norm(dim=1), usable),
                "nonfinite": count_nonfinite(x),
            }
            return Latent(z=from_tokens(z, grid), losses={"kl_per_dim": kl}, stats=stats, mean=fixed)

    def infer(self, h: Tensor) -> tuple[None, Tensor]:
        with float32(h):
            x, grid = to_tokens(h, self.in_channels)
            mu, _ = split_channels(x.unsqueeze(0))
            return None, from_tokens(mu[0], grid)

    def posterior(self, h: Tensor) -> tuple[Tensor, Tensor]:
        with float32(h):
            mu, logvar = split_channels(h.float())
            return mu, (0.5 * logvar.clamp(*LOG_VARIANCE)).exp()


class Config(BottleneckConfig):
    """A Gaussian latent (VAE, beta-VAE)."""

    kind: Literal["gaussian"] = "gaussian"
    dim: int = Field(default=12, ge=1, le=4096, description="latent dimensions D; the encoder delivers 2 x D channels")

    def build(self) -> Bottleneck:
        return Gaussian(self)

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(dim=3)]
