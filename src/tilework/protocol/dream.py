"""What is asked of an open prior, what it sends back, and what it reports while it draws.

Tokens are lists of codes, T x Q x h x w of them in this order: frames, levels, rows, columns.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from tilework.protocol.frame import VERSION, ArrayPlace

DreamKind = Literal["dream", "repaint", "morph", "continue"]
DREAM_KINDS: tuple[DreamKind, ...] = ("dream", "repaint", "morph", "continue")
Between = Literal["prior", "latents"]
What = Literal["images", "loop", "clip", "continued", "between", "morph", "repainted"]
DREAM_LEGEND = {
    "T": "frames of an item, 1 of an image",
    "t": "frames of an item that the prior draws: those that are key frames where others are filled in",
}
"""What more letters of a shape stand for."""


class DrawingAsk(TypedDict):
    """How tokens are drawn; the same settings and the same seed draw the same."""

    temperature: NotRequired[Annotated[float, "logits are divided by it, 1 if not given; more than 0"]]
    top_k: NotRequired[Annotated[int, "each token is drawn from this many likeliest codes; all if not given"]]
    top_p: NotRequired[Annotated[float, "only the likeliest codes whose probabilities add up to this; 1 if not given"]]
    guidance: NotRequired[Annotated[float, "classifier-free guidance towards the label, 0 if not given"]]
    steps: NotRequired[
        Annotated[int, "passes of a prior that draws many tokens at once; as it was made for if not given"]
    ]
    order: NotRequired[Annotated[str, "in which order such a prior draws: one of `orders`; `halton` if not given"]]
    seed: NotRequired[Annotated[int, "of all random numbers, 0 if not given"]]
    frames: NotRequired[Annotated[int, "of a prior of clips: frames of each; as many as it learned from if not given"]]
    between: NotRequired[Annotated[Between, "how frames between key frames come to be; `latents` if not given"]]
    fps: NotRequired[Annotated[float, "frames a second, 30 if not given"]]
    compare: NotRequired[
        Annotated[
            bool, "false: the response comes before it is compared with the training images, which may take a minute"
        ]
    ]


class DreamAsk(DrawingAsk):
    """New images, or new clips."""

    kind: Literal["dream"]
    count: NotRequired[Annotated[int, "how many: 16 images or 1 clip if not given"]]
    label: NotRequired[Annotated[str, "of what; each label in turn if not given"]]


class RepaintAsk(DrawingAsk):
    """An image or a clip with some of its cells drawn anew; all other tokens stay as they are."""

    kind: Literal["repaint"]
    of: NotRequired[Annotated[str, "the image, an origin; of a prior of clips with the frames that follow it"]]
    tokens: NotRequired[
        Annotated[Sequence[int], "its tokens, in the place of `of`: those of the `t` key frames of a clip"]
    ]
    cells: Annotated[Sequence[int], "what is drawn anew, in every frame: row x w + column of each cell"]
    count: NotRequired[Annotated[int, "in how many ways, 4 if not given; 1 of a clip"]]
    label: NotRequired[Annotated[str, "of what; none if not given"]]


class MorphAsk(DrawingAsk):
    """A loop from one label to another and back."""

    kind: Literal["morph"]
    a: Annotated[str, "the label that it begins with"]
    b: Annotated[str, "the label that it comes to"]


class ContinueAsk(DrawingAsk):
    """A clip that begins with frames that are given."""

    kind: Literal["continue"]
    of: NotRequired[Annotated[str, "an image, an origin; the frames that follow it in its clip are given too"]]
    tokens: NotRequired[Annotated[Sequence[int], "tokens of one frame, in the place of `of`"]]
    count: NotRequired[Annotated[int, "in how many ways, 1 if not given"]]
    label: NotRequired[Annotated[str, "of what; each in turn if not given"]]


class DreamFact(TypedDict):
    """One thing that is known of a dream."""

    name: Annotated[str, "what it is; empty where it goes on with the one before"]
    text: Annotated[str, "in words"]


class DreamFacts(TypedDict):
    """What was dreamed."""

    what: Annotated[What, "what it is"]
    title: Annotated[str, "the same in words, and by what"]
    labels: Annotated[Sequence[str | None], "of each item"]
    seed: Annotated[int, "that it was drawn with"]
    loop: Annotated[bool, "the last frame is followed by the first"]
    fps: Annotated[float, "frames a second"]
    compared: Annotated[bool, "with the training images, as far as they are there; else what follows is not known yet"]
    verdicts: Annotated[
        Sequence[str], "how near it is to the training images, in sentences; empty where they are not there"
    ]
    facts: Annotated[Sequence[DreamFact], "everything else that is known of it"]


class PriorFacts(TypedDict):
    """What a prior is; other facts of `about` are of the autoencoder whose tokens it draws."""

    kind: Annotated[str, "`masked`, `causal`, ..."]
    parent: Annotated[str, "id of the run of the autoencoder"]
    frames: Annotated[int, "T of what it learned from: 1 = images"]
    stride: Annotated[int, "frames of a clip from one of these to the next"]
    height: Annotated[int, "h, rows of cells"]
    width: Annotated[int, "w, columns of cells"]
    loop: Annotated[bool, "its clips are loops"]
    classes: Annotated[Sequence[str], "names of the labels that it knows; empty = none"]
    passes: Annotated[
        int | None, "in which it draws a level unless an order is given; null = one token after the other"
    ]
    orders: Annotated[Sequence[str], "in which it can draw; empty = in one alone"]
    sees_both_sides: Annotated[bool, "a token depends on known ones behind it"]
    parameters: Annotated[int, "its weights"]


class ProgressFacts(TypedDict):
    """How far drawing is. A dream may be drawn in several parts, one after the other."""

    part: Annotated[int, "1 = the first"]
    first: Annotated[int, "so many items were done before this part"]
    drawn: Annotated[int, "passes that are done of this part"]
    passes: Annotated[int | None, "of this part in all, where it is known"]
    share: Annotated[float, "of the tokens of this part that are there, 0 to 1"]


class MadeProgress(TypedDict):
    """What is sent while an ask is computed; packing it adds the places of its arrays."""

    v: Annotated[int, f"{VERSION}"]
    channel: Annotated[Literal["progress"], "what it is"]
    ref: Annotated[int, "of the ask"]
    kind: Annotated[DreamKind, "of the ask"]
    facts: Annotated[Mapping[str, Any], "ProgressFacts"]


class ProgressHeader(MadeProgress):
    """What is sent beside the tokens that are there: `tokens` (m, t, Q, h, w) i4, -1 = not yet drawn."""

    arrays: Annotated[Sequence[ArrayPlace], "its arrays, in the order of their bytes"]
