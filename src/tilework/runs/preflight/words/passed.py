"""The message for a check that passed: what it measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tilework.runs.preflight.result import Result
from tilework.runs.preflight.words.typed import duration, moves, named, number, short, size


def _threads(r: Result) -> str:
    return "thread" if number(r, "threads") == 1 else "threads"


def _terms(result: Result) -> str:
    weights = {n.partition(".")[2]: float(v) for n, v in result.values.items() if n.startswith("weight.")}
    used = [term for term, weight in weights.items() if weight > 0]
    unused = [term for term, weight in weights.items() if weight == 0]
    text = f"every loss term has a gradient: {', '.join(used)}" if used else "the loss has a gradient"
    if result.about:
        text += f"; {named(result)} has none at first, and gets one where its values leave their range"
    return text + (f"; {', '.join(unused)} has weight 0 and is not part of the loss" if unused else "")


def _range(result: Result) -> str:
    if not number(result, "bounded"):
        return "the decoder's output is not bounded"
    return f"the decoder can give values from {short(result, 'low')} to {short(result, 'high')}"


def _cost(result: Result) -> str:
    batch, items = number(result, "batch"), number(result, "items")
    scaled = f", reckoned from {items:g} of the {batch:g} items of a batch" if items < batch else ""
    return (
        f"the run takes about {duration(number(result, 'total_seconds'))}: {number(result, 'steps'):,.0f} steps of "
        f"{duration(number(result, 'step_seconds'))}, {short(result, 'validations')} validations of "
        f"{duration(number(result, 'validation_seconds'))}{scaled}; about {size(number(result, 'memory_bytes'))} of memory, "
        f"{size(number(result, 'disk_bytes'))} on the disk, of which {size(number(result, 'free_bytes'))} are free"
    )


PASSED: Mapping[str, Callable[[Result], str]] = {
    "threads": lambda r: (
        f"{short(r, 'threads')} threads take {short(r, 'steps_per_second')} steps/s, one takes "
        f"{short(r, 'steps_per_second_one')}"
    ),
    "overfit": lambda r: (
        f"on one batch the loss falls from {short(r, 'before')} to {short(r, 'after')} in {short(r, 'steps')} steps"
    ),
    "loss-terms": _terms,
    "output-range": _range,
    "perceptual-range": lambda r: (
        f"{named(r)} is fed values from {short(r, 'low')} to {short(r, 'high')}, as it expects"
    ),
    "save-load": lambda r: (
        f"a checkpoint of {size(number(r, 'bytes'))} gives back the same model and the same images"
        if "pixels" in r.values
        else f"a checkpoint of {size(number(r, 'bytes'))} gives back the same model"
    ),
    "device-numerics": lambda r: (
        f"the CPU in {r.values['precision']} on {short(r, 'threads')} {_threads(r)} computes what "
        "one thread of the CPU computes in float32"
        if r.values["device"] == "cpu"
        else f"{r.values['device']} in {r.values['precision']} computes what the CPU computes"
    ),
    "learning-rate": lambda r: (
        f"the loss of {short(r, 'before')} {moves(r, 'fall')} in {short(r, 'steps')} steps; with a learning rate of "
        f"{short(r, 'lower_lr')} it {moves(r, 'fall_lower')}"
        + (f", with {short(r, 'higher_lr')} it {moves(r, 'fall_higher')}" if "higher_lr" in r.values else "")
    ),
    "time-and-memory": _cost,
}
