"""What is asked of an open model, and what is answered: every kind of ask, its facts and its arrays.

An answer is a frame (frame.py) with an `AnswerHeader`. Points and origins are written as `tilework.explore.points` reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from tilework.protocol.errors import Problem
from tilework.protocol.frame import VERSION, ArrayPlace, DType
from tilework.protocol.run import Number

AskKind = Literal["about", "statistics", "decode", "encode", "pictures", "search", "traverse", "plane", "walk", "map", "nearest",
                  "directions", "paint", "levels", "field", "receptive", "palette", "atlas", "code"]  # fmt: skip
Side = Literal["validation", "train"]
Way = Literal["linear", "spherical"]
MapKind = Literal["pca", "umap", "dimensions"]
Space = Literal["gaussian", "plain", "before quantiser"]
SIDES: tuple[Side, ...] = ("validation", "train")
"""What the numbers in arrays named `sides` stand for."""

# Asks: the latent --------------------------------------------------------------------------------------------------------


class AboutAsk(TypedDict):
    """What the model is."""

    kind: Literal["about"]


class StatisticsAsk(TypedDict):
    """What the dimensions of the latent hold, measured over the validation side."""

    kind: Literal["statistics"]


class DecodeAsk(TypedDict):
    """The images at some points."""

    kind: Literal["decode"]
    points: Annotated[Sequence[str], "1 to 64 points"]
    through: NotRequired[
        Annotated[
            Literal["quantiser", "decoder"],
            "where codes are discrete: `quantiser` (if not given) puts the codes in the place of the latent, `decoder` decodes "
            "it as it is",
        ]
    ]


class EncodeAsk(TypedDict):
    """An image, and what the model makes of it."""

    kind: Literal["encode"]
    of: Annotated[str, "an origin: `validation:N`, `train:N` or `image:NAME`"]


class PicturesAsk(TypedDict):
    """Small images of the data set."""

    kind: Literal["pictures"]
    side: Annotated[Side, "of the split"]
    numbers: Annotated[Sequence[int], "within the side; at most 1,024"]


class SearchAsk(TypedDict):
    """Images of the data set by label or file name."""

    kind: Literal["search"]
    text: Annotated[str, "part of a label or of a file name; upper and lower case are one"]


class TraverseAsk(TypedDict):
    """Rows of images, in each of which one dimension moves."""

    kind: Literal["traverse"]
    point: Annotated[str, "what is kept of all other dimensions"]
    dimensions: NotRequired[Annotated[Sequence[int], "one row for each; the 12 that carry most if not given"]]
    low: NotRequired[
        Annotated[
            float, "where a row begins; -3 of a Gaussian if not given, else three deviations below the images' mean"
        ]
    ]
    high: NotRequired[Annotated[float, "where it ends; 3, or three deviations above"]]
    steps: NotRequired[Annotated[int, "images of a row, 9 if not given; 2 to 33"]]


class PlaneAsk(TypedDict):
    """A square of images, over which two dimensions move."""

    kind: Literal["plane"]
    point: Annotated[str, "what is kept of all other dimensions"]
    x: Annotated[int, "the dimension that rises to the right"]
    y: Annotated[int, "the dimension that rises upwards"]
    low: NotRequired[Annotated[float, "of both; as of `traverse` if not given"]]
    high: NotRequired[Annotated[float, "of both; as of `traverse` if not given"]]
    steps: NotRequired[Annotated[int, "images of a side, 15 if not given; 2 to 33"]]


class WalkAsk(TypedDict):
    """Images on the way from point to point."""

    kind: Literal["walk"]
    points: Annotated[Sequence[str], "2 to 64 points, in order"]
    frames: Annotated[int, "images of the whole way; at most 600"]
    how: NotRequired[Annotated[Way, "`linear` if not given"]]
    ease: NotRequired[Annotated[bool, "slower near each point"]]
    loop: NotRequired[Annotated[bool, "back to the first point at the end"]]
    fps: NotRequired[Annotated[float, "of a file: images a second, 30 if not given"]]


class MapAsk(TypedDict):
    """The whole data set in two dimensions."""

    kind: Literal["map"]
    how: Annotated[MapKind, "`dimensions`: two of the latent as they are, as is every latent of no more than two"]
    x: NotRequired[Annotated[int, "of `dimensions`: to the right, 0 if not given"]]
    y: NotRequired[Annotated[int, "of `dimensions`: upwards, 1 if not given"]]


class NearestAsk(TypedDict):
    """The images of the data set nearest to a point."""

    kind: Literal["nearest"]
    point: Annotated[str, "a point"]
    count: NotRequired[Annotated[int, "how many, 8 if not given; at most 64"]]


class DirectionsAsk(TypedDict):
    """What `pcK*AMOUNT` and `A>B*AMOUNT` may be used with."""

    kind: Literal["directions"]


# Asks: tokens ------------------------------------------------------------------------------------------------------------


class PaintAsk(TypedDict):
    """The image of some tokens."""

    kind: Literal["paint"]
    codes: Annotated[Sequence[int], "Q x h x w codes, in this order"]
    levels: NotRequired[Annotated[int, "only the first so many levels"]]


class LevelsAsk(TypedDict):
    """The images of the first level, the first two, and so on."""

    kind: Literal["levels"]
    codes: Annotated[Sequence[int], "Q x h x w codes, in this order"]
    of: NotRequired[Annotated[str, "the image that they stand for, an origin: errors are measured against it"]]


class FieldAsk(TypedDict):
    """What of the image one cell changes."""

    kind: Literal["field"]
    codes: Annotated[Sequence[int], "Q x h x w codes, in this order"]
    y: Annotated[int, "row of the cell"]
    x: Annotated[int, "column of the cell"]


class ReceptiveAsk(TypedDict):
    """What of an image one cell sees."""

    kind: Literal["receptive"]
    of: Annotated[str, "the image, an origin"]
    y: Annotated[int, "row of the cell"]
    x: Annotated[int, "column of the cell"]


class PaletteAsk(TypedDict):
    """The codes of a level, those that are alike beside each other."""

    kind: Literal["palette"]
    level: Annotated[int, "1 = the first"]
    like: NotRequired[
        Annotated[
            int, "a code: the nearest to it come first; if not given, each is followed by the nearest that is left"
        ]
    ]


class AtlasAsk(TypedDict):
    """Every code of a level, decoded in context."""

    kind: Literal["atlas"]
    level: Annotated[int, "1 = the first"]
    first: NotRequired[Annotated[int, "the first code to answer, 0 if not given"]]
    count: NotRequired[Annotated[int, "how many, all if not given"]]
    most: NotRequired[
        Annotated[int, "only so many training images are counted, which is quicker: 1 to 2,000, 2,000 if not given"]
    ]


class CodeAsk(TypedDict):
    """Everything about one code."""

    kind: Literal["code"]
    level: Annotated[int, "1 = the first"]
    code: Annotated[int, "a code"]


Ask = (
    AboutAsk | StatisticsAsk | DecodeAsk | EncodeAsk | PicturesAsk | SearchAsk | TraverseAsk | PlaneAsk | WalkAsk | MapAsk
    | NearestAsk | DirectionsAsk | PaintAsk | LevelsAsk | FieldAsk | ReceptiveAsk | PaletteAsk | AtlasAsk | CodeAsk
)  # fmt: skip

# Facts -------------------------------------------------------------------------------------------------------------------


class NoFacts(TypedDict):
    """Nothing beside the arrays."""


class AboutFacts(TypedDict):
    """What the model is."""

    name: Annotated[str, "id of the run, or the checkpoint folder's name"]
    recipe: Annotated[str, "name of its recipe or spec"]
    checkpoint: Annotated[str, "name of the checkpoint's folder"]
    step: Annotated[int, "steps that it was trained for"]
    epoch: Annotated[Number, "the same in epochs; null where the run does not tell"]
    device: Annotated[str, "where it computes"]
    devices: Annotated[Sequence[str], "where it could: values of `device`"]
    parameters: Annotated[int, "weights of encoder, bottleneck and decoder"]
    image: Annotated[Sequence[int], "[height, width, channels]"]
    bottleneck: Annotated[str, "its kind: `gaussian`, `none`, `vq`, `rq`, `fsq`, `lfq`"]
    space: Annotated[
        Space,
        "what the latent is: the mean of a Gaussian, the code of a plain autoencoder, or what the quantiser is given",
    ]
    latent: Annotated[Sequence[int], "[D, h, w]; dimensions are counted through in this order"]
    beta: Annotated[Number, "weight of the KL term at the end of training; null where there is none"]
    levels: Annotated[int, "Q; 0 = nothing is discrete"]
    codes: Annotated[int, "K, of each level"]
    sides: Annotated[Mapping[str, int], "images of `validation` and `train`; 0 where the data set is not there"]
    classes: Annotated[Sequence[str], "names of the labels; empty = there are none"]
    named: Annotated[bool, "images have file names"]
    missing: Annotated[Problem | None, "why the images of the data set are not there"]
    asks: Annotated[Sequence[AskKind], "what may be asked of this model"]
    maps: Annotated[Sequence[MapKind], "kinds of map that can be made here"]


class StatisticsFacts(TypedDict):
    """What was measured."""

    images: Annotated[int, "so many images were encoded"]
    kl: Annotated[Number, "sum over the dimensions, in nats; null for a latent without a prior"]
    active: Annotated[int, "dimensions that are used"]


class DecodeFacts(TypedDict):
    """Where the images are."""

    points: Annotated[Sequence[str], "as they were understood, word by word as they can be asked again"]


class EncodeFacts(TypedDict):
    """An image and its reconstruction."""

    of: Annotated[str, "its origin"]
    label: Annotated[str | None, "its label"]
    name: Annotated[str | None, "its file name"]
    mse: Annotated[Number, "mean squared error of the reconstruction, pixels in [0, 1]"]
    psnr: Annotated[Number, "peak signal-to-noise ratio, in dB; null for an error of 0"]
    kl: Annotated[Number, "KL divergence of its posterior from the prior, in nats; null for a latent without one"]
    bits: Annotated[Number, "bits of its tokens; null for a latent without codes"]
    notes: Annotated[Sequence[str], "what was done to it to fit the model, in words"]


class PicturesFacts(TypedDict):
    """Of each image in turn."""

    labels: Annotated[Sequence[str | None], "its label"]
    names: Annotated[Sequence[str | None], "its file name"]


class SearchFacts(PicturesFacts):
    """What was found."""

    more: Annotated[bool, "there are more than the first 200, which are answered"]


class TraverseFacts(TypedDict):
    """Which dimensions moved."""

    dimensions: Annotated[Sequence[int], "of each row in turn"]


class WalkFacts(TypedDict):
    """How the way goes."""

    stops: Annotated[Sequence[int], "the frame of each point"]


class MapFacts(TypedDict):
    """How the map was made."""

    how: Annotated[MapKind, "as it was asked; `dimensions` of a latent of no more than two"]
    share: Annotated[Sequence[float], "of the variance, of `pca`: of each of the two directions; else empty"]
    total: Annotated[int, "images of the data set; where there are more than 20,000, the map has a fixed selection"]


class NearestFacts(PicturesFacts):
    """Of each image in turn."""


class DirectionsFacts(TypedDict):
    """What directions there are."""

    labels: Annotated[Sequence[str], "labels of which images were encoded"]
    images: Annotated[int, "so many images were encoded"]


class LevelsFacts(TypedDict):
    """After each level in turn."""

    bits: Annotated[Sequence[float], "bits of an image so far"]
    mse: Annotated[Sequence[Number], "error against the image; null where none was named"]
    psnr: Annotated[Sequence[Number], "the same in dB"]


class FieldFacts(TypedDict):
    """Where it lies."""

    box: Annotated[Sequence[int], "[top, left, bottom, right) of what is not 0; empty where everything is"]


class AtlasFacts(TypedDict):
    """Which codes they are."""

    first: Annotated[int, "the first code of the answer"]
    codes: Annotated[int, "K: all codes of the level"]
    tokens: Annotated[int, "so many tokens of this level were counted; 0 where the data set is not there"]
    cell: Annotated[Sequence[int], "[height, width] of one cell in pixels"]
    margin: Annotated[int, "a tile shows so many cells of its surroundings on each side"]


class CodeFacts(TypedDict):
    """How often it is used."""

    tokens: Annotated[int, "so many tokens are this code"]
    of: Annotated[int, "so many tokens of this level were counted"]


# Arrays ------------------------------------------------------------------------------------------------------------------

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
    "K": "codes of the answer",
    "j": "nearest codes, at most 13",
    "p": "patches, at most 16",
    "h'": "height of a small image",
    "w'": "width of a small image",
    "y": "height of what one code decodes to",
    "x": "width of what one code decodes to",
}
"""What the letters of a shape stand for."""


@dataclass(frozen=True)
class AnswerArray:
    """One array of one kind of answer."""

    name: str
    shape: tuple[str | int, ...]
    """Letters of the legend and plain lengths."""
    dtype: DType
    meaning: str
    when: str = ""
    """In which answers; empty = in all."""


@dataclass(frozen=True)
class Asking:
    """One kind of ask and its answer."""

    ask: type[Any]
    facts: type[Any]
    arrays: tuple[AnswerArray, ...]


_IMAGE = ("H", "W", "C")
_LATENT = ("D", "h", "w")
_NUMBERS = AnswerArray("numbers", ("n",), "i4", "within its side")
_SIDES = AnswerArray("sides", ("n",), "u1", "0 = validation, 1 = training")
_LABELS = AnswerArray("labels", ("n",), "i2", "place in `classes`, -1 = none")
_THUMBS = AnswerArray("thumbs", ("n", "h'", "w'", "C"), "u1", "small, at most 64 pixels a side")
_DISCRETE, _GAUSSIAN, _MEASURED = "where codes are discrete", "of a Gaussian", "where the data set is there"

ASKS: Mapping[AskKind, Asking] = {
    "about": Asking(AboutAsk, AboutFacts, ()),
    "statistics": Asking(StatisticsAsk, StatisticsFacts, (
        AnswerArray("order", ("N",), "i4", "the dimensions, most active first"),
        AnswerArray("active", ("N",), "u1", "1 = used, 0 = collapsed; by dimension"),
        AnswerArray("mean", ("N",), "f4", "mean over the images"),
        AnswerArray("deviation", ("N",), "f4", "standard deviation over the images"),
        AnswerArray("kl", ("N",), "f4", "mean KL divergence from the prior, in nats", _GAUSSIAN),
        AnswerArray("sigma", ("N",), "f4", "mean of the encoder's sigma", _GAUSSIAN),
    )),
    "decode": Asking(DecodeAsk, DecodeFacts, (
        AnswerArray("images", ("n", *_IMAGE), "u1", "one for each point"),
        AnswerArray("z", ("n", *_LATENT), "f4", "the latent there"),
        AnswerArray("codes", ("n", "Q", "h", "w"), "i4", "what the quantiser made of it", _DISCRETE),
    )),
    "encode": Asking(EncodeAsk, EncodeFacts, (
        AnswerArray("image", _IMAGE, "u1", "as the model sees it"),
        AnswerArray("reconstruction", _IMAGE, "u1", "what the decoder makes of it"),
        AnswerArray("mean", _LATENT, "f4", "the latent"),
        AnswerArray("sigma", _LATENT, "f4", "standard deviation of the posterior", _GAUSSIAN),
        AnswerArray("codes", ("Q", "h", "w"), "i4", "its tokens", _DISCRETE),
    )),
    "pictures": Asking(PicturesAsk, PicturesFacts, (_THUMBS, _LABELS)),
    "search": Asking(SearchAsk, SearchFacts, (_NUMBERS, _SIDES, _LABELS, _THUMBS)),
    "traverse": Asking(TraverseAsk, TraverseFacts, (
        AnswerArray("images", ("n", "s", *_IMAGE), "u1", "a row for each dimension"),
        AnswerArray("values", ("n", "s"), "f4", "of the dimension along each row"),
    )),
    "plane": Asking(PlaneAsk, NoFacts, (
        AnswerArray("images", ("s", "s", *_IMAGE), "u1", "rows from the highest y to the lowest"),
        AnswerArray("xs", ("s",), "f4", "of the dimension x, rising"),
        AnswerArray("ys", ("s",), "f4", "of the dimension y, falling"),
    )),
    "walk": Asking(WalkAsk, WalkFacts, (
        AnswerArray("images", ("F", *_IMAGE), "u1", "in order"),
        AnswerArray("z", ("F", *_LATENT), "f4", "the latent at each"),
    )),
    "map": Asking(MapAsk, MapFacts, (
        AnswerArray("points", ("P", 2), "f4", "where it lies"),
        AnswerArray("numbers", ("P",), "i4", "within its side"),
        AnswerArray("sides", ("P",), "u1", "0 = validation, 1 = training"),
        AnswerArray("labels", ("P",), "i2", "place in `classes`, -1 = none"),
    )),
    "nearest": Asking(NearestAsk, NearestFacts, (
        _NUMBERS, _SIDES, _LABELS, _THUMBS, AnswerArray("distances", ("n",), "f4", "Euclidean, in the latent"),
    )),
    "directions": Asking(DirectionsAsk, DirectionsFacts, (
        AnswerArray("principal", ("k", *_LATENT), "f4", "of length 1, that of the largest variance first"),
        AnswerArray("deviations", ("k",), "f4", "standard deviation of the images along it"),
        AnswerArray("shares", ("k",), "f4", "share of the variance"),
        AnswerArray("means", ("L", *_LATENT), "f4", "mean of the images of a label"),
        AnswerArray("counts", ("L",), "i4", "images of a label"),
    )),
    "paint": Asking(PaintAsk, NoFacts, (AnswerArray("image", _IMAGE, "u1", "decoded"),)),
    "levels": Asking(LevelsAsk, LevelsFacts, (AnswerArray("images", ("Q", *_IMAGE), "u1", "of the first so many levels"),)),
    "field": Asking(FieldAsk, FieldFacts, (
        AnswerArray("field", ("H", "W"), "f4", "mean absolute change of a pixel, pixels in [0, 1]"),
    )),
    "receptive": Asking(ReceptiveAsk, FieldFacts, (
        AnswerArray("field", ("H", "W"), "f4", "size of the encoder's gradient; the largest is 1"),
    )),
    "palette": Asking(PaletteAsk, NoFacts, (
        AnswerArray("order", ("K",), "i4", "codes, the most similar first"),
        AnswerArray("distances", ("K",), "f4", "of each of these, Euclidean", "of an ask with `like`"),
    )),
    "atlas": Asking(AtlasAsk, AtlasFacts, (
        AnswerArray("tiles", ("K", "y", "x", "C"), "u1", "decoded in context"),
        AnswerArray("counts", ("K",), "i4", "tokens that are this code", _MEASURED),
        AnswerArray("colours", ("K", 3), "u1", "a colour of each; near codes look alike"),
    )),
    "code": Asking(CodeAsk, CodeFacts, (
        AnswerArray("tile", ("y", "x", "C"), "u1", "decoded in context"),
        AnswerArray("near", ("j",), "i4", "the nearest codes, itself first"),
        AnswerArray("distances", ("j",), "f4", "of each of these, Euclidean"),
        AnswerArray("positions", ("h", "w"), "i4", "tokens that are this code, by cell", _MEASURED),
        AnswerArray("patches", ("p", "y", "x", "C"), "u1", "what of training images it stands for", _MEASURED),
        AnswerArray("numbers", ("p",), "i4", "the training image of a patch", _MEASURED),
        AnswerArray("cells", ("p", 2), "i2", "row and column of a patch", _MEASURED),
    )),
}  # fmt: skip
"""Every kind of ask, in the order in which docs/studio.md lists them."""

# The answer --------------------------------------------------------------------------------------------------------------


class MadeAnswer(TypedDict):
    """What the process of a model says with an answer; packing it adds the places of its arrays."""

    v: Annotated[int, f"{VERSION}"]
    channel: Annotated[Literal["answer"], "what it is"]
    ref: Annotated[int, "of the ask"]
    kind: Annotated[AskKind, "of the ask"]
    ms: Annotated[float, "time that it took to compute, in ms"]
    facts: Annotated[Mapping[str, Any], "of this kind, see below"]


class AnswerHeader(MadeAnswer):
    """What an answer says beside its arrays."""

    arrays: Annotated[Sequence[ArrayPlace], "its arrays, in the order of their bytes"]
