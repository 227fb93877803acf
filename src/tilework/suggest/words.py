"""The words for a proposal: a line on what was seen, one for each choice, and the YAML with them as its head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tilework.spec.text import write_yaml
from tilework.suggest.facts import Facts
from tilework.suggest.proposal import Proposal, Reason, Value

ABOUT = ("data", "size", "tokens", "training")
"""The lines of a proposal, in order."""
_THINGS = {
    "images": "image", "frames": "folder of frames", "animations": "animation", "video": "clip", "sketches": "sketch",
}  # fmt: skip

_PLURALS = {"folder of frames": "folders of frames", "sketch": "sketches"}


@dataclass(frozen=True)
class Line:
    """What was seen or chosen about one thing, and why."""

    about: str
    chosen: str
    reasons: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it as one sentence."""
        return "; ".join([self.chosen, *self.reasons])


def lines(proposal: Proposal) -> list[Line]:
    """Four lines, in the order of `ABOUT`."""
    reasons = {about: [one for one in proposal.reasons if one.about == about] for about in ABOUT}
    size, tokens = f"{proposal.choices.size}", proposal.choices.grid
    grey = "grey" if proposal.choices.channels == 1 else "colour"
    heads = {
        "data": seen(proposal.facts),
        "size": f"{size} in {grey}",
        "tokens": f"{tokens} of {proposal.choices.codes:,} codes",
        "training": f"{proposal.choices.steps:,} steps of {_count(proposal.choices.batch, 'image')}",
    }
    return [Line(about, heads[about], tuple(map(_clause, reasons[about]))) for about in ABOUT]


def seen(facts: Facts) -> str:
    """What there is, in a few words."""
    thing = _THINGS.get(facts.kind, "image")
    many = _count(facts.things, thing) if facts.counted else f"more than {_count(facts.things, thing)}"
    parts = [many]
    if facts.kind in {"frames", "animations", "video", "sketches"}:
        parts.append(f"about {facts.images:,} frames" if facts.kind != "frames" else f"{facts.images:,} frames")
    if facts.looks is not None:
        exactly = "" if facts.looks.one_size else "about "
        parts.append(f"{exactly}{facts.looks.size.width}x{facts.looks.size.height}")
        parts.append("colour" if facts.looks.colour else "grey")
    if facts.labels:
        parts.append(_count(facts.labels, "label"))
    return ", ".join(parts)


def yaml_text(proposal: Proposal) -> str:
    """The spec as a file to be edited, with its reasons at the head."""
    head = ["Proposed by `tilework suggest`; everything in it can be changed (docs/spec-reference.md)."]
    head += [f"{line.about + ':':<10}{line.text}" for line in lines(proposal)]
    # The name of a file may hold a line break, which would end the comment.
    comments = "".join(f"# {line if line.isprintable() else ascii(line)[1:-1]}\n" for line in head)
    sections = [write_yaml({key: value}, lists_in_a_line=True) for key, value in proposal.spec.items()]
    return comments + "\n" + "\n".join(sections)


def duration(seconds: float) -> str:
    """45 s, 10 min, 1 h 20 min."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing if number == 1 else _PLURALS.get(thing, f'{thing}s')}"


def _clause(reason: Reason) -> str:
    return _WORDS[reason.code](reason.values)


def _number(values: Mapping[str, Value], name: str) -> float:
    return float(values[name])


def _tokens(v: Mapping[str, Value]) -> str:
    stored, whole = _number(v, "bytes"), _number(v, "of")
    return (
        f"{stored:,.0f} bytes an image, 1/{whole / stored:.0f} of its pixels ({v['fewer']} tokens would take a quarter and lose "
        "fine lines)"
    )


def _time(v: Mapping[str, Value]) -> str:
    return f"about {duration(_number(v, 'seconds'))} on this machine at {1 / _number(v, 'step_seconds'):.3g} steps/s, measured"


_WORDS: dict[str, Callable[[Mapping[str, Value]], str]] = {
    "not-drawn-yet": lambda v: "sketches are drawn when training starts",
    "own-size": lambda v: "their own size" if not _number(v, "cut") else "their own size, to a multiple of four pixels",
    "own-shape": lambda v: "their own proportions, reduced to what a CPU learns in minutes",
    "square": lambda v: "reduced to what a CPU learns in minutes",
    "cropped": lambda v: "cropped to squares, since their proportions differ",
    "grey": lambda v: "grey is enough",
    "enough-tokens": lambda v: _tokens(v),
    "few-tokens": lambda v: (
        f"so few that each has {_number(v, 'each'):.0f} of the {_number(v, 'tokens'):,.0f} training tokens; {_tokens(v)}"
    ),
    "fills-the-time": lambda v: _time(v),
    "small-set": lambda v: f"{_time(v)}; more would only learn so few images by heart",
    "slow": lambda v: f"{_time(v)}; fewer steps than these teach nothing",
    "undrawn": lambda v: f"they cannot be drawn on this machine: {v['text']}",
    "reckoned": lambda v: f"reckoned from the {_number(v, 'opened'):.0f} that were opened",
    "held-out": lambda v: f"{_number(v, 'share'):.0%} of the images are held out, to measure what was learned",
    "few-images": lambda v: "so few images are learned by heart: what is measured on held-out ones will be poor",
    "mostly-plain": lambda v: f"{_number(v, 'share'):.0%} of those looked at have one colour only",
    "left-out": lambda v: (
        f"{_number(v, 'files'):.0f} of {_number(v, 'of'):.0f} opened cannot be read and are left out "
        f"({v['file']}: {v['problem']})"
    ),
    "more-than-counted": lambda v: "counting stopped there, to keep this short",
    "frames-drawn": lambda v: (
        f"{_number(v, 'drawn'):,.0f} frames are drawn at random, since neighbours in time are alike"
    ),
    "beside": lambda v: str(v["text"]),
}
