"""Residual quantisation: each level's codes stand for what the levels before left (arXiv 2203.01941)."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field

from tilework.bottlenecks.codebook.quantizer import CodebookBottleneck
from tilework.bottlenecks.codebook.revival import Revival
from tilework.bottlenecks.codebook.settings import CodebookConfig
from tilework.bottlenecks.contract import Bottleneck
from tilework.spec import BOTTLENECKS


class RQ(CodebookBottleneck):
    """`levels` codebooks of `codes` x `dim`, or one for all levels (`shared`). In and out (B, D, H, W) or (B, N, D).

    >>> import torch
    >>> latent = RQ(dim=2, codes=16, levels=2)(torch.randn(64, 2, 1, 1))
    >>> latent.codes.shape
    torch.Size([64, 2, 1, 1])
    """

    def __init__(
        self,
        *,
        dim: int,
        codes: int,
        levels: int,
        shared: bool = False,
        level_dropout: float = 0.0,
        codebook: Literal["ema", "gradient", "simvq"] = "ema",
        decay: float = 0.9,
        epsilon: float = 1e-5,
        start: Literal["kmeans", "random"] = "kmeans",
        gradient: Literal["straight_through", "rotation"] = "straight_through",
        search_dim: int | None = None,
        distance: Literal["euclidean"] = "euclidean",
        revival: Revival | dict[str, Any] | None = Revival(),  # noqa: B008 (frozen)
        chunk_mib: float | None = None,
    ) -> None:
        given = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        settings = BOTTLENECKS.parse({"kind": "rq", **given})
        assert isinstance(settings, Config)
        super().__init__(settings, levels=levels, shared=shared, level_dropout=level_dropout)


class Config(CodebookConfig):
    """Residual quantisation with several codebooks in turn."""

    kind: Literal["rq"] = "rq"
    levels: int = Field(default=2, ge=1, le=64, description="codebooks Q that are applied one after another")
    shared: bool = Field(default=False, description="all levels use one codebook")
    level_dropout: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of training pictures that go through only the first 1 to Q levels, so that fewer levels decode well",
    )
    distance: Literal["euclidean"] = Field(
        default="euclidean", description="residuals have no norm of 1, so cosine does not fit"
    )

    def build(self) -> Bottleneck:
        return RQ(**{name: getattr(self, name) for name in type(self).model_fields if name != "kind"})

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
