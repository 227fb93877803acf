"""Vector quantisation: every token becomes the nearest of K codes (arXiv 1711.00937)."""

from __future__ import annotations

from typing import Any, Literal, Self

from tilework.bottlenecks.codebook.quantizer import CodebookBottleneck
from tilework.bottlenecks.codebook.revival import Revival
from tilework.bottlenecks.codebook.settings import CodebookConfig
from tilework.bottlenecks.contract import Bottleneck


class VQ(CodebookBottleneck):
    """One codebook of `codes` x `dim`. In and out (B, D, H, W) or (B, N, D); the settings are those of `Config`.

    >>> import torch
    >>> latent = VQ(dim=8, codes=32)(torch.randn(2, 8, 4, 4))
    >>> latent.z.shape, latent.codes.shape
    (torch.Size([2, 8, 4, 4]), torch.Size([2, 1, 4, 4]))
    """

    def __init__(self, config: Config | None = None, /, **settings: Any) -> None:
        super().__init__(Config.of(config, settings))


class Config(CodebookConfig):
    """Vector quantisation with one codebook."""

    kind: Literal["vq"] = "vq"

    def build(self) -> Bottleneck:
        return VQ(self)

    @classmethod
    def examples(cls) -> list[Self]:
        return [
            cls(dim=8, codes=16),
            cls(dim=8, codes=16, codebook="gradient", gradient="rotation"),
            cls(dim=8, codes=16, distance="cosine", search_dim=4),
            cls(dim=6, codes=20, distance="cosine", codebook="gradient", start="random", revival=None),
            cls(dim=8, codes=16, codebook="simvq"),
            cls(dim=6, codes=20, codebook="simvq", distance="cosine", search_dim=4, start="random"),
            cls(dim=2, codes=300, start="random", gradient="rotation", revival=Revival(patience=0, cooldown=0)),
        ]
