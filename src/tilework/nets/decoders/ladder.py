"""The encoder's ladder climbed the other way: from the latent back to exactly the picture's size."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import nn

from tilework.errors import UserError
from tilework.nets.blocks import Activation, Flatten, Norm, Output, Picture, Unflatten, Upsample, upsample
from tilework.nets.contract import DecoderConfig, EncoderConfig
from tilework.nets.encoders.ladder import Config as Encoder
from tilework.nets.rungs import Chain, Count, Dense, Plan, Width, Widths, sizes
from tilework.spec import Size


class Config(DecoderConfig):
    """A grid (B, D, h, w) or a vector (B, D, 1, 1) -> pictures (B, C, H, W), float32.

    In order: dense layers or the projection from D channels; `tail_blocks` blocks and `middle` convolutions at the resolution
    of the latent; then for each of `widths`, from the last to the first, `blocks` blocks and one step up. Whatever is null
    is as in the encoder, so that both sides treat the same feature map alike.
    """

    kind: Literal["ladder"] = "ladder"
    upsample: Upsample = Field(
        default="transposed", description="a step up: transposed convolution, or nearest resize and a 3x3 convolution"
    )
    output: Output = Field(default="sigmoid", description="sigmoid or (tanh + 1) / 2 to [0, 1]; linear = unbounded")
    final_relu: bool = Field(default=False, description="a known fault, on purpose: a ReLU in front of the output")
    widths: Widths | None = Field(
        default=None, description="channels of each resolution in the encoder's order, picture first; null = mirrored"
    )
    kernel: Literal[3, 4] | None = Field(
        default=None, description="pixels on a side of the transposed convolutions; null = as in the encoder"
    )
    block: Literal["residual", "plain"] | None = Field(default=None, description="as in the encoder; null = mirrored")
    blocks: Count | None = Field(default=None, description="blocks at each resolution; null = mirrored")
    residual_width: Width | None = Field(default=None, description="channels inside a residual block; null = mirrored")
    middle: Count | None = Field(default=None, description="3x3 convolutions next to the latent; null = mirrored")
    tail_blocks: Count | None = Field(default=None, description="blocks next to the latent; null = mirrored")
    norm: Norm | None = Field(default=None, description="normalisation of feature maps; null = mirrored")
    norm_at: Literal["each", "last"] | None = Field(
        default=None, description="every feature map, or only the one next to the latent; null = mirrored"
    )
    norm_order: Literal["before", "after"] | None = Field(
        default=None, description="norm before or after the activation; null = mirrored"
    )
    activation: Activation | None = Field(default=None, description="nonlinearity; null = mirrored")
    projection: Literal[1, 3, "none"] | None = Field(
        default=None,
        description="kernel of the first convolution; none = the latent has the last width; null = mirrored",
    )
    dense: Dense | None = Field(
        default=None, description="widths of hidden dense layers in the encoder's order; null = mirrored"
    )

    def plan(self, encoder: EncoderConfig) -> Plan:
        """Own settings over the encoder's. Raises UserError where the two do not fit each other."""
        if not isinstance(encoder, Encoder):
            raise UserError(
                f"a decoder of kind ladder cannot mirror an encoder of kind {encoder.kind}",
                why="it takes its sizes from the encoder's stride-2 stages",
                fix="set encoder.kind=ladder",
            )
        mirrored = encoder.plan()
        given = {name: getattr(self, name) for name in Plan.__dataclass_fields__}
        plan = Plan(**{name: getattr(mirrored, name) if own is None else own for name, own in given.items()})
        if len(plan.widths) != len(mirrored.widths):
            raise UserError(
                f"decoder.widths has {len(plan.widths)} entries, but encoder.widths has {len(mirrored.widths)}",
                why="each stride-2 stage of the encoder is undone by one step up",
                fix=f"give decoder.widths {len(mirrored.widths)} entries, or leave it out to mirror the encoder",
            )
        if plan.dense is not None and mirrored.dense is None:
            raise UserError(
                "decoder.dense is given, but encoder.dense is not",
                why="dense layers are for a vector latent; this encoder delivers a grid",
                fix="leave decoder.dense out",
            )
        return plan

    def build(self, size: Size, channels: int, in_channels: int, encoder: EncoderConfig) -> nn.Sequential:
        """A new decoder, a Sequential with readable names (`project` or `dense1`, `stage2_up`, `stage1_up`, `picture`)."""
        plan = self.plan(encoder)
        assert isinstance(encoder, Encoder)
        steps = sizes(size, encoder.kernel, len(plan.widths))
        chain = Chain(plan, "each" if plan.norm_at == "each" else "first", width=in_channels)
        self._entry(chain, in_channels, steps[-1])
        chain.refine(plan.tail_blocks, "tail_block")
        chain.convolve(plan.middle, "middle")
        for number in range(len(plan.widths), 0, -1):
            chain.refine(plan.blocks, f"stage{number}_block")
            outputs = plan.widths[number - 2] if number > 1 else channels
            up = upsample(chain.width, outputs, plan.kernel, steps[number], steps[number - 1], self.upsample)
            chain.add(f"stage{number}_up", up, outputs)
        chain.layers.append(("picture", Picture(self.output, self.final_relu)))
        return chain.build()

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
