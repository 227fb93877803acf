"""The facts of each kind of response: what it holds beside its arrays."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypedDict

from tilework.protocol.dream import PriorFacts
from tilework.protocol.errors import Problem
from tilework.protocol.explore.asks import AskKind, MapKind
from tilework.protocol.run import Number

Space = Literal["gaussian", "plain", "before quantiser"]


class NoFacts(TypedDict):
    """Nothing beside the arrays."""


class AboutFacts(TypedDict):
    """What the model is."""

    name: Annotated[str, "id of the run, or the checkpoint folder's name"]
    recipe: Annotated[str, "name of its recipe or spec"]
    checkpoint: Annotated[str, "name of the checkpoint's folder"]
    step: Annotated[int, "steps that it was trained for"]
    epoch: Annotated[Number, "the same in epochs; null where the run does not record it"]
    device: Annotated[str, "where it computes"]
    devices: Annotated[Sequence[str], "where it could: values of `device`"]
    parameters: Annotated[int, "weights of encoder, bottleneck and decoder"]
    image: Annotated[Sequence[int], "[height, width, channels]"]
    bottleneck: Annotated[str, "its kind: `gaussian`, `none`, `vq`, `rq`, `fsq`, `lfq`"]
    space: Annotated[
        Space,
        "what the latent is: the mean of a Gaussian, the output of a plain encoder, or what the quantiser is given",
    ]
    latent: Annotated[Sequence[int], "[D, h, w]; dimensions are counted through in this order"]
    beta: Annotated[Number, "weight of the KL term at the end of training; null where there is none"]
    levels: Annotated[int, "Q; 0 = nothing is discrete"]
    codes: Annotated[int, "K, of each level"]
    may_pass: Annotated[bool, "a latent may go past the quantiser: `through` may be `decoder`"]
    sides: Annotated[Mapping[str, int], "images of `validation` and `train`; 0 where the data set is not there"]
    classes: Annotated[Sequence[str], "names of the labels; empty = there are none"]
    named: Annotated[bool, "images have file names"]
    missing: Annotated[Problem | None, "why the images of the data set are not there"]
    asks: Annotated[Sequence[AskKind], "what may be asked of this model"]
    maps: Annotated[Sequence[MapKind], "kinds of map that can be made here"]
    prior: Annotated[PriorFacts | None, "of the run of a prior: what it is; null of an autoencoder"]
    priors: Annotated[
        Sequence[str], "of an autoencoder with codes: runs of priors that were trained on its tokens, the newest first"
    ]


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


class ImagesFacts(TypedDict):
    """Of each image in turn."""

    labels: Annotated[Sequence[str | None], "its label"]
    names: Annotated[Sequence[str | None], "its file name"]


class SearchFacts(ImagesFacts):
    """What was found."""

    more: Annotated[bool, "there are more than the first 200, which are sent"]


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


class NearestFacts(ImagesFacts):
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

    first: Annotated[int, "the first code of the response"]
    codes: Annotated[int, "K: all codes of the level"]
    tokens: Annotated[int, "so many tokens of this level were counted; 0 where the data set is not there"]
    cell: Annotated[Sequence[int], "[height, width] of one cell in pixels"]
    margin: Annotated[int, "a tile shows so many cells of its surroundings on each side"]


class CodeFacts(TypedDict):
    """How often it is used."""

    tokens: Annotated[int, "so many tokens are this code"]
    of: Annotated[int, "so many tokens of this level were counted"]
