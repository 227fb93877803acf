"""The choices of a proposal, each a rule of a few lines with the reason that it gives.

What they come from is in docs/LOG.md (2026-11-28 and -29): on drawings a 16x16 grid, residual blocks on both sides of it and
more of them in the decoder, no norm and Muon gave the lowest error for their time; vq-photos has the same network.
benchmarks/suggested.py measures whether that holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from tilework.data.catalogue.statistics import TOKENS_FOR_A_CODE, supported_codes
from tilework.spec import Size
from tilework.suggest.facts import Facts, Looks
from tilework.suggest.proposal import Reason

AREA = 64 * 64
"""Pixels of an image that a CPU learns in minutes."""
STRIDE = 4
"""Two halvings: with fewer tokens (8x8 of 64x64) drawings lose their lines, with more a prior has too much to learn."""
MOST_CODES = {1: 512, 3: 1024}
"""By channels. Twice the codes cost one bit a token and little time, and lower the error by some per cent."""
BATCH = 16
"""Many small steps are worth more than few large ones on a CPU."""
SMALL = 72
"""Images of one size up to this are taken as they are."""
MOST_FRAMES = 8_000
"""Of clips: neighbours in time teach little that is new, and all are decoded before the first step."""
MOST_EPOCHS, FEWEST_STEPS = 400, 300
"""Beyond so many passes a small set is learned by heart; fewer steps are no training."""
HELD_OUT = 0.1
MOVES = frozenset({"animations", "video", "sketches"})
"""Kinds of which a file gives many images."""
_LONGEST_SHAPE = 2.5
_SQUARE = 0.06


def size_for(looks: Looks | None) -> tuple[Size, list[Reason]]:
    """The size of training images."""
    if looks is None:
        return Size(64, 64), [Reason("size", "not-drawn-yet")]
    width, height = looks.size
    if looks.one_size and max(width, height) <= SMALL and min(width, height) >= 4 * STRIDE:
        own = Size(width - width % STRIDE, height - height % STRIDE)
        cut = width * height - own.width * own.height
        return own, [Reason("size", "own-size", {"width": width, "height": height, "cut": cut})]
    shape = width / height
    if looks.one_shape and _SQUARE < abs(math.log(shape)) < math.log(_LONGEST_SHAPE):
        size = _of_shape(shape, min(AREA, width * height))
        return size, [Reason("size", "own-shape", {"width": width, "height": height})]
    side = max(4 * STRIDE, min(64, min(width, height) // STRIDE * STRIDE))
    code = "square" if looks.one_shape and abs(math.log(shape)) <= _SQUARE else "cropped"
    return Size(side, side), [Reason("size", code, {"width": width, "height": height})]


def _of_shape(shape: float, area: int) -> Size:
    """Sides that are multiples of eight, near this shape and this many pixels."""

    def fault(size: Size) -> float:
        wrong_shape = abs(math.log(size.width / size.height / shape))
        return 3 * wrong_shape + abs(math.log(size.width * size.height / area))

    sides = range(16, 161, 8)
    return min((Size(w, h) for w in sides for h in sides), key=fault)


def channels_for(looks: Looks | None) -> tuple[int, list[Reason]]:
    """Grey or colour."""
    if looks is None:
        return 3, []
    return (3, []) if looks.colour else (1, [Reason("data", "grey")])


def codes_for(facts: Facts, size: Size, channels: int) -> tuple[int, list[Reason]]:
    """How many codes the tokens of the training images fill."""
    grid = (size.width // STRIDE, size.height // STRIDE)
    training = max(1, round((1 - HELD_OUT) * facts.images))
    fitting = supported_codes(training, grid)
    codes = min(MOST_CODES[channels], fitting.codes)
    bits = grid[0] * grid[1] * math.log2(codes)
    values: dict[str, float | str] = {
        "tokens": fitting.tokens,
        "each": TOKENS_FOR_A_CODE,
        "bytes": bits / 8,
        "of": size.width * size.height * channels,
        "fewer": f"{max(1, grid[0] // 2)}x{max(1, grid[1] // 2)}",
    }
    return codes, [Reason("tokens", "few-tokens" if codes < MOST_CODES[channels] else "enough-tokens", values)]


def batch_for(facts: Facts) -> int:
    """Images of a step: fewer where there are few."""
    return max(1, min(BATCH, round((1 - HELD_OUT) * facts.images) // 2))


def drawn_for(facts: Facts) -> tuple[int | None, list[Reason]]:
    """Of long clips some frames alone."""
    if facts.kind == "video" and facts.images > MOST_FRAMES:
        return MOST_FRAMES, [Reason("data", "frames-drawn", {"drawn": MOST_FRAMES, "all": facts.images})]
    return None, []


def steps_for(images: int, batch: int, minutes: float, step_seconds: float) -> tuple[int, list[Reason]]:
    """Steps that fill the time, or fewer for a small set."""
    affordable = 0.92 * 60 * minutes / step_seconds  # the rest is for validations and checkpoints
    useful = MOST_EPOCHS * max(1, round((1 - HELD_OUT) * images) // batch)
    steps = int(max(FEWEST_STEPS, min(affordable, useful)))
    rounded = steps - steps % 10 ** max(0, len(str(steps)) - 2)
    measured = {"step_seconds": step_seconds, "seconds": rounded * step_seconds / 0.92, "minutes": minutes}
    if steps >= affordable and steps == FEWEST_STEPS:
        return rounded, [Reason("training", "slow", measured)]
    return rounded, [Reason("training", "small-set" if useful < affordable else "fills-the-time", measured)]


def cautions(facts: Facts) -> Iterator[Reason]:
    """What a person should know before they trust what comes out."""
    if facts.undrawn:
        yield Reason("data", "undrawn", {"text": facts.undrawn})
    if facts.kind in MOVES and 0 < facts.looked_at < facts.things:
        yield Reason("data", "reckoned", {"opened": facts.looked_at})
    yield Reason("data", "held-out", {"share": HELD_OUT})
    if facts.images < 50:
        yield Reason("data", "few-images", {"images": facts.images})
    if facts.looks is not None and facts.looks.plain > 0.5:
        yield Reason("data", "mostly-plain", {"share": facts.looks.plain})
    if facts.left_out:
        file, problem = facts.left_out[0]
        yield Reason(
            "data", "left-out", {"files": len(facts.left_out), "of": facts.looked_at, "file": file, "problem": problem}
        )
    if not facts.counted:
        yield Reason("data", "more-than-counted", {"counted": facts.things})
    if facts.beside:
        yield Reason("data", "beside", {"text": facts.beside})
