"""How a number moves with the run, in words."""

from __future__ import annotations

from tilework.explain.facts.training import Course
from tilework.explain.words.numbers import number


def course_text(course: Course) -> str:
    """`0.25`, or `0.05 at first, rising to 0.25 over 30 epochs`."""
    text = _without_warmup(course)
    warmup = course.settings.get("warmup")
    return f"{text}, after a warm-up of {warmup}" if warmup else text


def _without_warmup(course: Course) -> str:
    settings = course.settings
    start = number(course.start)
    over = settings.get("over") or "the whole run"
    match course.kind:
        case "constant":
            return start
        case "linear":
            way = "rising" if settings["end"] >= course.start else "falling"
            return f"{start} at first, {way} to {number(settings['end'])} in a straight line over {over}"
        case "cosine":
            return f"{start} at first, along half a cosine to {number(settings['end'])} over {over}"
        case "staircase":
            more = "more" if settings["rise"] >= 0 else "less"
            step = f"{number(abs(settings['rise']))} {more} every {settings['every']}"
            return f"{start} at first, {step}, to {number(settings['limit'])}"
        case "plateau":
            return (
                f"{start} at first, times {number(settings['factor'])} whenever validation has not improved for "
                f"{settings['patience']} epochs, never below {number(settings['minimum'])}"
            )
    return f"{start} at first, between {number(course.low)} and {number(course.high)}"


def is_off(course: Course) -> bool:
    """Whether a weight is 0 all along."""
    return course.low == 0 == course.high
