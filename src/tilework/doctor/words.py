"""Findings in words. Each rule words its own; here is what is left: those of other versions, and what could not be judged."""

from __future__ import annotations

from tilework.doctor.diagnosis import shipped
from tilework.doctor.finding import Finding, Missing, Unjudged, Words

_WHY = {
    "images": ": the images of the run are not there",
    "checkpoint": ": there is no checkpoint that can be read",
    "not-finite": ": it gives NaN or infinity",
    "terms": ": what a loss term needs is not there",
    "time": ": the time for it was over",
    "task": ": models of this task are not",
    "failed": ": it could not be computed here",
}
"""Why a probe was left out (`Why` of engine/probing)."""


def words_of(finding: Finding) -> Words:
    """A finding in words, also one that another version of its rule wrote into a store."""
    rule = shipped().get(finding.code)
    try:
        if rule is not None:
            return rule.words(finding)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        pass  # another version's rule kept other values
    return Words(f"{finding.code.replace('-', ' ')}: {measured(finding)}", "")


def measured(finding: Finding) -> str:
    """The measured value against its threshold."""
    return f"{finding.measured:.4g}, threshold {finding.threshold:.4g}"


def lacking(unjudged: Unjudged) -> str:
    """Why a rule could not judge, in a few words."""
    values = unjudged.values
    have, need, name = values.get("have"), values.get("need"), values.get("name")
    match unjudged.missing:
        case Missing.VALIDATION:
            return "no validation yet"
        case Missing.STEPS if name is not None:
            return f"{have} of {need} values of {name} so far"
        case Missing.STEPS:
            return f"{have} of {need} steps so far" if need is not None else "too few steps so far"
        case Missing.SERIES:
            return f"{name} was not measured" if name else "it was not measured"
        case Missing.PROBE:
            return "the model was not probed" + _WHY.get(str(values.get("why")), "")
        case Missing.FACTS:
            return f"the run's store has no {name}" if name else "the run's store lacks it"
        case Missing.UNREADABLE:
            return f"cannot be read ({values.get('problem', '')})"
