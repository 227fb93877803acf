"""Residual quantisation: each level's codes stand for what the levels before left (arXiv 2203.01941)."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field

from tilework.bottlenecks.codebook.quantizer import CodebookBottleneck
from tilework.bottlenecks.codebook.settings import CodebookConfig, Stack
from tilework.bottlenecks.contract import Bottleneck


class RQ(CodebookBottleneck):
    """`levels` codebooks of `codes` x `dim`, or one for all levels (`shared`). In and out (B, D, H, W) or (B, N, D);
    the settings are those of `Config`.

    >>> import torch
    >>> latent = RQ(dim=2, codes=16, levels=2)(torch.randn(64, 2, 1, 1))
    >>> latent.codes.shape
    torch.Size([64, 2, 1, 1])
    """

    def __init__(self, config: Config | None = None, /, **settings: Any) -> None:
        super().__init__(Config.of(config, settings))


class Config(CodebookConfig):
    """Residual quantisation with several codebooks in turn."""

    kind: Literal["rq"] = "rq"
    levels: int = Field(default=2, ge=1, le=64, description="codebooks Q that are applied one after another")
    shared: bool = Field(default=False, description="all levels use one codebook")
    level_dropout: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of training images that go through only the first 1 to Q levels, so that fewer levels decode well",
    )
    distance: Literal["euclidean"] = Field(
        default="euclidean", description="residuals have no norm of 1, so cosine does not fit"
    )

    @property
    def stack(self) -> Stack:
        return Stack(self.levels, self.shared, self.level_dropout)

    def build(self) -> Bottleneck:
        return RQ(self)

    @classmethod
    def examples(cls) -> list[Self]:
        return [
            cls(dim=2, codes=16, levels=2, codebook="gradient", revival=None),
            cls(dim=8, codes=16, levels=3),
            cls(dim=8, codes=16, levels=3, shared=True, gradient="rotation"),
            cls(dim=8, codes=12, levels=2, search_dim=3, start="random", codebook="gradient"),
            cls(dim=8, codes=16, levels=3, codebook="simvq"),
            cls(dim=8, codes=16, levels=3, level_dropout=0.5),
            cls(dim=4, codes=16, levels=3, level_dropout=1.0, shared=True, codebook="gradient"),
        ]
