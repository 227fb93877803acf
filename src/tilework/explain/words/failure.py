"""What failure would look like here, and where a run stands, in words."""

from __future__ import annotations

from collections.abc import Mapping

from tilework.explain.document import Layout, Points, Section
from tilework.explain.facts.explanation import Explanation
from tilework.explain.facts.reading import Failure, Symptom, Verdict
from tilework.explain.words.numbers import count, many, significant, whole

_STANDS = {
    Verdict.COLLAPSED: " **This run shows it.**",
    Verdict.FOLLOWS: " **This run shows it,** as what follows from the other.",
    Verdict.LOW: " This run is between the two.",
    Verdict.GOOD: " This run does not show it.",
    Verdict.BOUND: " This run does not show it.",
}


def failure_section(found: Explanation) -> Section:
    """Each way to fail with the numbers that it would have here."""
    return Section(
        "What failure would look like", (Points(tuple(_line(one) for one in found.symptoms)),), layout=Layout.COLUMNS
    )


def _line(one: Symptom) -> str:
    return _TEXTS[one.failure](one.marks) + _STANDS.get(one.verdict, "")


def _codebook(marks: Mapping[str, float]) -> str:
    positions = count(marks["positions"])
    place = f"all {positions} positions of an image" if marks["positions"] > 1 else "all images"
    text = (
        f"**Codebook collapse.** Perplexity falls below about {count(whole(marks['collapsed']))} of "
        f"{count(marks['codes'])}: {place} share a few codes, the decoder cannot distinguish images, and "
        f"reconstructions are blotches of a mean colour. Above about {count(whole(marks['well']))} it has not collapsed."
    )
    return text + (f" Now {count(whole(marks['perplexity']))}." if "perplexity" in marks else "")


def _shrinking(marks: Mapping[str, float]) -> str:
    text = (
        "**Encoder and codebook shrink together.** The commitment loss falls by orders of magnitude while the norms "
        "of tokens and codes fall too: everything becomes nearly one point, and the output one grey."
    )
    if "z_norm" in marks:
        norms = f" Now the norms are {significant(marks['z_norm'])} (tokens)"
        norms += f" and {significant(marks['code_norm.1'])} (codes)." if "code_norm.1" in marks else "."
        text += norms
    return text


def _dead(marks: Mapping[str, float]) -> str:
    fair = marks["fair"]
    text = (
        f"**Dead codes.** Codes in use stay far below {count(marks['codes'])}. A step has "
        f"{count(marks['step_tokens'])} tokens, a fair share of {significant(fair)} for each code"
    )
    if "threshold" in marks:
        text += (
            f"; one that wins less than {significant(marks['threshold'], 2)} of them on average comes back elsewhere."
        )
    else:
        text += "; one that wins none stays where it is."
    if fair < 1:
        text += " With less than one token a code and step, most codes move rarely: a larger batch or fewer codes help."
    return text + (f" Now {count(marks['used.1'])} are in use." if "used.1" in marks else "")


def _posterior(marks: Mapping[str, float]) -> str:
    text = (
        "**Posterior collapse.** The KL divergence goes to 0 and with it the active units, of "
        f"{count(marks['dims'])}: the encoder gives the same Gaussian for every image, and the decoder one mean image."
    )
    if "kl" in marks and "active_units" in marks:
        text += f" Now {significant(marks['kl'])} nats in {count(marks['active_units'])} active units."
    return text


def _saturated(marks: Mapping[str, float]) -> str:
    return (
        f"**Saturated levels.** The encoder's {many(marks['dims'], 'number')} leave the range that the levels can "
        "distinguish; there the gradient is nothing, every image gets the same code, and perplexity falls to 1 for "
        "good. The commitment loss pulls it back."
    )


def _constant(marks: Mapping[str, float]) -> str:
    text = (
        "**One image for all.** The decoder gives the mean of all images, grey or black, whatever comes in: the "
        "error stops falling early"
    )
    if "blank_psnr" in marks:
        text += (
            f", at about {marks['blank_mse']:.3g} ({marks['blank_psnr']:.1f} dB), which one mean image has on the "
            f"{count(marks['blank_images'])} stored originals"
        )
    text += "."
    if "psnr" in marks:
        text += f" Now {marks['psnr']:.2f} dB."
    return text


def _counting(marks: Mapping[str, float]) -> str:
    text = (
        f"**No better than counting.** Bits per token stay at {significant(marks['baseline'], 4)}, what the best plain "
        "code takes: the prior knows how frequent codes are (of clips, that frames resemble the one before), and "
        "nothing of what stands beside what. Samples are noise in the right colours."
    )
    return text + (f" Now {marks['bits']:.3f}." if "bits" in marks else "")


def _by_heart(marks: Mapping[str, float]) -> str:
    text = (
        "**Learnt by heart.** Bits in training go on falling while those of validation rise: samples are copies of "
        "training images ([[novelty]] measures how near)."
    )
    if {"bits", "training_bits"} <= set(marks):
        text += f" Now {marks['training_bits']:.3f} in training and {marks['bits']:.3f} in validation."
    return text


_TEXTS = {
    Failure.CODEBOOK: _codebook,
    Failure.SHRINKING: _shrinking,
    Failure.DEAD_CODES: _dead,
    Failure.POSTERIOR: _posterior,
    Failure.SATURATED: _saturated,
    Failure.CONSTANT_IMAGE: _constant,
    Failure.NO_BETTER_THAN_COUNTS: _counting,
    Failure.BY_HEART: _by_heart,
}
