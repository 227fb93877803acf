"""The encoder's ladder climbed the other way: from the latent back to exactly the image's size."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import nn

from tilework.errors import UserError
from tilework.nets.contract import DecoderConfig, EncoderConfig
from tilework.nets.encoders.ladder import Config as Encoder
from tilework.nets.layers import Flatten, Range, ToImage, Unflatten, Upsample, upsample
from tilework.nets.rungs import Chain, sizes
from tilework.nets.settings import Ladder, Mirrored, completed
from tilework.spec import Size


class Output(DecoderConfig):
    """What a decoder alone has: how it climbs, and what makes pixels of the last feature map."""

    upsample: Upsample = Field(
        default="transposed", description="a step up: transposed convolution, or nearest resize and a 3x3 convolution"
    )
    output: Range = Field(default="sigmoid", description="sigmoid or (tanh + 1) / 2 to [0, 1]; linear = unbounded")
    final_relu: bool = Field(default=False, description="a known fault, on purpose: a ReLU in front of the output")


class Config(Mirrored, Output):
    """A grid (B, D, h, w) or a vector (B, D, 1, 1) -> images (B, C, H, W), float32.

    In order: dense layers or the projection from D channels; at the resolution of the latent `tail_blocks` blocks with
    `attention` layers of self-attention among them, and `middle` convolutions; then for each of `widths`, from the last to
    the first, `blocks` blocks and one step up. Whatever is null is as in the encoder, so that both sides treat the same
    feature map alike.
    """

    kind: Literal["ladder"] = "ladder"

    def plan(self, encoder: EncoderConfig) -> Ladder:
        """Own settings over the encoder's. Raises UserError where the two do not fit each other."""
        if not isinstance(encoder, Encoder):
            raise UserError(
                f"a decoder of kind ladder cannot mirror an encoder of kind {encoder.kind}",
                why="it takes its sizes from the encoder's stride-2 stages",
                fix="set encoder.kind=ladder",
            )
        plan = completed(self, encoder)
        if len(plan.widths) != len(encoder.widths):
            raise UserError(
                f"decoder.widths has {len(plan.widths)} entries, but encoder.widths has {len(encoder.widths)}",
                why="each stride-2 stage of the encoder is undone by one step up",
                fix=f"give decoder.widths {len(encoder.widths)} entries, or leave it out to mirror the encoder",
            )
        if plan.dense is not None and encoder.dense is None:
            raise UserError(
                "decoder.dense is given, but encoder.dense is not",
                why="dense layers are for a vector latent; this encoder delivers a grid",
                fix="leave decoder.dense out",
            )
        return plan

    def build(self, size: Size, channels: int, in_channels: int, encoder: EncoderConfig) -> nn.Sequential:
        """A new decoder, a Sequential with readable names (`project` or `dense1`, `stage2_up`, `stage1_up`, `image`)."""
        plan = self.plan(encoder)
        assert isinstance(encoder, Encoder)
        steps = sizes(size, encoder.kernel, len(plan.widths))
        chain = Chain(plan, "each" if plan.norm_at == "each" else "first", width=in_channels)
        self._entry(chain, in_channels, steps[-1])
        chain.refine(plan.tail_blocks, "tail_block", plan.attention)
        chain.convolve(plan.middle, "middle")
        for number in range(len(plan.widths), 0, -1):
            chain.refine(plan.blocks, f"stage{number}_block")
            outputs = plan.widths[number - 2] if number > 1 else channels
            up = upsample(chain.width, outputs, plan.kernel, steps[number], steps[number - 1], self.upsample)
            chain.add(f"stage{number}_up", up, outputs)
        chain.layers.append(("image", ToImage(self.output, self.final_relu)))
        return chain.build("first")

    def _entry(self, chain: Chain, in_channels: int, latent: Size) -> None:
        plan = chain.plan
        width = plan.widths[-1]
        if plan.dense is not None:
            chain.layers.append(("flatten", Flatten()))
            features = in_channels
            for number, hidden in enumerate(reversed(plan.dense), start=1):
                chain.layers.append((f"dense{number}", nn.Linear(features, hidden)))
                chain.layers.append((f"dense{number}_act", chain.nonlinearity()))
                features = hidden
            chain.layers.append(("grow", nn.Linear(features, width * latent.width * latent.height)))
            chain.add("unflatten", Unflatten(width, latent), width)
        elif plan.projection != "none":
            project = nn.Conv2d(in_channels, width, plan.projection, padding=plan.projection // 2)
            chain.add("project", project, width)
        elif in_channels != width:
            raise UserError(
                f"the latent has {in_channels} channels, but decoder.widths ends in {width}",
                why="with decoder.projection=none the latent is the first feature map, so its channels must be as many",
                fix="set decoder.projection=1",
            )
