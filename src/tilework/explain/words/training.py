"""What is learnt from, in words: the goals of training one by one, and the optimiser."""

from __future__ import annotations

from collections.abc import Iterator

from tilework.explain import glossary
from tilework.explain.document import Paragraph, Points, Section, code
from tilework.explain.facts.explanation import AutoencoderExplained
from tilework.explain.facts.latent import LatentSpace
from tilework.explain.facts.training import Role, TermFact, Training
from tilework.explain.words.names import rule
from tilework.explain.words.numbers import count, many, number, significant
from tilework.explain.words.schedules import course_text, is_off

_MOVES = {
    Role.RECONSTRUCTION: "Encoder and decoder learn from it: the encoder has to keep what matters, the decoder has to "
    "read what the bottleneck left.",
    Role.CODES: "Only the codes learn from it.",
    Role.ENCODER: "Only the encoder learns from it.",
}
PER = {"pixel": "mean over pixels", "image": "summed over an image"}


def training_section(found: AutoencoderExplained) -> Section:
    """The goals, each with what it is for."""
    goals = [_term(term) for term in found.training.terms]
    own = _codes_follow(found)
    if own:
        goals.insert(1, own)
    active = sum(not is_off(term.course) for term in found.training.terms) + bool(own)
    lead = f"Training balances {many(active, 'goal')}." if active > 1 else "Training has one goal."
    return Section(
        "What it learns from",
        (Paragraph(lead), Points(tuple(goals)), Points((*_passing(found.latent), *optimizer_lines(found.training)))),
    )


def _term(term: TermFact) -> str:
    entry = glossary.of_term(term.name)
    title = entry.title if entry is not None else term.name
    weight = (
        "its weight is 0: it is **off**, and costs nothing"
        if is_off(term.course)
        else f"weight {course_text(term.course)}"
    )
    per = f", {PER[term.per]}" if term.per in PER else ""
    purpose = (entry.purpose or entry.text) if entry is not None else term.about
    moves = _MOVES.get(term.role, "")
    now = ""
    if term.value is not None:
        now = f" Now {significant(term.value, 4)} in training{_times(term)}."
    settings = _settings(term)
    return (
        " ".join(
            part
            for part in (f"**{title}** ({code('objective.' + term.name)}, {weight}{per}).", purpose, moves, settings)
            if part
        )
        + now
    )


def _times(term: TermFact) -> str:
    """The weight of now; one that the schedule never has is a person's."""
    if term.weight is None:
        return ""
    low, high = (0.0 if term.course.settings.get("warmup") else term.course.low), term.course.high
    room = 1e-6 * max(abs(low), abs(high))
    by_hand = "" if low - room <= term.weight <= high + room else ", the weight that was set while it trained"
    return f", times {number(term.weight)}{by_hand}"


def _settings(term: TermFact) -> str:
    settings = [f"{name} {number(value)}" for name, value in term.settings.items() if type(value) in (int, float)]
    if term.settings.get("input_range_fault"):
        settings.append("**a known fault is built in**: it is fed pixels of [0, 1] where [-1, 1] is expected")
    return f"Settings: {', '.join(settings)}." if settings else ""


def _codes_follow(found: AutoencoderExplained) -> str:
    """The goal that is not in the objective: a codebook of moving averages."""
    latent, quantiser = found.latent, found.latent.quantiser
    if not latent.levels or quantiser.rule != "ema" or quantiser.averaged_steps is None or quantiser.decay is None:
        return ""
    return (
        f"**Codes follow their tokens** ([[EMA codebook]], {code('bottleneck.codebook=ema')}). No loss moves the "
        "codes: each code is the moving average of the encoder's vectors that chose it, over about the last "
        f"{count(round(quantiser.averaged_steps))} steps ([[decay]] {number(quantiser.decay)}), and so moves to where "
        "these are. That is steadier than a gradient, which would pull the codes step by step."
    )


def _passing(latent: LatentSpace) -> Iterator[str]:
    """How the gradient passes, how codes begin and how they come back."""
    quantiser = latent.quantiser
    if not latent.levels:
        return
    if quantiser.gradient == "rotation":
        yield "The choice of a code has no gradient; it passes turned with the code ([[rotation trick]])."
    else:
        yield (
            "The choice of a code has no gradient; the decoder's is handed to the encoder unchanged "
            "([[straight-through]])."
        )
    if quantiser.rule is None:
        return
    if quantiser.rule != "ema":
        yield f"The codes are moved by {rule(quantiser.rule)}."
    if quantiser.start == "kmeans":
        yield (
            "They begin at the centres of the encoder's first outputs ([[k-means start]]), so that all are near data."
        )
    else:
        yield "They begin at random (`bottleneck.start=random`), most of them far from any data."
    if quantiser.revival is not None:
        yield (
            f"A code that wins less than {number(quantiser.revival)} of its fair share of tokens comes back elsewhere "
            "([[revival]])."
        )
    else:
        yield "Codes that no token chooses stay dead (`bottleneck.revival=null`)."


def optimizer_lines(training: Training) -> Iterator[str]:
    """The optimiser, how long, and what is averaged."""
    clip = (
        f"gradients longer than {number(training.clip_norm)} are shortened"
        if training.clip_norm
        else "gradients are not clipped"
    )
    entry = glossary.find(training.optimizer)
    name = f"[[{entry.title}|{entry.name}]]" if entry is not None else training.optimizer
    yield f"Optimiser: {name} with a [[learning rate]] of {course_text(training.lr)}; {clip}."
    ends = [many(training.epochs, "epoch")] if training.epochs else []
    ends += [many(training.steps, "step")] if training.steps else []
    patience = (
        f", or when validation has not improved for {many(training.early_stopping, 'epoch')} ([[early stopping]])"
        if training.early_stopping
        else ""
    )
    whichever = " (whichever ends first)" if len(ends) > 1 else ""
    yield f"It ends after {' or '.join(ends)}{whichever}{patience}."
    if training.ema_weights is not None:
        yield f"Validated and kept are [[averaged weights]] (decay {number(training.ema_weights)})."
    if training.trackers:
        yield f"The metrics also go to {', '.join(training.trackers)}."
