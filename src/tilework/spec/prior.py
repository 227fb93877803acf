"""The sections of a prior: whose tokens it learns, which of them make an item, and the network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from tilework.errors import Refused
from tilework.spec.hints import unset
from tilework.spec.model import Named, RunSpec
from tilework.spec.plugins import PRIORS, Plugin, Settings

MOST_FRAMES = 10_000


class TokenData(Settings):
    """What an item is: the tokens of one image, or of some frames of a clip. Every start within a clip is an item."""

    kind: Literal["tokens"] = Field(default="tokens", description="the parent's own images, as its tokens")
    frames: int = Field(default=1, ge=1, le=MOST_FRAMES, description="frames of an item; 1 = single images")
    stride: int | Literal["auto"] = Field(
        default=1,
        description="every so-many-th frame of a clip is taken; auto = as many as bring a loop round once, and 1 in other clips",
    )
    loop: bool | Literal["auto"] = Field(
        default="auto",
        description="true = every item goes once round a loop, frames x stride frames long; false = no item passes from the "
        "last frame of a clip to its first; auto = true where the clips are loops and frames x stride is their length",
    )
    mirror: bool = Field(
        default=False, description="train on mirrored images (left and right exchanged) too, encoded by the parent"
    )
    split: Literal["auto", "parent", "clips"] = Field(
        default="auto",
        description="what is held out: parent = the frames that the parent held out, and items wholly within them; clips = "
        "whole clips, the same share of each label; auto = parent where both sides then have items, else clips",
    )
    validation: float = Field(default=0.1, gt=0, lt=1, description="share of the clips that split=clips holds out")
    epoch_items: int | None = Field(
        default=None,
        ge=1,
        le=10**9,
        description="items in an epoch, the next epoch takes the following ones",
        json_schema_extra=unset("all"),
    )
    validate_items: int | None = Field(
        default=None,
        ge=1,
        le=10**9,
        description="held-out items that a validation measures, spread over all of them",
        json_schema_extra=unset("from 8 to 1,024, as many as have 32,768 tokens"),
    )

    @model_validator(mode="after")
    def _fits(self) -> TokenData:
        if isinstance(self.stride, int) and not 1 <= self.stride <= MOST_FRAMES:
            raise Refused(f"stride is {self.stride}", fix=f"write a whole number from 1 to {MOST_FRAMES:,}, or auto")
        if self.loop is True and self.frames < 2:
            raise Refused(
                f"loop is true and frames is {self.frames}, and one frame goes round nothing",
                fix="write data.frames=45",
            )
        return self


def _text(raw: object) -> object:
    """A step may be written as the number that it is."""
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw


class Sections(Named):
    """What a prior has and other tasks need not have."""

    parent: str = Field(
        min_length=1,
        max_length=4096,
        description="the run whose tokens are learnt: a name, a folder, or last (the newest autoencoder)",
    )
    checkpoint: Annotated[str, BeforeValidator(_text)] = Field(
        default="best",
        min_length=1,
        max_length=64,
        description="which of the parent's checkpoints: best, last or a step; a run writes down its step",
    )
    data: Annotated[TokenData, BeforeValidator(lambda raw: {"kind": raw} if isinstance(raw, str) else raw)] = Field(
        default=TokenData(), description="which of the parent's tokens make an item, and what is held out"
    )
    prior: Annotated[SerializeAsAny[Plugin], BeforeValidator(PRIORS.parse)] = Field(
        description="the network over tokens: causal draws them in order, masked many at once"
    )


class PriorSpec(RunSpec, Sections):
    """The spec of a prior over the tokens of an autoencoder."""

    task: Literal["prior"] = Field(
        default="prior", description="what is trained; it names the other sections of the spec"
    )
