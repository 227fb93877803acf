"""No bottleneck: the decoder sees what the encoder gave (a plain autoencoder)."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field
from torch import Tensor

from tilework.bottlenecks.contract import Bottleneck, BottleneckConfig, Latent
from tilework.bottlenecks.tokens import count_nonfinite, float32, from_tokens, refuse_nonfinite, to_tokens


class NoBottleneck(Bottleneck):
    """z = h, in float32. In and out (B, D, H, W) or (B, N, D)."""

    def __init__(self, config: Config | None = None, /, **settings: Any) -> None:
        super().__init__()
        self.in_channels = self.dim = Config.of(config, settings).dim

    def forward(self, h: Tensor) -> Latent:
        with float32(h):
            x, places = to_tokens(h.float(), self.dim)
            if not self.training:
                refuse_nonfinite(x)
            seen = x.detach()
            stats = {
                "z_mean": seen.mean(0),
                # Not var(): it warns where there is no token at all.
                "z_var": (seen - seen.mean(0)).square().mean(0),
                "z_norm": seen.norm(dim=1).mean(),
                "nonfinite": count_nonfinite(seen),
            }
            return Latent(z=from_tokens(x, places), stats=stats)

    def infer(self, h: Tensor) -> tuple[None, Tensor]:
        with float32(h):
            x, places = to_tokens(h.float(), self.dim)
            return None, from_tokens(x, places)


class Config(BottleneckConfig):
    """No bottleneck."""

    kind: Literal["none"] = "none"
    dim: int = Field(default=64, ge=1, le=4096, description="channels D that the encoder delivers")

    def build(self) -> Bottleneck:
        return NoBottleneck(self)

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(dim=3)]
