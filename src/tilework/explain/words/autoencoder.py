"""An autoencoder in words."""

from __future__ import annotations

from tilework.explain.document import Card, Document
from tilework.explain.facts.explanation import AutoencoderExplained
from tilework.explain.facts.latent import LatentSpace
from tilework.explain.words.failure import failure_section
from tilework.explain.words.latent import latent_section, locality_section
from tilework.explain.words.metrics import metrics_section
from tilework.explain.words.names import family
from tilework.explain.words.network import drawing_section, images_section, network_section
from tilework.explain.words.numbers import count, large, significant, size
from tilework.explain.words.standing import opening_with_the_run
from tilework.explain.words.training import training_section


def autoencoder_document(found: AutoencoderExplained) -> Document:
    """The whole text."""
    sections = [
        drawing_section(),
        images_section(found),
        latent_section(found),
        network_section(found),
        locality_section(found),
        training_section(found),
        metrics_section(found),
        failure_section(found),
    ]
    sections = opening_with_the_run(sections, found)
    return Document(found.subject.name, _lead(found), _cards(found), tuple(sections))


def _lead(found: AutoencoderExplained) -> str:
    images, latent = found.images, found.latent
    colour = "grey" if images.channels == 1 else "colour"
    name = family(latent, found.training)
    article = "An" if name[0] in "aeiou" else "A"
    code = (
        f"a grid of {size(latent.width, latent.height)} vectors of {latent.dim} numbers"
        if latent.positions > 1
        else f"one vector of {latent.dim} numbers"
    )
    if latent.levels:
        several = f"{latent.levels} codes" if latent.levels > 1 else "one code"
        code = (
            f"a grid of {size(latent.width, latent.height)} codes, each one of {count(latent.codes)}"
            if latent.positions > 1 and latent.levels == 1
            else f"{several} of {count(latent.codes)} for each of {size(latent.width, latent.height)} positions"
            if latent.positions > 1
            else f"{several} of {count(latent.codes)}"
        )
    return (
        f"{article} {name} for {colour} images of {size(images.width, images.height)}: it turns each into {code}, and "
        "makes the image again from them."
    )


def _cards(found: AutoencoderExplained) -> tuple[Card, ...]:
    images, latent, network, seen = found.images, found.latent, found.network, found.locality
    image = size(images.width, images.height)
    cards = [Card("image", image, f"x {images.channels}", f"{images.bits:,} bits"), _latent_card(latent)]
    smaller = significant(latent.ratio(images))
    if latent.levels:
        each = f"{significant(latent.bits_per_position, 4)} bits a position" if latent.positions > 1 else "one vector"
        cards.append(Card("bits per image", count(latent.bits), "", f"{smaller} times smaller; {each}"))
    else:
        cards.append(Card("numbers", count(latent.numbers), f"of {images.numbers:,}", f"{smaller} times fewer"))
    if latent.positions == 1:
        cards.append(Card("the latent sees", "everything", "", f"all {image} pixels"))
    elif seen.sees is not None:
        cards.append(Card("a position sees", size(seen.sees.width, seen.sees.height), "pixels", f"of {image}"))
    parameters, _, unit = large(network.parameters).partition(" ")
    cards.append(Card("parameters", parameters, unit, f"{large(network.multiply_adds)} multiply-adds an image"))
    psnr = next((one for one in found.readings if one.metric == "psnr" and one.validation is not None), None)
    if psnr is not None and psnr.validation is not None:
        cards.append(Card("validation PSNR", f"{psnr.validation:.2f}", "dB", "its newest value"))
    return tuple(cards)


def _latent_card(latent: LatentSpace) -> Card:
    levels = f"{latent.levels} x " if latent.levels > 1 else ""
    codes = f"one of {levels}{count(latent.codes)} codes each" if latent.levels else "numbers at each position"
    if latent.positions > 1:
        return Card("latent", size(latent.width, latent.height), f"x {latent.dim}", codes)
    return Card(
        "latent",
        f"{latent.dim:,}",
        "numbers",
        f"{levels}{count(latent.codes)} codes" if latent.levels else "one vector",
    )
