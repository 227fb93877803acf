"""What is asked of an open model, kind by kind. Points and origins are written as `tilework.explore.points` reads them."""

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired, TypedDict

from tilework.protocol.dream import ContinueAsk, DreamAsk, MorphAsk, RepaintAsk

AskKind = Literal["about", "statistics", "decode", "encode", "images", "search", "traverse", "plane", "walk", "map", "nearest",
                  "directions", "paint", "levels", "field", "receptive", "palette", "atlas", "code",
                  "dream", "repaint", "morph", "continue"]  # fmt: skip
Side = Literal["validation", "train"]
Way = Literal["linear", "spherical"]
MapKind = Literal["pca", "umap", "dimensions"]
SIDES: tuple[Side, ...] = ("validation", "train")
"""What the numbers in arrays named `sides` stand for."""

Past = Annotated[
    Literal["quantiser", "decoder"],
    "where codes are discrete: `quantiser` (if not given) puts the codes in the place of the latent, `decoder` decodes it "
    "without becoming codes",
]

# The latent -----------------------------------------------------------------------------------------------------------


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
    through: NotRequired[Past]


class EncodeAsk(TypedDict):
    """An image, and what the model makes of it."""

    kind: Literal["encode"]
    of: Annotated[str, "an origin: `validation:N`, `train:N` or `image:NAME`"]


class ImagesAsk(TypedDict):
    """Small images of the data set."""

    kind: Literal["images"]
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
    through: NotRequired[Past]


class PlaneAsk(TypedDict):
    """A square of images, over which two dimensions move."""

    kind: Literal["plane"]
    point: Annotated[str, "what is kept of all other dimensions"]
    x: Annotated[int, "the dimension that rises to the right"]
    y: Annotated[int, "the dimension that rises upwards"]
    low: NotRequired[Annotated[float, "of both; as of `traverse` if not given"]]
    high: NotRequired[Annotated[float, "of both; as of `traverse` if not given"]]
    steps: NotRequired[Annotated[int, "images of a side, 15 if not given; 2 to 33"]]
    through: NotRequired[Past]


class WalkAsk(TypedDict):
    """Images on the way from point to point."""

    kind: Literal["walk"]
    points: Annotated[Sequence[str], "2 to 64 points, in order"]
    frames: Annotated[int, "images of the whole way; at most 600"]
    how: NotRequired[Annotated[Way, "`linear` if not given"]]
    ease: NotRequired[Annotated[bool, "slower near each point"]]
    loop: NotRequired[Annotated[bool, "back to the first point at the end"]]
    fps: NotRequired[Annotated[float, "of a file: images a second, 30 if not given"]]
    through: NotRequired[Past]


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


# Tokens ---------------------------------------------------------------------------------------------------------------


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
    first: NotRequired[Annotated[int, "the first code to send, 0 if not given"]]
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
    AboutAsk | StatisticsAsk | DecodeAsk | EncodeAsk | ImagesAsk | SearchAsk | TraverseAsk | PlaneAsk | WalkAsk | MapAsk
    | NearestAsk | DirectionsAsk | PaintAsk | LevelsAsk | FieldAsk | ReceptiveAsk | PaletteAsk | AtlasAsk | CodeAsk
    | DreamAsk | RepaintAsk | MorphAsk | ContinueAsk
)  # fmt: skip
