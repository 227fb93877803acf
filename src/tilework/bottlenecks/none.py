"""No bottleneck: the decoder sees what the encoder gave (a plain autoencoder)."""

from __future__ import annotations

from typing import Any, Literal, Self

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
    to_tokens,
)


class NoBottleneck(Bottleneck):
    """z = h, in float32. In and out (B, D, H, W) or (B, N, D)."""

    def __init__(self, config: Config | None = None, /, **settings: Any) -> None:
        super().__init__()
        self.in_channels = self.dim = Config.of(config, settings).dim

    def forward(self, h: Tensor) -> Latent:
        with float32(h):
            x, grid = to_tokens(h, self.dim)
            if not self.training:
                refuse_nonfinite(x)
            seen = x.detach()
            usable = finite_rows(seen)
            z_mean = mean_row(seen, usable)
            stats = {
                "z_mean": z_mean,
                "z_var": mean_row((seen - z_mean).square(), usable),
                "z_norm": mean_row(seen.norm(dim=1), usable),
                "nonfinite": count_nonfinite(seen),
            }
            return Latent(z=from_tokens(x, grid), stats=stats)

    def infer(self, h: Tensor) -> tuple[None, Tensor]:
        with float32(h):
            x, grid = to_tokens(h, self.dim)
            return None, from_tokens(x, grid)


class Config(BottleneckConfig):
    """No bottleneck."""

    kind: Literal["none"] = "none"
    dim: int = Field(default=64, ge=1, le=4096, description="channels D that the encoder delivers")

    def build(self) -> Bottleneck:
        return NoBottleneck(self)

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(dim=3)]
