"""What goes in, and the network, in words."""

from __future__ import annotations

from collections.abc import Iterator

from tilework.explain.document import Drawing, Figure, Layout, Paragraph, Points, Row, Section, Table, code
from tilework.explain.facts.explanation import AutoencoderExplained
from tilework.explain.facts.network import Kind, Network, Side, Stage
from tilework.explain.words.names import blocks, stage_name, what
from tilework.explain.words.numbers import area, count, large, many, percent, shape, size

_COLOURS = {1: "1 channel (grey)", 3: "3 channels (RGB)"}
_OUTPUTS = {
    "sigmoid": "A sigmoid brings its output to [0, 1].",
    "tanh": "A tanh, moved and halved, brings its output to [0, 1].",
    "linear": "Its output is not bounded: values outside [0, 1] are possible, and are cut off where they are shown.",
}
_SPLITS = {
    "auto": "whole groups, or clusters of near twins where groups cannot keep twins together",
    "group": "whole groups (clips, animations)",
    "cluster": "whole clusters of near twins",
    "segment": "one stretch of each clip",
    "frame": "single frames, so that neighbours stand on both sides",
}


def images_section(found: AutoencoderExplained) -> Section:
    """What goes in."""
    images = found.images
    colours = _COLOURS.get(images.channels, many(images.channels, "channel"))
    where = f" ({code(images.where)})" if images.where else ""
    split = _SPLITS.get(images.split, images.split)
    lines = [
        f"Images of **{size(images.width, images.height)} pixels** with **{colours}**, {count(images.numbers)} "
        f"numbers in [0, 1] each, from {code('data.kind=' + images.kind)}{where}.",
        f"One step learns from a batch of **{images.batch}** of them.",
    ]
    if images.training is not None and images.held_out is not None:
        lines.append(
            f"About {count(images.training)} are trained on and {count(images.held_out)} are held out for "
            f"[[validation]] (held out: {split})."
        )
    else:
        lines.append(
            f"About {percent(images.validation)} of them are held out for [[validation]] unless the data has a split "
            f"of its own (held out: {split})."
        )
    return Section("What goes in", (Points(tuple(lines)),))


def drawing_section() -> Section:
    """The network as it is drawn."""
    caption = (
        "Height and width of every box are to scale, its depth grows with the square root of the channels. Rest on a box to "
        "see what it is."
    )
    return Section("From the image to its reconstruction", (Figure(Drawing.NETWORK, caption),), Layout.WHOLE)


def network_section(found: AutoencoderExplained) -> Section:
    """The stages."""
    return Section(
        "The network",
        (
            Points(tuple(_lines(found))),
            _table(found.network),
            Paragraph(
                "Multiply-adds are for one image there and back, taps that fall on the border's padding counted; "
                "training takes about three times as many."
            ),
        ),
        layout=Layout.COLUMNS,
    )


def _lines(found: AutoencoderExplained) -> Iterator[str]:
    network, latent = found.network, found.latent
    down = _way(network.steps_down, found.images.width, found.images.height)
    if network.steps_down:
        steps = many(len(network.steps_down), "step down", "steps down")
        each = _each(network.steps_down)
        yield f"The **encoder** has **{steps}** ({each}): **{down}**.{_beside(network, Side.ENCODER)}"
    else:
        yield f"The **encoder** keeps the size of the image.{_beside(network, Side.ENCODER)}"
    if latent.positions > 1:
        yield (
            f"The **latent** is a grid of **{size(latent.width, latent.height)}** positions with {latent.dim} numbers "
            "each."
        )
    else:
        yield f"The **latent** is one vector of **{latent.dim}** numbers for the whole image."
    ups = tuple(stage for stage in network.of(Side.DECODER) if stage.kind is Kind.UP)
    back = _way(ups, *_first_size(network.of(Side.DECODER)))
    way = f" goes the way back: **{back}**." if ups else " makes the image of it."
    yield f"The **decoder**{way}{_beside(network, Side.DECODER)} {_OUTPUTS.get(network.output, '')}".rstrip()
    if network.final_relu:
        yield (
            "**A known fault is built in** (`decoder.final_relu`): a ReLU in front of the output, so that no pixel "
            "can be darker than one half and images come out grey."
        )
    yield _sizes(found)


def _sizes(found: AutoencoderExplained) -> str:
    network, latent = found.network, found.latent
    parts = ", ".join(f"{part.name} {count(part.parameters)}" for part in network.parts if part.parameters)
    text = f"**{count(network.parameters)} [[parameters]]** ({parts})."
    if latent.codebook_numbers and latent.quantiser.rule == "ema":
        text += (
            f" The codebook's {count(latent.codebook_numbers)} numbers are not among them: they follow moving "
            "averages and not the optimiser."
        )
    operations = ", ".join(f"{part.name} {large(part.multiply_adds)}" for part in network.parts if part.multiply_adds)
    return f"{text} **{large(network.multiply_adds)} [[multiply-adds]]** for an image ({operations})."


def _way(stages: tuple[Stage, ...], width: int, height: int) -> str:
    """128x128 -> 64x64 -> 32x32."""
    sizes = [(width, height), *((stage.positions[1], stage.positions[0]) for stage in stages)]
    return " → ".join(size(*one) for one in sizes)


def _first_size(stages: tuple[Stage, ...]) -> tuple[int, int]:
    """The size from which the decoder climbs."""
    for stage in stages:
        if stage.kind is Kind.UP:
            window = stage.weights[0].stride if stage.weights else (1, 1)
            height, width = stage.positions
            return -(-width // window[1]), -(-height // window[0])
    return 1, 1


def _each(stages: tuple[Stage, ...]) -> str:
    found = {(one.kernel, one.stride) for stage in stages for one in stage.weights[:1]}
    if len(found) != 1:
        return "convolutions with a stride"
    ((kernel, stride),) = found
    what_each = f"{size(kernel[1], kernel[0])} convolution{'s' * (len(stages) > 1)}"
    return f"{what_each}, {'each with ' * (len(stages) > 1)}stride {stride[0]}"


def _beside(network: Network, side: Side) -> str:
    """The blocks and convolutions beside the steps."""
    stages = network.of(side)
    found = [text] if (text := blocks(tuple(stage for stage in stages if stage.kind is Kind.BLOCK))) else []
    plain = [stage for stage in stages if stage.kind is Kind.CONVOLUTION]
    if plain:
        found.append(many(len(plain), "more convolution"))
    dense = [stage for stage in stages if stage.kind is Kind.DENSE]
    if dense:
        found.append(many(len(dense), "dense layer"))
    return (
        f" Beside them {'stand' if len(found) > 1 or not found[0].startswith('1 ') else 'stands'} {' and '.join(found)}."
        if found
        else ""
    )


def _table(network: Network) -> Table:
    rows = []
    for stage in network.stages:
        sees = area(stage.sees) if stage.sees is not None and stage.side is not Side.IMAGE else ""
        if not sees and stage.side in {Side.ENCODER, Side.LATENT} and stage.positions == (1, 1):
            sees = "everything"
        rows.append(
            Row(
                (
                    str(stage.side),
                    code(stage_name(stage)),
                    what(stage),
                    shape(stage.shape),
                    sees,
                    count(stage.parameters) if stage.parameters else "",
                    large(stage.multiply_adds) if stage.multiply_adds else "",
                ),
                key=stage.name,
            )
        )
    heads = ("part", "stage", "what", "gives", "a position sees", "parameters", "multiply-adds")
    return Table(heads, tuple(rows), frozenset({5, 6}))
