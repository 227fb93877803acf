"""How one metric is to be read here: a function for each metric that has more to it than its help."""

from __future__ import annotations

import math
from collections.abc import Callable

from tilework.explain import glossary
from tilework.explain.document import code
from tilework.explain.facts.explanation import AutoencoderExplained, Explanation
from tilework.explain.facts.latent import LatentSpace
from tilework.explain.facts.network import Kind
from tilework.explain.facts.reading import Reading, Verdict
from tilework.explain.words.numbers import count, number, percent, significant, whole
from tilework.explain.words.schedules import course_text
from tilework.explain.words.training import PER
from tilework.metrics import base_of

Writer = Callable[[Reading, Explanation], str]


def reading_text(one: Reading, found: Explanation) -> str:
    """How one metric is to be read, in this model's numbers."""
    write = _WRITERS.get(base_of(one.metric))
    if write is not None:
        return write(one, found)
    entry = glossary.of_term(base_of(one.metric))
    text = one.help or (entry.text if entry is not None else "")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") or not text else ".")


def _loss(one: Reading, found: Explanation) -> str:
    terms = [term.name for term in found.training.terms]
    if isinstance(found, AutoencoderExplained):
        return (
            f"The sum of {', '.join(map(code, terms))}, each times its weight. Should fall; compare it only between "
            "runs with the same weights (validation has them as they are at the end of their schedules)."
        )
    return "What is minimised, in nats. Should fall."


def _perplexity(one: Reading, _: Explanation) -> str:
    marks = one.marks
    text = (
        f"How many of the {count(marks['codes'])} codes are in effective use. Below about "
        f"**{count(whole(marks['collapsed']))}** it is [[codebook collapse]]: a few codes have to describe "
        f"everything. Above about **{count(whole(marks['well']))}** the vocabulary is put to good use."
    )
    if "tokens" in marks:
        each = f"N = {count(marks['tokens'])} tokens, N/K = {count(marks['tokens_per_code'])}"
        bound = f"{count(whole(marks['most']))} is the most that they can show"
        text += f" It is measured on {each}; {bound}"
        text += " (the [[data bound]], below K: more images would show more codes)." if marks["bounded"] else "."
    elif "window_tokens" in marks:
        text += f" Training counts the last 100 steps: {count(marks['window_tokens'])} tokens."
    return text


def _used(one: Reading, _: Explanation) -> str:
    marks = one.marks
    text = (
        f"How many of the {count(marks['codes'])} codes at least one token chose; a code that is chosen once counts "
        "like one that is chosen a thousand times."
    )
    if "tokens" in marks and marks["most_used"] < 0.995 * marks["codes"]:
        text += f" So many tokens would show about {count(whole(marks['most_used']))} of an evenly used codebook."
    return text


def _mse(one: Reading, found: Explanation) -> str:
    text = "The mean squared error of the pixels. Should fall steadily"
    if one.verdict in {Verdict.COLLAPSED, Verdict.FOLLOWS}:
        text += "; a larger model is no help while every image comes back as the same one"
    else:
        text += "; if it stays high, the model may be too small for these images"
        if isinstance(found, AutoencoderExplained):
            text += f": {_capacity(found)}"
    text += "." + _summed(one, found)
    if "grey_levels" in one.marks:
        text += f" Now a typical pixel is {one.marks['grey_levels']:.1f} of 255 grey levels off."
    if "blank_mse" in one.marks:
        text += f" One mean image in place of all would have {one.marks['blank_mse']:.4g}."
    return text


def _summed(one: Reading, found: Explanation) -> str:
    """Of a term that is a sum: validation measures the mean over pixels, training the term as it is."""
    per = _per(one, found)
    return " In training it is summed over an image." if per == "image" else ""


def _per(one: Reading, found: Explanation) -> str:
    return next((term.per for term in found.training.terms if term.name == one.metric), "")


def _pixel_term(what: str) -> Writer:
    """A reconstruction term that is a mean or a sum as its setting chooses."""

    def write(one: Reading, found: Explanation) -> str:
        return f"{what}, {PER.get(_per(one, found), PER['pixel'])}. Should fall."

    return write


def _capacity(found: AutoencoderExplained) -> str:
    network = found.network
    # Without the projections to the latent and from it: their channels are the latent's.
    widest = max(
        (stage.channels for stage in network.stages if stage.kind in {Kind.DOWN, Kind.UP, Kind.BLOCK}), default=0
    )
    parts = [f"more channels (the widest map has {widest})"]
    parts.append(f"more blocks (it has {len(network.blocks)})" if network.blocks else "blocks (it has none)")
    if found.latent.levels:
        parts.append(f"more codes or levels (it has {found.latent.levels} x {count(found.latent.codes)})")
    else:
        parts.append(f"more latent numbers (it has {count(found.latent.numbers)})")
    return f"try {', '.join(parts)}"


def _psnr(one: Reading, _: Explanation) -> str:
    marks = one.marks
    scale = ", ".join(f"{db} dB {marks[f'grey_levels_{db}']:.0f}" for db in (20, 25, 30))
    text = f"The mean squared error in decibels; in grey levels of 255: {scale}."
    if "grey_levels" in marks:
        text += f" Here {marks['grey_levels']:.1f}."
    if "blank_mse" in marks:
        text += (
            f" One mean image in place of all would have {-10 * math.log10(marks['blank_mse']):.1f} dB (of the "
            f"{count(marks['blank_images'])} stored originals)."
        )
    return text


def _detail(_: Reading, __: Explanation) -> str:
    return (
        "1 is as sharp as the originals; well below 1 reconstructions are blurred, above 1 they have noise or a grid "
        "printed on them."
    )


def _commitment(one: Reading, _: Explanation) -> str:
    text = (
        "How far the encoder's vectors are from their codes. Should be small and steady: rising without end, the "
        "encoder runs away from the codes; falling to nothing together with the norms, both shrink and the images "
        "turn grey."
    )
    return text + _share_of_power(one)


def _codebook(one: Reading, _: Explanation) -> str:
    return (
        "How far the codes are from the encoder's vectors that chose them. Should be small and steady."
        + _share_of_power(one)
    )


def _share_of_power(one: Reading) -> str:
    value = one.validation if one.validation is not None else one.training
    power = one.marks.get("z_power")
    if value is None or not power:
        return ""
    return f" Now it is {percent(value / power)} of the vectors' own power."


def _kl(one: Reading, found: Explanation) -> str:
    text = (
        "What the latent carries, in nats (divided by 0.693: in bits). At 0 it carries nothing: [[posterior collapse]]. "
        "A larger weight pushes it down."
    )
    value = one.validation if one.validation is not None else one.training
    if value is not None and one.metric == "kl":
        bits = value / math.log(2)
        text += f" Now {significant(bits)} bits"
        if isinstance(found, AutoencoderExplained):
            place = "a position" if found.latent.positions > 1 else "an image"
            text += f" {place}, {significant(bits / found.latent.dim)} for each of the {found.latent.dim} dimensions"
        text += "."
    if one.metric == "kl" and "nothing" in one.marks:
        text += f" Below {number(one.marks['nothing'])} nats an image it is not even one yes or no about it."
    if "least" in one.marks:
        text += f" By dimension from {significant(one.marks['least'])} to {significant(one.marks['most'])} nats."
    return text


def _active(one: Reading, _: Explanation) -> str:
    return (
        f"Dimensions of {count(one.marks['dims'])} with more than {number(one.marks['active'])} nats each. The others "
        "have collapsed to the prior: the decoder does without them."
    )


def _norm(one: Reading, found: Explanation) -> str:
    if isinstance(found, AutoencoderExplained) and found.latent.quantiser.rule is None:
        return _norm_without_codebook(found.latent)
    text = "Should stay near the norm of the codes: the two drifting apart means that the codes no longer follow."
    if "code_norm.1" in one.marks:
        text += f" The codes have {significant(one.marks['code_norm.1'])}."
    return text


def _norm_without_codebook(latent: LatentSpace) -> str:
    text = "The L2 norm of the encoder's outputs"
    if latent.kind == "gaussian":
        drawn = significant(math.sqrt(latent.dim))
        text = (
            f"The L2 norm of the encoder's means. Near 0 the mean is the same for every image; a draw from the prior of "
            f"{count(latent.dim)} numbers has about {drawn}, and the means of a latent that is in use come near it"
        )
    elif latent.levels:
        text += (
            " before they are rounded to codes. Growing without end it leaves the range that the codes can distinguish"
        )
    else:
        text += ". Nothing holds it to a value here"
    return text + "."


def _tokens(one: Reading, _: Explanation) -> str:
    marks = one.marks
    text = f"A step has {count(marks['step_tokens'])} tokens, {count(marks['step_tokens'] / marks['codes'])} for each code."
    if "tokens" in marks:
        text = (
            f"A validation has {count(marks['tokens'])} tokens, {count(marks['tokens'] / marks['codes'])} for "
            "each code; " + text[:1].lower() + text[1:]
        )
    return text


def _gradient(one: Reading, _: Explanation) -> str:
    if "clip_norm" not in one.marks:
        return "Nothing shortens it here (`optimizer.clip_norm=null`): a jump can throw the weights far away."
    bound = number(one.marks["clip_norm"])
    return (
        f"Above {bound} it is shortened to {bound}. Single peaks are nothing; growing without end the run comes apart."
    )


def _nonfinite(_: Reading, __: Explanation) -> str:
    return "Must be 0."


def _lr(_: Reading, found: Explanation) -> str:
    return f"Set, not measured: {course_text(found.training.lr)}."


def _quantisation(one: Reading, _: Explanation) -> str:
    return "What replacing vectors by codes loses, of what the level was given." + _share_of_power(one)


def _bits(one: Reading, _: Explanation) -> str:
    marks = one.marks
    text = (
        f"What a token takes with this prior. Knowing nothing takes log2 {count(marks['codes'])} = "
        f"**{significant(marks['uniform'], 4)}**; each bit less halves the number of codes between which the prior is "
        "unsure."
    )
    for name in ("unigram", "copy"):
        if name in marks:
            text += f" The {name} code takes {marks[name]:.3f}."
    text += f" An item has {count(marks['tokens'])} tokens."
    return text


def _accuracy(one: Reading, _: Explanation) -> str:
    return (
        f"Guessing is right in {percent(one.marks['chance'])} of the cases. Where several codes look alike it stays "
        "far below 1."
    )


def _per_dim(one: Reading, _: Explanation) -> str:
    text = f"Bits of the {count(one.marks['tokens'])} tokens of an image over the numbers of the image"
    return text + (f", {count(one.marks['numbers'])}." if "numbers" in one.marks else ".")


def _coding(one: Reading, _: Explanation) -> str:
    plain = {
        "uniform": "All codes alike.",
        "unigram": "Each code by its share in training: a prior above it has learnt nothing of what stands beside what.",
        "copy": "As in the frame before, or by its share: a prior of clips has to be below it.",
    }
    return plain.get(one.metric.partition(".")[2], one.help)


_WRITERS: dict[str, Writer] = {
    "loss": _loss,
    "perplexity": _perplexity,
    "used": _used,
    "mse": _mse,
    "psnr": _psnr,
    "detail": _detail,
    "commitment": _commitment,
    "codebook": _codebook,
    "bce": _pixel_term("The binary cross-entropy, each pixel taken as the probability of white"),
    "l1": _pixel_term("The absolute difference of the pixels"),
    "kl": _kl,
    "active_units": _active,
    "z_norm": _norm,
    "tokens_per_code": _tokens,
    "grad_norm": _gradient,
    "nonfinite": _nonfinite,
    "lr": _lr,
    "quantisation_error": _quantisation,
    "bits": _bits,
    "accuracy": _accuracy,
    "bits_per_dim": _per_dim,
    "coding": _coding,
}
