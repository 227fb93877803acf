"""Vector quantisation: every token becomes the nearest of K codes (arXiv 1711.00937)."""

from __future__ import annotations

from typing import Any, Literal, Self

from tilework.bottlenecks.codebook.quantizer import CodebookBottleneck
from tilework.bottlenecks.codebook.revival import Revival
from tilework.bottlenecks.codebook.settings import CodebookConfig
from tilework.bottlenecks.contract import Bottleneck
from tilework.spec import BOTTLENECKS


class VQ(CodebookBottleneck):
    """One codebook of `codes` x `dim`. In and out (B, D, H, W) or (B, N, D); the settings are those of `Config`.

    >>> import torch
    >>> latent = VQ(dim=8, codes=32)(torch.randn(2, 8, 4, 4))
    >>> latent.z.shape, latent.codes.shape
    (torch.Size([2, 8, 4, 4]), torch.Size([2, 1, 4, 4]))
    """

    def __init__(
        self,
        *,
        dim: int,
        codes: int,
        codebook: Literal["ema", "gradient", "simvq"] = "ema",
        decay: float = 0.9,
        epsilon: float = 1e-5,
        start: Literal["kmeans", "random"] = "kmeans",
        gradient: Literal["straight_through", "rotation"] = "straight_through",
        search_dim: int | None = None,
        distance: Literal["euclidean", "cosine"] = "euclidean",
        revival: Revival | dict[str, Any] | None = Revival(),  # noqa: B008 (frozen)
        chunk_mib: float | None = None,
    ) -> None:
        given = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        settings = BOTTLENECKS.parse({"kind": "vq", **given})
        assert isinstance(settings, Config)
        super().__init__(settings)


class Config(CodebookConfig):
    """Vector quantisation with one codebook."""

    kind: Literal["vq"] = "vq"

    def build(self) -> Bottleneck:
        return VQ(**{name: getattr(self, name) for name in type(self).model_fields if name != "kind"})

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
