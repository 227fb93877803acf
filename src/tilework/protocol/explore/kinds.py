"""Every kind of ask with its response: the facts and the arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tilework.protocol.dream import (
    DREAM_LEGEND,
    ContinueAsk,
    DreamAsk,
    DreamFacts,
    MorphAsk,
    RepaintAsk,
)
from tilework.protocol.explore.asks import (
    AboutAsk,
    AskKind,
    AtlasAsk,
    CodeAsk,
    DecodeAsk,
    DirectionsAsk,
    EncodeAsk,
    FieldAsk,
    ImagesAsk,
    LevelsAsk,
    MapAsk,
    NearestAsk,
    PaintAsk,
    PaletteAsk,
    PlaneAsk,
    ReceptiveAsk,
    SearchAsk,
    StatisticsAsk,
    TraverseAsk,
    WalkAsk,
)
from tilework.protocol.explore.facts import (
    AboutFacts,
    AtlasFacts,
    CodeFacts,
    DecodeFacts,
    DirectionsFacts,
    EncodeFacts,
    FieldFacts,
    ImagesFacts,
    LevelsFacts,
    MapFacts,
    NearestFacts,
    NoFacts,
    SearchFacts,
    StatisticsFacts,
    TraverseFacts,
    WalkFacts,
)
from tilework.protocol.frame import DType

EXPLORE_LEGEND = {
    "n": "what was asked for or found",
    "H": "height of an image",
    "W": "width of an image",
    "C": "channels of an image",
    "D": "channels of the latent",
    "h": "height of the grid of the latent",
    "w": "width of the grid of the latent",
    "N": "dimensions of the latent, D x h x w",
    "s": "steps",
    "F": "images of a walk",
    "P": "images of the map",
    "k": "principal directions, at most 16",
    "L": "labels",
    "Q": "levels",
    "K": "codes of the response",
    "j": "nearest codes, at most 13",
    "p": "patches, at most 16",
    "h'": "height of a small image",
    "w'": "width of a small image",
    "y": "height of what one code decodes to",
    "x": "width of what one code decodes to",
    **DREAM_LEGEND,
}
"""What the letters of a shape stand for."""


@dataclass(frozen=True)
class ResponseArray:
    """One array of one kind of response."""

    name: str
    shape: tuple[str | int, ...]
    """Letters of the legend and plain lengths."""
    dtype: DType
    meaning: str
    when: str = ""
    """In which responses; empty = in all."""


@dataclass(frozen=True)
class Asking:
    """One kind of ask and its response."""

    ask: type[Any]
    facts: type[Any]
    arrays: tuple[ResponseArray, ...]


_IMAGE = ("H", "W", "C")
_DREAMED = (
    ResponseArray("images", ("n", "T", *_IMAGE), "u1", "each item, frame by frame"),
    ResponseArray(
        "keys",
        ("n", "t", "Q", "h", "w"),
        "i4",
        "its tokens; of a clip whose frames were filled in, those of its key frames",
    ),
)
_LATENT = ("D", "h", "w")
_NUMBERS = ResponseArray("numbers", ("n",), "i4", "within its side")
_SIDES = ResponseArray("sides", ("n",), "u1", "0 = validation, 1 = training")
_LABELS = ResponseArray("labels", ("n",), "i2", "place in `classes`, -1 = none")
_THUMBS = ResponseArray("thumbs", ("n", "h'", "w'", "C"), "u1", "small, at most 64 pixels a side")
_DISCRETE, _GAUSSIAN, _MEASURED = "where codes are discrete", "of a Gaussian", "where the data set is there"

ASKS: Mapping[AskKind, Asking] = {
    "about": Asking(AboutAsk, AboutFacts, ()),
    "statistics": Asking(StatisticsAsk, StatisticsFacts, (
        ResponseArray("order", ("N",), "i4", "the dimensions, most active first"),
        ResponseArray("active", ("N",), "u1", "1 = used, 0 = collapsed; by dimension"),
        ResponseArray("mean", ("N",), "f4", "mean over the images"),
        ResponseArray("deviation", ("N",), "f4", "standard deviation over the images"),
        ResponseArray("kl", ("N",), "f4", "mean KL divergence from the prior, in nats", _GAUSSIAN),
        ResponseArray("sigma", ("N",), "f4", "mean of the encoder's sigma", _GAUSSIAN),
    )),
    "decode": Asking(DecodeAsk, DecodeFacts, (
        ResponseArray("images", ("n", *_IMAGE), "u1", "one for each point"),
        ResponseArray("z", ("n", *_LATENT), "f4", "the latent there"),
        ResponseArray("codes", ("n", "Q", "h", "w"), "i4", "what the quantiser made of it", _DISCRETE),
    )),
    "encode": Asking(EncodeAsk, EncodeFacts, (
        ResponseArray("image", _IMAGE, "u1", "as the model sees it"),
        ResponseArray("reconstruction", _IMAGE, "u1", "what the decoder makes of it"),
        ResponseArray("mean", _LATENT, "f4", "the latent"),
        ResponseArray("sigma", _LATENT, "f4", "standard deviation of the posterior", _GAUSSIAN),
        ResponseArray("codes", ("Q", "h", "w"), "i4", "its tokens", _DISCRETE),
    )),
    "images": Asking(ImagesAsk, ImagesFacts, (_THUMBS, _LABELS)),
    "search": Asking(SearchAsk, SearchFacts, (_NUMBERS, _SIDES, _LABELS, _THUMBS)),
    "traverse": Asking(TraverseAsk, TraverseFacts, (
        ResponseArray("images", ("n", "s", *_IMAGE), "u1", "a row for each dimension"),
        ResponseArray("values", ("n", "s"), "f4", "of the dimension along each row"),
    )),
    "plane": Asking(PlaneAsk, NoFacts, (
        ResponseArray("images", ("s", "s", *_IMAGE), "u1", "rows from the highest y to the lowest"),
        ResponseArray("xs", ("s",), "f4", "of the dimension x, rising"),
        ResponseArray("ys", ("s",), "f4", "of the dimension y, falling"),
    )),
    "walk": Asking(WalkAsk, WalkFacts, (
        ResponseArray("images", ("F", *_IMAGE), "u1", "in order"),
        ResponseArray("z", ("F", *_LATENT), "f4", "the latent at each"),
    )),
    "map": Asking(MapAsk, MapFacts, (
        ResponseArray("points", ("P", 2), "f4", "where it lies"),
        ResponseArray("numbers", ("P",), "i4", "within its side"),
        ResponseArray("sides", ("P",), "u1", "0 = validation, 1 = training"),
        ResponseArray("labels", ("P",), "i2", "place in `classes`, -1 = none"),
    )),
    "nearest": Asking(NearestAsk, NearestFacts, (
        _NUMBERS, _SIDES, _LABELS, _THUMBS, ResponseArray("distances", ("n",), "f4", "Euclidean, in the latent"),
    )),
    "directions": Asking(DirectionsAsk, DirectionsFacts, (
        ResponseArray("principal", ("k", *_LATENT), "f4", "of length 1, that of the largest variance first"),
        ResponseArray("deviations", ("k",), "f4", "standard deviation of the images along it"),
        ResponseArray("shares", ("k",), "f4", "share of the variance"),
        ResponseArray("means", ("L", *_LATENT), "f4", "mean of the images of a label"),
        ResponseArray("counts", ("L",), "i4", "images of a label"),
    )),
    "paint": Asking(PaintAsk, NoFacts, (ResponseArray("image", _IMAGE, "u1", "decoded"),)),
    "levels": Asking(LevelsAsk, LevelsFacts, (ResponseArray("images", ("Q", *_IMAGE), "u1", "of the first so many levels"),)),
    "field": Asking(FieldAsk, FieldFacts, (
        ResponseArray("field", ("H", "W"), "f4", "mean absolute change of a pixel, pixels in [0, 1]"),
    )),
    "receptive": Asking(ReceptiveAsk, FieldFacts, (
        ResponseArray("field", ("H", "W"), "f4", "size of the encoder's gradient; the largest is 1"),
    )),
    "palette": Asking(PaletteAsk, NoFacts, (
        ResponseArray("order", ("K",), "i4", "codes, the most similar first"),
        ResponseArray("distances", ("K",), "f4", "of each of these, Euclidean", "of an ask with `like`"),
    )),
    "atlas": Asking(AtlasAsk, AtlasFacts, (
        ResponseArray("tiles", ("K", "y", "x", "C"), "u1", "decoded in context"),
        ResponseArray("counts", ("K",), "i4", "tokens that are this code", _MEASURED),
        ResponseArray("colours", ("K", 3), "u1", "a colour of each; near codes look alike"),
    )),
    "code": Asking(CodeAsk, CodeFacts, (
        ResponseArray("tile", ("y", "x", "C"), "u1", "decoded in context"),
        ResponseArray("near", ("j",), "i4", "the nearest codes, itself first"),
        ResponseArray("distances", ("j",), "f4", "of each of these, Euclidean"),
        ResponseArray("positions", ("h", "w"), "i4", "tokens that are this code, by cell", _MEASURED),
        ResponseArray("patches", ("p", "y", "x", "C"), "u1", "what of training images it stands for", _MEASURED),
        ResponseArray("numbers", ("p",), "i4", "the training image of a patch", _MEASURED),
        ResponseArray("cells", ("p", 2), "i2", "row and column of a patch", _MEASURED),
    )),
    "dream": Asking(DreamAsk, DreamFacts, _DREAMED),
    "repaint": Asking(RepaintAsk, DreamFacts, _DREAMED),
    "morph": Asking(MorphAsk, DreamFacts, _DREAMED),
    "continue": Asking(ContinueAsk, DreamFacts, _DREAMED),
}  # fmt: skip
"""Every kind of ask, in the order in which docs/studio.md lists them."""
