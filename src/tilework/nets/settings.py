"""The settings of a ladder, written down once: the encoder's, and for a decoder the same with null for "mirrored"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_type_hints

from pydantic import Field, create_model

from tilework.nets.layers import Activation, Norm
from tilework.spec import BLOCKS, Settings
from tilework.spec.hints import unset

Width = Annotated[int, Field(ge=1, le=4096)]
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=10)]
Dense = Annotated[tuple[Width, ...], Field(max_length=4)]
Count = Annotated[int, Field(ge=0, le=32)]

if TYPE_CHECKING:
    Block = str
else:
    # The default first, as a form shows it.
    Block = Literal[tuple(sorted(BLOCKS.kinds, key=lambda kind: (kind != "residual", kind)))]


@dataclass(frozen=True)
class InDecoder:
    """What a setting means where the ladder is climbed the other way, in words that differ from the encoder's."""

    description: str


class Ladder(Settings):
    """One side of a ladder: the widths of its feature maps, and what stands at each resolution."""

    widths: Annotated[Widths, InDecoder("channels of each resolution in the encoder's order, image first")] = Field(
        default=(64, 128), description="channels after each stride-2 convolution, image first"
    )
    kernel: Annotated[Literal[3, 4], InDecoder("pixels on a side of the transposed convolutions")] = Field(
        default=4, description="pixels on a side of the stride-2 convolutions"
    )
    block: Block = Field(default="residual", description="what a block is: a residual block, or a 3x3 convolution")
    blocks: Annotated[Count, InDecoder("blocks at each resolution")] = Field(
        default=0, description="blocks after each stride-2 convolution"
    )
    residual_width: Annotated[Width | None, InDecoder("channels inside a residual block")] = Field(
        default=None, description="channels inside a residual block", json_schema_extra=unset("as many as around it")
    )
    middle: Annotated[Count, InDecoder("3x3 convolutions next to the latent")] = Field(
        default=0, description="3x3 convolutions at the resolution of the latent"
    )
    tail_blocks: Annotated[Count, InDecoder("blocks next to the latent")] = Field(
        default=0, description="blocks at the resolution of the latent, after the middle"
    )
    attention: Count = Field(
        default=0, description="self-attention layers next to the latent, one behind each of the first tail blocks"
    )
    norm: Norm = Field(default="none", description="normalisation of feature maps")
    norm_at: Literal["each", "last"] = Field(
        default="each", description="every feature map, or only the one next to the latent"
    )
    norm_order: Annotated[Literal["before", "after"], InDecoder("norm before or after the activation")] = Field(
        default="before", description="norm before or after the activation (in residual blocks always before)"
    )
    activation: Annotated[Activation, InDecoder("nonlinearity")] = Field(
        default="relu", description="nonlinearity between convolutions"
    )
    projection: Annotated[
        Literal[1, 3, "none"], InDecoder("kernel of the first convolution; none = the latent has the last width")
    ] = Field(
        default=1,
        description="kernel of the last convolution, to the latent's channels; none = the last width is the latent",
    )
    dense: Annotated[Dense | None, InDecoder("widths of hidden dense layers in the encoder's order")] = Field(
        default=None,
        description="widths of hidden dense layers before a vector latent ([] = none)",
        json_schema_extra=unset("a grid"),
    )


def _mirrored() -> dict[str, Any]:
    """The fields of `Ladder` again, each null by default, in the decoder's words."""
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(Ladder, include_extras=True).items():
        if name in Ladder.model_fields:
            own = [part.description for part in get_args(hint) if isinstance(part, InDecoder)]
            words = own[0] if own else Ladder.model_fields[name].description
            fields[name] = (hint | None, Field(default=None, description=words, json_schema_extra=unset("mirrored")))
    return fields


if TYPE_CHECKING:

    class Mirrored(Ladder):
        """`Ladder` with every field optional."""

else:
    Mirrored = create_model("Mirrored", __base__=Settings, __module__=__name__, **_mirrored())


def completed(own: Mirrored, mirrored: Ladder) -> Ladder:
    """A decoder's settings, with the encoder's wherever they are null."""
    values = {name: getattr(own, name) for name in Ladder.model_fields}
    return Ladder(**{name: getattr(mirrored, name) if value is None else value for name, value in values.items()})
