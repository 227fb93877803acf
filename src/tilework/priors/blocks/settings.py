"""The settings that every transformer over tokens has."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tilework.errors import Refused
from tilework.priors.contract import PriorConfig

Positions = Literal["axial", "grid", "sinusoidal"]
Share = Annotated[float, Field(ge=0, lt=1)]


class TransformerConfig(PriorConfig):
    """Pre-norm transformer. Time has no vectors of its own: it is in the angles of rotary embeddings, so any length will do."""

    width: int = Field(default=256, ge=4, le=4096, description="channels of a token; a multiple of 2 x heads")
    depth: int = Field(default=8, ge=1, le=96, description="blocks")
    heads: int = Field(default=8, ge=1, le=64, description="heads of each attention")
    dropout: Share = Field(
        default=0.1, description="share of channels left out in training: of the input and of each branch"
    )
    mlp: Literal["gelu", "swiglu"] = Field(
        default="gelu", description="two layers with GELU, or the gated unit of arXiv 2002.05202 with as many weights"
    )
    mlp_ratio: float = Field(default=4.0, gt=0, le=16, description="hidden channels of the MLP / width")
    positions: Positions = Field(
        default="axial",
        description="vectors for where on the grid a token is: learned for row + column (axial), learned for each position "
        "(grid), or fixed waves (sinusoidal)",
    )
    labels: bool = Field(default=True, description="use the labels of the items, where the data has any")
    label_dropout: Share = Field(
        default=0.1, description="share of items whose label is left out in training; 0 = guidance is not possible"
    )

    @model_validator(mode="after")
    def _whole_heads(self) -> Self:
        if self.width % (2 * self.heads):
            unit = 2 * self.heads
            raise Refused(
                f"width {self.width} is no multiple of 2 x heads = {unit}",
                fix=f"write width={max(1, round(self.width / unit)) * unit}",
            )
        return self
