"""The message for every fault that a check knows: what happened, why, and one fix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tilework.runs.preflight.result import Result
from tilework.runs.preflight.words.typed import moves, named, number, overrides, setting, short, size


@dataclass(frozen=True)
class Sentences:
    """What happened, why, and one fix; the last two may be empty."""

    what: str
    why: str = ""
    fix: str = ""

    def __str__(self) -> str:
        return "; ".join(part for part in (self.what, self.why, f"fix: {self.fix}" if self.fix else "") if part)


def _one_is_faster(r: Result) -> Sentences:
    return Sentences(
        f"{short(r, 'threads')} threads take {short(r, 'steps_per_second')} steps/s here, and one thread takes "
        f"{short(r, 'steps_per_second_one')}",
        f"threads of one step wait for each other, and something else uses the cores (load average {short(r, 'load')} on "
        f"{short(r, 'cores')} cores), or the step is too small to be shared",
        f"{setting(r)}, or OMP_NUM_THREADS=1 in the environment",
    )


def _not_finite(r: Result) -> Sentences:
    what = f"the loss term {named(r)} is" if r.about else "the loss is"
    return Sentences(
        f"{what} infinite or NaN before the first step",
        "its initial weights or its data hold numbers that are not finite, or the precision is too small for them",
        "set engine.precision=float32; if it is still not finite, look at the data: tilework data show",
    )


def _no_gradient(r: Result) -> Sentences:
    return Sentences(
        "no parameter has a gradient, so nothing would be learned",
        "the loss does not depend on the model: something on the way cuts the gradient off, or is always 0",
        "look at the weights of objective and at the last layers of the decoder",
    )


def _rises(r: Result) -> Sentences:
    return Sentences(
        f"on one batch the loss goes from {short(r, 'before')} up to {short(r, 'largest')} and to {short(r, 'after')} in "
        f"{short(r, 'steps')} steps",
        f"the learning rate of {short(r, 'lr')} is too high: with {short(r, 'lower_lr')} the loss falls to "
        f"{short(r, 'lower_after')}",
        setting(r),
    )


def _too_heavy(r: Result) -> Sentences:
    return Sentences(
        f"on one batch the loss goes from {short(r, 'before')} up to {short(r, 'largest')} and to {short(r, 'after')} in "
        f"{short(r, 'steps')} steps, by {named(r)} alone",
        f"its weight of {short(r, 'weight')} is far above those of the others: with {short(r, 'lower_weight')} the loss falls",
        setting(r),
    )


def _does_not_fall(r: Result) -> Sentences:
    return Sentences(
        f"on one batch the loss does not fall with any learning rate: {short(r, 'before')} before, {short(r, 'after')} after "
        f"{short(r, 'steps')} steps",
        f"the gradient does not lead down, with the learning rate of {short(r, 'lr')} nor with smaller ones",
        "leave out one loss term after the other (objective.TERM=null) to find the one that works against the others",
    )


def _too_small_to_see(r: Result) -> Sentences:
    return Sentences(
        f"with the learning rate of {short(r, 'lr')} the loss of one batch does not measurably fall in {short(r, 'steps')} steps",
        "it is smaller than the rounding of the loss; with a usual one the loss falls",
        setting(r),
    )


def _constant(r: Result) -> Sentences:
    return Sentences(
        f"the loss term {named(r)} is constant: it has no gradient, whatever the model does",
        "it compares nothing that the model makes, or what it needs is missing",
        f"remove it with {overrides(r.changes)}, or give it what it needs",
    )


def _unreachable(r: Result) -> Sentences:
    return Sentences(
        f"the decoder can give values from {short(r, 'low')} to {short(r, 'high')} only, and "
        f"{100 * number(r, 'unreachable'):.0f} % of the pixels lie outside of that (they go from {short(r, 'data_low')} to "
        f"{short(r, 'data_high')})",
        "its last step cuts values off: a ReLU in front of a sigmoid, for example, keeps every pixel above one half, and images "
        "become grey",
        setting(r) or "let the decoder end in one sigmoid, without an activation in front of it",
    )


def _wider(r: Result) -> Sentences:
    return Sentences(
        f"the decoder gives values from {short(r, 'low')} to {short(r, 'high')}, and images have [0, 1]",
        "its last step is made for images of another range, such as a tanh for [-1, 1]",
        setting(r) or "let the decoder end in a sigmoid",
    )


def _wrong_range(r: Result) -> Sentences:
    return Sentences(
        f"objective.{named(r)} is fed values from {short(r, 'low')} to {short(r, 'high')}; its network was made for "
        f"{short(r, 'wanted_low')} to {short(r, 'wanted_high')}",
        "fed another range it loses contrast, and allows washed-out reconstructions",
        setting(r) or "scale what the term is given",
    )


def _not_loaded(r: Result) -> Sentences:
    return Sentences(
        f"a checkpoint of this model cannot be read back: {r.values.get('what', '')}",
        str(r.values.get("why", "")) or "its tensors do not fit the model that its spec builds",
        "train a kind of network or bottleneck whose settings are all in the spec",
    )


def _tensors_differ(r: Result) -> Sentences:
    more = " and others" if number(r, "differing") > len(r.about) else ""
    return Sentences(
        f"{short(r, 'differing')} of {short(r, 'tensors')} tensors are not the same when a checkpoint is read back: "
        f"{named(r)}{more}",
        "what was written was changed on the way: rounded, left out or renamed",
        "keep every tensor that the model needs in its state_dict, as it is",
    )


def _output_differs(r: Result) -> Sentences:
    names = {"pixels": "pixels by up to", "codes": "a share of codes of", "loss": "the loss by"}
    off = ", ".join(f"{label} {short(r, name)}" for name, label in names.items() if number(r, name) > 0)
    return Sentences(
        f"a model that is read back from its checkpoint decodes otherwise: {off}",
        "something that the model computes with is not in the checkpoint",
        "register it as a buffer of the model (persistent=True)",
    )


def _differs(r: Result) -> Sentences:
    parts = "; ".join(
        f"{part} by {short(r, f'difference.{part}')} (up to {short(r, f'tolerance.{part}')} is rounding)"
        for part in r.about
    )
    return Sentences(
        f"{r.values.get('device')} in {r.values.get('precision')} does not compute what the CPU computes: {parts}",
        "its arithmetic or its driver is at fault for an operation of this model",
        f"{setting(r)}, and run tilework selftest",
    )


def _too_high(r: Result) -> Sentences:
    return Sentences(
        f"the learning rate of {short(r, 'lr')} looks too high for batches of {short(r, 'batch')}: in {short(r, 'steps')} steps "
        f"the loss of {short(r, 'before')} {moves(r, 'fall')}, and with {short(r, 'lower_lr')} it {moves(r, 'fall_lower')}",
        "steps are longer than the gradient of so few items can be trusted",
        f"{setting(r)}, or a larger engine.batch_size",
    )


def _too_low(r: Result) -> Sentences:
    return Sentences(
        f"the learning rate of {short(r, 'lr')} looks too low: in {short(r, 'steps')} steps the loss of {short(r, 'before')} "
        f"{moves(r, 'fall')}, and {short(r, 'total_steps')} steps like these would hardly change it",
        f"with {short(r, 'higher_lr')} it {moves(r, 'fall_higher')}",
        setting(r),
    )


def _disk(r: Result) -> Sentences:
    needed = number(r, "checkpoint_bytes" if r.cause == "disk-full" else "disk_bytes")
    return Sentences(
        f"the run needs about {size(needed)} on the disk, and {size(number(r, 'free_bytes'))} are free",
        "checkpoints are kept whole, one more while the newest is written, and the best",
        f"free space, put runs elsewhere (TILEWORK_RUNS), or {setting(r)}",
    )


def _memory(r: Result) -> Sentences:
    return Sentences(
        f"the run needs about {size(number(r, 'memory_bytes'))} of memory, and there are "
        f"{size(number(r, 'available_bytes'))}",
        "a step keeps what its backward pass needs for every item of the batch",
        f"{setting(r)}, which computes the same in less memory",
    )


FOUND: Mapping[tuple[str, str], Callable[[Result], Sentences]] = {
    ("threads", "one-is-faster"): _one_is_faster,
    ("overfit", "not-finite"): _not_finite,
    ("overfit", "no-gradient"): _no_gradient,
    ("overfit", "rises"): _rises,
    ("overfit", "too-heavy"): _too_heavy,
    ("overfit", "does-not-fall"): _does_not_fall,
    ("overfit", "too-small-to-see"): _too_small_to_see,
    ("loss-terms", "not-finite"): _not_finite,
    ("loss-terms", "no-gradient"): _no_gradient,
    ("loss-terms", "constant"): _constant,
    ("output-range", "unreachable"): _unreachable,
    ("output-range", "wider"): _wider,
    ("perceptual-range", "wrong-range"): _wrong_range,
    ("save-load", "not-loaded"): _not_loaded,
    ("save-load", "tensors-differ"): _tensors_differ,
    ("save-load", "output-differs"): _output_differs,
    ("device-numerics", "differs"): _differs,
    ("learning-rate", "too-high"): _too_high,
    ("learning-rate", "too-low"): _too_low,
    ("time-and-memory", "disk-full"): _disk,
    ("time-and-memory", "disk-short"): _disk,
    ("time-and-memory", "memory-short"): _memory,
}
