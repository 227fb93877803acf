"""Settings that every bottleneck with a learnt codebook has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tilework.bottlenecks.codebook import rules
from tilework.bottlenecks.codebook.revival import Revival
from tilework.bottlenecks.contract import BottleneckConfig
from tilework.spec.hints import unset

if TYPE_CHECKING:
    RuleName = str
else:
    # The files of `rules/`: a new rule is a new file.
    RuleName = Literal[rules.NAMES]


@dataclass(frozen=True)
class Stack:
    """How many codebooks are applied one after another, whether they are one and the same, and the share of training images
    that go through only the first few of them."""

    levels: int = 1
    shared: bool = False
    dropout: float = 0.0


class CodebookConfig(BottleneckConfig):
    """A codebook: how large, how it is searched, how it learns, how it begins and how dead codes come back."""

    dim: int = Field(
        default=64, ge=1, le=4096, description="dimensions D of a token (channels that the encoder delivers)"
    )
    codes: int = Field(default=512, ge=2, le=2**22, description="codes K of one codebook")
    codebook: RuleName = Field(
        default="ema",
        description="codes are moving averages of their tokens, weights that the optimiser moves, or fixed vectors times one "
        "learnt matrix (SimVQ)",
    )
    decay: float = Field(default=0.9, gt=0, lt=1, description="share of the old moving average kept at each step")
    epsilon: float = Field(default=1e-5, gt=0, le=1, description="tokens added to each code's moving count (smoothing)")
    start: Literal["kmeans", "random"] = Field(
        default="kmeans", description="first codes: k-means of encoder outputs, or normal with norm about 1"
    )
    gradient: Literal["straight_through", "rotation"] = Field(
        default="straight_through", description="how the decoder's gradient passes the quantiser to the encoder"
    )
    search_dim: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="dimensions of the codes; a linear layer each side",
        json_schema_extra=unset("dim, without these layers"),
    )
    distance: Literal["euclidean", "cosine"] = Field(
        default="euclidean", description="cosine brings tokens and codes to norm 1 first"
    )
    revival: Revival | None = Field(
        default=Revival(), description="how dead codes come back", json_schema_extra=unset("they do not")
    )
    chunk_mib: float | None = Field(
        default=None,
        gt=0,
        le=2**16,
        description="MiB of scores that the search holds",
        json_schema_extra=unset("16 on a CPU, 256 on a GPU"),
    )

    @property
    def stack(self) -> Stack:
        """A kind with several codebooks defines how they follow one another."""
        return Stack()
