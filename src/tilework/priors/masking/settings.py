"""The settings of a masked prior."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tilework.priors.blocks.settings import TransformerConfig
from tilework.spec.hints import unset


class MaskedConfig(TransformerConfig):
    """Of every prior that hides tokens and predicts them."""

    width: int = Field(default=128, ge=4, le=4096, description="channels of a token; a multiple of 2 x heads")
    depth: int = Field(default=6, ge=1, le=96, description="blocks")
    heads: int = Field(default=4, ge=1, le=64, description="heads of each attention")
    attention: Literal["auto", "full", "factorised"] = Field(
        default="auto",
        description="of clips: all tokens see all (full), or those of their frame and then those of their position (factorised); "
        "auto = full up to 1,024 positions",
    )
    tied: bool = Field(
        default=False, description="logits are products with the vectors by which codes come in, as in MaskGIT"
    )
    patch: int = Field(
        default=1,
        ge=1,
        le=16,
        description="squares of so many tokens a side share one position: 2 = four times fewer positions, each of its tokens is "
        "hidden and drawn by itself",
    )
    token_width: int | None = Field(
        default=None,
        ge=4,
        le=4096,
        description="channels of a token before squares are joined and after they are parted",
        json_schema_extra=unset("width"),
    )
    convolutions: int = Field(
        default=0,
        ge=0,
        le=16,
        description="3x3 convolutions over tokens (of clips 3x3x3) before the blocks, and as many after them, which also see "
        "what went into the blocks",
    )
    pointer: bool = Field(
        default=False,
        description="a token may also be a copy of a known one beside it, in its own frame and those before and after it; for "
        "tokens that repeat, as those of animations do",
    )
    frames_seen: list[Annotated[int, Field(ge=1)]] | None = Field(
        default=None,
        min_length=1,
        description="of clips a training step sees so many frames each, one of these numbers at random, and as many clips"
        " of the batch as make the same number of frames",
        json_schema_extra=unset("those of the window, of all clips"),
    )
    window: int | None = Field(
        default=None,
        ge=2,
        le=1024,
        description="of longer clips so many frames are seen at once: so many that are spread over the clip, then window "
        "by window those between them",
        json_schema_extra=unset("all"),
    )
    whole_frames: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="of clips the share of items in which frames are hidden as a whole in training",
    )
    passes: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="passes of a level when sampling, unless --steps is given",
        json_schema_extra=unset("10 up to 256 positions and more for more, half as many for the finer levels"),
    )
