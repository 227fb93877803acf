"""A prior in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tilework.explain.document import (
    Card,
    Document,
    Drawing,
    Figure,
    Layout,
    Paragraph,
    Points,
    Row,
    Section,
    Table,
    code,
    safe,
)
from tilework.explain.facts.explanation import PriorExplained
from tilework.explain.facts.prior import ParentIs
from tilework.explain.words.failure import failure_section
from tilework.explain.words.metrics import metrics_section
from tilework.explain.words.numbers import count, large, many, significant, size
from tilework.explain.words.standing import opening_with_the_run
from tilework.explain.words.training import optimizer_lines

_KINDS = {
    "causal": "[[causal prior|causal]], a GPT over tokens: it draws one token after another, each given all before it",
    "masked": "[[masked prior|masked]] (MaskGIT): it sees known tokens on both sides, and draws many of the missing ones in each "
    "pass",
}


def prior_document(found: PriorExplained) -> Document:
    """The whole text."""
    sections = [
        _drawing(),
        _learns(found),
        _network(found),
        metrics_section(found),
        failure_section(found),
    ]
    sections = opening_with_the_run(sections, found)
    kind = found.network.kind
    lead = (
        f"A {kind} prior over the tokens of {safe(found.parent.name)}: it learns which codes occur together, so that "
        "new ones can be drawn."
    )
    return Document(found.subject.name, lead, _cards(found), tuple(sections))


def _cards(found: PriorExplained) -> tuple[Card, ...]:
    tokens, network = found.tokens, found.network
    drawn = (
        Card("a new item takes", count(tokens.positions), "steps", "one position after another")
        if network.passes is None
        else Card("a new item takes", f"{network.passes}", "passes", f"in place of {count(tokens.positions)} steps")
    )
    frames = f"{many(tokens.frames, 'frame')} of " if tokens.frames > 1 else ""
    levels = f" x {tokens.levels}" if tokens.levels > 1 else ""
    return (
        Card("an item", f"{tokens.count:,}", "tokens", f"{frames}{size(tokens.width, tokens.height)}{levels}"),
        Card(
            "codes",
            f"{tokens.codes:,}",
            "",
            f"{significant(math.log2(tokens.codes), 4)} bits a token if nothing is known",
        ),
        Card(
            "network",
            f"{network.depth} x {network.width}",
            "",
            f"{network.heads} heads, {network.positions:,} positions at once",
        ),
        Card("parameters", large(network.parameters), "", f"{network.parameters:,}"),
        drawn,
    )


def _learns(found: PriorExplained) -> Section:
    trained = (
        "It is trained by [[cross-entropy]]: minus the logarithm of the probability that it gives to the token that is "
        "there. The mean over tokens, in bits, is its only measure; no image is looked at."
    )
    lines = tuple(optimizer_lines(found.training))
    return Section("What it learns", (Points(tuple(_item(found))), Paragraph(trained), Points(lines)))


def _item(found: PriorExplained) -> Iterator[str]:
    tokens, parent = found.tokens, found.parent
    name = code(parent.name)
    match parent.known_as:
        case ParentIs.RUN:
            yield f"The [[tokens]] of the run {name}, which this autoencoder makes of its own images."
        case ParentIs.RECIPE:
            yield f"The [[tokens]] that a run of the recipe {name} makes of its own images."
        case ParentIs.ASSUMED:
            yield (
                "The [[tokens]] of an autoencoder that was trained before. There is none here yet "
                f"({safe(parent.why)}), so the sizes below are those of the recipe {name}; another one is explained "
                "with `parent=NAME`."
            )
    levels = f" x {tokens.levels} levels" if tokens.levels > 1 else ""
    frames = f"{tokens.frames} frames of " if tokens.frames > 1 else ""
    loop = ", once round a loop (the last frame is followed by the first)" if tokens.loop else ""
    uniform = tokens.count * math.log2(tokens.codes)
    yield (
        f"An item is {frames}{size(tokens.width, tokens.height)}{levels} = **{count(tokens.count)} tokens** of "
        f"**{count(tokens.codes)} codes**{loop}. Without a prior it takes {count(uniform)} bits."
    )
    if tokens.classes:
        yield f"Items have one of {many(tokens.classes, 'label')}, which the prior is given."


def _network(found: PriorExplained) -> Section:
    network = found.network
    kind = _KINDS.get(network.kind, f"a prior of kind {safe(network.kind)}")
    passes = (
        f"A new item takes {count(found.tokens.positions)} steps, one for each position."
        if network.passes is None
        else f"A new item takes {many(network.passes, 'pass', 'passes')} for its first level, in place of "
        f"{count(found.tokens.positions)} steps."
    )
    operations = (
        f", {large(network.multiply_adds)} [[multiply-adds]] for one pass" if network.multiply_adds is not None else ""
    )
    lines = [
        f"It is a {kind}.",
        f"A transformer of **{network.depth} blocks**, **{network.width} channels** and {network.heads} heads; each "
        f"position attends to {'those before it' if network.kind == 'causal' else 'all others'}, "
        f"{count(network.positions)} at once.",
        f"**{count(network.parameters)} [[parameters]]**{operations}.",
        passes,
    ]
    rows = tuple(Row((code(name), count(parameters)), key=name) for name, parameters in network.stages)
    return Section(
        "The network",
        (
            Points(tuple(lines)),
            Table(("part", "parameters"), rows, frozenset({1})),
        ),
    )


def _drawing() -> Section:
    caption = "Height and width of the grids are to scale; behind a grid stand those of later frames."
    return Section("From tokens to what each may be", (Figure(Drawing.NETWORK, caption),), Layout.WHOLE)
