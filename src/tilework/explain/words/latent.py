"""The latent, and whether it holds features or the whole image, in words."""

from __future__ import annotations

from collections.abc import Iterator

from tilework.explain.document import Drawing, Figure, Paragraph, Points, Section
from tilework.explain.facts.explanation import AutoencoderExplained
from tilework.explain.facts.latent import Learns
from tilework.explain.words.numbers import area, count, many, percent, significant, size


def latent_section(found: AutoencoderExplained) -> Section:
    """What an image becomes."""
    return Section("What an image becomes", (Points(tuple(_lines(found))),))


def _lines(found: AutoencoderExplained) -> Iterator[str]:
    latent, images = found.latent, found.images
    grid = f"{size(latent.width, latent.height)} grid"
    if latent.positions > 1:
        yield (
            f"A **{grid}**: {count(latent.positions)} positions, each described by a vector of **{latent.dim}** numbers."
        )
    else:
        yield f"**One vector of {latent.dim} numbers**; there is no grid."
    if not latent.levels:
        yield from _continuous(found)
        return
    where = "each position" if latent.positions > 1 else "the vector"
    if latent.quantiser.steps:
        values = " x ".join(map(str, latent.quantiser.steps))
        yield (
            f"Every number of a position is rounded to one of a few values ([[FSQ levels]]: {values} = "
            f"**{count(latent.codes)}** codes). There is no codebook."
        )
    elif latent.quantiser.rule is None:
        yield (
            f"Every number of a position becomes its sign: 2^{latent.dim} = **{count(latent.codes)}** codes without a "
            "codebook."
        )
    elif latent.levels == 1:
        yield (
            f"The [[codebook]] has **{count(latent.codes)} vectors**. The vector of {where} is replaced by the "
            f"nearest of them, and stored as its number, from 0 to {count(latent.codes - 1)}."
        )
    else:
        shared = "one codebook, used by all levels," if latent.quantiser.shared else "a codebook for each level,"
        yield (
            f"**{latent.levels} [[levels]]**, {shared} of **{count(latent.codes)} vectors**: the second level's codes "
            "stand for what the first one left, and so on; the codes of a position are added. Stored are "
            f"{latent.levels} numbers from 0 to {count(latent.codes - 1)}."
        )
    levels = f" x {latent.levels} levels" if latent.levels > 1 else ""
    each = f"{significant(latent.bits_per_position / latent.levels, 4)} bits (log2 {count(latent.codes)})"
    yield (
        f"**{count(latent.bits)} [[bits per image]]**: {many(latent.positions, 'position')}{levels} x {each}. The pixels "
        f"have {count(images.bits)} bits, **{significant(latent.ratio(images))} times** as many "
        f"({significant(latent.bits / (images.width * images.height))} bits a pixel)."
    )
    codes = f"{count(latent.tokens)} numbers from 0 to {count(latent.codes - 1)}"
    if latent.positions > 1:
        stands = f"stands for a vector of {latent.dim} numbers" + (" in the codebook" if latent.quantiser.rule else "")
        yield f"In short: an image is written down as a {grid} of codes, {codes}, each of which {stands}."
    else:
        yield f"In short: an image is written down as {codes}."


def _continuous(found: AutoencoderExplained) -> Iterator[str]:
    latent, images = found.latent, found.images
    if latent.kind == "gaussian":
        yield (
            f"The encoder gives a mean and a variance for each of the {latent.dim} numbers; in training the latent is "
            "drawn from that Gaussian ([[reparameterisation]]), afterwards it is the mean."
        )
    yield (
        f"The image has {count(images.numbers)} numbers, **{significant(latent.ratio(images))} times** as many as the "
        f"latent's {count(latent.numbers)}. Without codes there are no bits to count: how much a latent carries is measured by "
        f"the {'[[KL divergence]]' if latent.kind == 'gaussian' else 'reconstruction'}."
    )


def locality_section(found: AutoencoderExplained) -> Section:
    """Features or the whole image?"""
    blocks: list[Paragraph | Points | Figure] = [Paragraph(_learned(found))]
    if found.locality.sees is not None and found.latent.positions > 1:
        blocks.append(
            Figure(
                Drawing.TOKEN,
                "The image with the latent's grid on it, one position in the middle, the part of the image that it "
                "can depend on, and the part of the output that it can change.",
            )
        )
    blocks.append(Points(tuple(_why(found))))
    return Section("Features or the whole image?", tuple(blocks))


def _learned(found: AutoencoderExplained) -> str:
    latent, images = found.latent, found.images
    image = size(images.width, images.height)
    match found.locality.learns:
        case Learns.FEATURES:
            return (
                f"**Features, in their places.** The image of {image} is not pressed into one vector: it becomes a "
                f"grid of {size(latent.width, latent.height)} {_unit(found)}, and each describes its own part of the "
                "image."
            )
        case Learns.WIDE_FEATURES:
            return (
                f"**Features in their places, each with a view of everything.** The image of {image} becomes a grid "
                f"of {size(latent.width, latent.height)} {_unit(found)}; each describes its own place, and can take "
                "the whole image into account."
            )
        case Learns.WHOLE:
            code = "the codes of one vector" if latent.levels else f"one vector of {latent.dim} numbers"
            return (
                f"**The whole image.** All {count(images.numbers)} numbers of the image of {image} go into {code}; no "
                "part of it belongs to a place."
            )
        case Learns.GRID:
            return (
                f"**Features, in their places.** The image of {image} becomes a grid of "
                f"{size(latent.width, latent.height)} {_unit(found)}. How far one of them sees cannot be counted from "
                "this encoder's layers."
            )


def _unit(found: AutoencoderExplained) -> str:
    return "codes" if found.latent.levels else "vectors"


def _why(found: AutoencoderExplained) -> Iterator[str]:
    seen, latent, images = found.locality, found.latent, found.images
    if seen.learns is Learns.WHOLE:
        yield (
            "The dense layer in front of the latent sees every position of the last feature map, and with it every "
            "pixel."
        )
        if latent.levels:
            yield "A code therefore stands for a kind of image, not for a texture or an edge."
        else:
            yield "One number of the latent can change the whole output; features in places are not kept apart."
        return
    if seen.sees is not None and seen.pitch is not None and seen.share is not None:
        clipped = seen.share < 1
        part = f"{percent(seen.share)} of the image's area" if clipped else "as much as the whole image, or more"
        yield (
            "The encoder is made of convolutions, so it works patch by patch: one position depends on "
            f"**{area(seen.sees)}** of the image's {size(images.width, images.height)} (its [[receptive field]], "
            f"{part}), and its neighbour on the same area {seen.pitch[0]} pixel{'s' * (seen.pitch[0] > 1)} further on."
        )
        yield "What is really used is less, and most of it in the middle of that area."
    if seen.statistics:
        yield (
            "A norm on the way uses the mean and variance of the whole map: through these two numbers, faintly, "
            "everything is seen."
        )
    if seen.paints is not None:
        yield f"In the decoder, one position can change {area(seen.paints)} of the output."
    if latent.levels:
        kind = "codebook" if latent.quantiser.rule else "set of codes"
        yield (
            f"The {kind} becomes a vocabulary of {count(latent.codes)} visual features (edges, textures, colours) "
            f"that recur, and an image is written in it, as {count(latent.tokens)} [[tokens]] in raster order."
        )
