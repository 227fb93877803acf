"""An autoencoder from left to right: a box for each stage, sizes to scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from tilework.explain.drawing.box import Box
from tilework.explain.drawing.svg import COLOURS, MUTE, TEXT, anchor, drawing, line, tag, text, title
from tilework.explain.facts.explanation import AutoencoderExplained
from tilework.explain.facts.network import Side, Stage

_LARGEST, _GAP, _MARGIN = 150.0, 13.0, 14.0
_LETTER, _ROW = 6.4, 15.0
_SIDES = {Side.IMAGE: "image", Side.ENCODER: "encoder", Side.LATENT: "latent", Side.DECODER: "decoder"}


@dataclass(frozen=True)
class Placed:
    """A stage and its box."""

    stage: Stage
    box: Box


def network_svg(found: AutoencoderExplained, titles: Sequence[str]) -> str:
    """The drawing; `titles` are what is shown of each stage on hover."""
    stages = found.network.stages
    scale = _LARGEST / max(found.images.width, found.images.height)
    boxes = [Box.of(stage.channels, *stage.positions, scale) for stage in stages]
    top = _MARGIN
    middle = top + max(box.tall for box in boxes) / 2
    placed, width = _placed(stages, boxes, middle)
    bottom = middle + max(box.tall for box in boxes) / 2
    labels, rows = _labels(placed, bottom + 16, width)
    brackets = bottom + 16 + rows * _ROW
    inner = [
        line((_MARGIN, middle), (width - _MARGIN, middle), stroke=MUTE, stroke_width="1", stroke_dasharray="2 4"),
        *(_stage(one, words) for one, words in zip(placed, titles, strict=True)),
        *labels,
        *_brackets(placed, brackets),
    ]
    label = f"The network of {found.subject.name}: {len(stages)} stages from the image to its reconstruction"
    return drawing(width, brackets + 26, label, "".join(inner), "network")


def _placed(stages: Sequence[Stage], boxes: Sequence[Box], middle: float) -> tuple[list[Placed], float]:
    """Boxes from left to right, and how wide that is. Each run of stages with the same label has the room of its label, and
    each side that of its name, so that no two of them touch."""
    placed: list[Placed] = []
    x = _MARGIN
    for _, side in groupby(zip(stages, boxes, strict=True), key=lambda one: one[0].side):
        start, first, several = x, len(placed), list(side)
        for _, run in groupby(several, key=lambda one: one[0].shape):
            alike = list(run)
            own = sum(box.across + _GAP for _, box in alike) - _GAP
            spare = max(0.0, _wide(_label(alike[0][0])) - own)
            x += spare / 2
            for stage, box in alike:
                placed.append(Placed(stage, box.at(x, middle)))
                x += box.across + _GAP
            x += spare / 2
        spare = max(0.0, _wide(_SIDES[several[0][0].side]) - (x - _GAP - start))
        placed[first:] = [Placed(one.stage, one.box.at(one.box.x + spare / 2, middle)) for one in placed[first:]]
        x += spare
    return placed, x - _GAP + _MARGIN


def _label(stage: Stage) -> str:
    """The shape, as it stands under a box."""
    shape = stage.shape
    vector = len(shape) == 1 or shape[1:] == (1, 1)
    return f"{shape[0]:,}" if vector else f"{shape[2]}x{shape[1]}x{shape[0]}"


def _wide(text: str) -> float:
    return len(text) * _LETTER


def _stage(one: Placed, words: str) -> str:
    stage = one.stage
    divided = max(stage.positions) if stage.side is Side.LATENT else 0
    inner = title(words) + one.box.drawn(COLOURS[_SIDES[stage.side]], divided=divided)
    return tag(
        "g",
        inner,
        class_="stage",
        id=anchor("stage", stage.name),
        tabindex="0",
        data_stage=stage.name,
        data_side=str(stage.side),
        data_shape="x".join(map(str, stage.shape)),
        data_parameters=stage.parameters,
        data_multiply_adds=stage.multiply_adds,
    )


def _labels(placed: Sequence[Placed], y: float, width: float) -> tuple[list[str], int]:
    """The shape under each run of stages that have the same one, in as few rows as leave room for all."""
    ends: list[float] = []
    found = []
    for _, run in groupby(placed, key=lambda one: (one.stage.shape, one.stage.side is Side.LATENT)):
        several = list(run)
        first, last = several[0].box, several[-1].box
        label = _label(several[0].stage)
        half = _wide(label) / 2
        centre = min(max((first.x + last.x + last.across) / 2, half + 2), width - half - 2)
        row = next((row for row, end in enumerate(ends) if end + 6 < centre - half), len(ends))
        ends[row : row + 1] = [centre + half]
        found.append(text((centre, y + row * _ROW), label, fill=TEXT, text_anchor="middle"))
    return found, len(ends)


def _brackets(placed: Sequence[Placed], y: float) -> Iterator[str]:
    """A line under each side, with its name."""
    for side, run in groupby(placed, key=lambda one: one.stage.side):
        several = list(run)
        colour, name = COLOURS[_SIDES[side]], _SIDES[side]
        left, right = several[0].box.x, several[-1].box.x + several[-1].box.across
        yield line((left, y), (right, y), stroke=colour, stroke_width="2", stroke_linecap="round")
        if right - left > len(name) * _LETTER * 0.8 or side is Side.LATENT or len(several) == 1:
            yield text(((left + right) / 2, y + 15), name, fill=colour, text_anchor="middle", font_weight="600")
