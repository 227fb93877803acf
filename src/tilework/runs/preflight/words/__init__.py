"""What a check found, in words; the only place where there are any."""

from __future__ import annotations

from collections.abc import Mapping

from tilework.runs.preflight.result import Preflight, Result, Verdict, Why
from tilework.runs.preflight.words.found import FOUND, Sentences
from tilework.runs.preflight.words.passed import PASSED
from tilework.runs.preflight.words.typed import duration, number, overrides, short

__all__ = ["Sentences", "overrides", "sentences", "summary"]


def sentences(result: Result) -> Sentences:
    """Any result in words."""
    if result.verdict is Verdict.NOT_CHECKED:
        return Sentences(f"{result.code} was not checked", _not_checked(result))
    if result.verdict is Verdict.PASSED:
        return Sentences(PASSED[result.code](result) if result.code in PASSED else f"{result.code} passed")
    if (result.code, result.cause) not in FOUND:  # a later version wrote it
        return Sentences(f"{result.code} found {result.cause}")
    found = FOUND[result.code, result.cause](result)
    if result.known:
        return Sentences(f"known fault {result.code}: {found.what}", found.why)
    return found


def summary(found: Preflight) -> str:
    """One line for the person whose run starts now."""
    passed = sum(result.verdict is Verdict.PASSED for result in found.results)
    parts = [f"preflight: {passed} of {len(found.results)} checks passed in {found.seconds:.1f} s"]
    cost = found.of("time-and-memory")
    if cost is not None and "total_seconds" in cost.values:
        parts.append(f"the run takes about {duration(number(cost, 'total_seconds'))}")
    late = [result.code for result in found.results if result.cause in {Why.NO_TIME, Why.NO_MEMORY, Why.ERROR}]
    if late:
        parts.append(f"not checked: {', '.join(late)} (tilework check shows why)")
    return "; ".join(parts)


def _not_checked(result: Result) -> str:
    if result.cause == Why.NO_TIME:
        if "step_seconds" in result.values:
            took = duration(number(result, "step_seconds"))
            return f"a step of a whole batch of {short(result, 'batch')} items takes about {took} here"
        return "the time for all checks was over; tilework check SPEC --seconds 120 takes longer"
    if result.cause == Why.ERROR:
        return f"the check itself ended with {result.values.get('error', 'an error')}"
    return _WHY_NOT.get(result.cause, result.cause)


_WHY_NOT: Mapping[str, str] = {
    Why.OTHER_TASK: "it is about autoencoders",
    Why.NO_MEMORY: "there was not enough memory for a second copy of the model",
    Why.NOTHING_TO_COMPARE: "the run is on the CPU, on one thread in float32, which is what other devices are compared with",
    Why.FOUND_BEFORE: "the learning rate is too high already for one batch, as above",
    Why.ONE_THREAD: "the run uses one thread",
    Why.ON_A_GPU: "the run is on a GPU",
    Why.NO_PERCEPTUAL_TERM: "the objective has no perceptual term",
}
