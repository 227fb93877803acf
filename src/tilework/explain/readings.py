"""Every metric of an autoencoder with the numbers that it is read by: those of its spec, and its run's where it has measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tilework.doctor.rules.kl_vanishing import NOTHING
from tilework.explain.bounds import grey_levels, mse_of
from tilework.explain.case import Case
from tilework.explain.facts.latent import LatentSpace
from tilework.explain.facts.reading import Reading, Verdict
from tilework.metrics import ACTIVE, Group, Metric, Part, base_of, part_of

SHOWN_LEVELS = 8
"""Levels that are each shown; of more the first ones. Of dimensions the lowest and the highest are shown."""
NEARLY_BLANK = 0.9
"""Share of the error of one mean image above which a model has learnt no more than that."""


def readings(case: Case) -> tuple[Reading, ...]:
    """The metrics that this model measures, in the order of the table, each with what it is read against."""
    names = _names(case)
    found = tuple(_reading(name, case, sum(base_of(one) == base_of(name) for one in names)) for name in names)
    return _causes_apart(found) if cause_of(found) is not None else found


def cause_of(found: tuple[Reading, ...]) -> Reading | None:
    """The latent's metric that has collapsed, from which images that are all the same one follow; None where it is sound."""
    order = ("kl", "active_units", "perplexity")
    collapsed = [one for one in found if one.verdict is Verdict.COLLAPSED and base_of(one.metric) in order]
    return min(collapsed, key=lambda one: order.index(base_of(one.metric)), default=None)


def _causes_apart(found: tuple[Reading, ...]) -> tuple[Reading, ...]:
    """Without a latent that distinguishes images no decoder can: their error is no fault of its own."""
    return tuple(
        replace(one, verdict=Verdict.FOLLOWS)
        if one.metric in {"mse", "psnr"} and one.verdict is Verdict.COLLAPSED
        else one
        for one in found
    )


def _names(case: Case) -> list[str]:
    """Those that were measured, and those that will be."""
    metrics, latent = case.values.metrics, case.latent
    terms = {term.name for term in case.training.terms if term.course.high > 0}
    expected = [name for metric in metrics if _measures(metric, latent, terms) for name in _parts(metric, latent)]
    added = sorted(name for name in terms if name not in metrics)  # of a loss term that somebody added
    measured = [
        name
        for name in (*case.values.validation, *case.values.training)
        if name in metrics and _fits(metrics[name], latent)
    ]
    shown = metrics.ordered([*expected, *added, *measured])
    return [name for name in shown if metrics[name].name != "weight" and not _one_of_many(name, metrics[name])]


def _fits(metric: Metric, latent: LatentSpace) -> bool:
    """Whether a model with this latent space can have it: a spec that was changed later leaves what it measured before."""
    return latent.levels > 0 or metric.group not in {Group.CODEBOOK, Group.FACT}


def _one_of_many(name: str, metric: Metric) -> bool:
    part = part_of(name)
    return part.isdecimal() and (metric.part is Part.DIMENSION or int(part) > SHOWN_LEVELS)


def _measures(metric: Metric, latent: LatentSpace, terms: set[str]) -> bool:
    """Whether a run of this model will measure a metric."""
    learnt = latent.quantiser.rule is not None and latent.levels > 0
    if metric.term:
        return metric.name in terms
    if metric.name in {"duplicates", "idle", "code_norm"}:
        return learnt
    if metric.name == "revived":
        return learnt and latent.quantiser.revival is not None
    return _fits(metric, latent) and (metric.name != "active_units" or latent.kind == "gaussian")


def _parts(metric: Metric, latent: LatentSpace) -> list[str]:
    if metric.part is Part.LEVEL or (metric.part is Part.SET and not latent.quantiser.shared):
        return [f"{metric.name}.{level}" for level in range(1, latent.levels + 1)]
    return [f"{metric.name}.1"] if metric.part is Part.SET else [metric.name]


def _reading(name: str, case: Case, parts: int) -> Reading:
    metric = case.values.metrics[name]
    validation, training = case.values.validation.get(name), case.values.training.get(name)
    # Nothing measured yet is read as a validation will be.
    held_out = validation is not None or training is None
    marks = dict(_marks(metric, case, held_out))
    alone = parts == 1 and metric.part in {Part.LEVEL, Part.SET}
    shown = {"validation": validation, "training": training}
    return Reading(
        name,
        metric.label if alone else _label(name, case),
        str(metric.better or ""),
        validation,
        training,
        marks,
        _verdict(metric, validation if validation is not None else training, marks, case, held_out),
        {split: metric.text(value) for split, value in shown.items() if value is not None},
        metric.help,
        parts,
    )


def _label(name: str, case: Case) -> str:
    """As the table of metrics has it, but that a latent without codes has no tokens."""
    return "mean norm of latents" if name == "z_norm" and not case.latent.levels else case.values.metrics.label(name)


def _marks(metric: Metric, case: Case, held_out: bool) -> Iterator[tuple[str, float]]:
    values, latent = case.values, case.latent
    match metric.name:
        case "perplexity" | "used":
            yield from case.usage(held_out=held_out).marks().items()
            yield "window_tokens", float(case.window_tokens)
        case "mse" | "psnr":
            if (mse := values.validation.get("mse")) is not None:
                yield "grey_levels", grey_levels(mse)
            if values.blank_mse:
                yield from (("blank_mse", values.blank_mse), ("blank_images", float(values.blank_images)))
            yield from ((f"grey_levels_{db}", grey_levels(mse_of(db))) for db in (20, 25, 30))
        case "commitment" | "codebook" | "quantisation_error":
            if norm := values.known("z_norm").get("z_norm"):
                yield "z_power", norm**2 / latent.dim
        case "kl" | "active_units":
            yield from (("dims", float(latent.dim)), ("active", ACTIVE), ("nothing", NOTHING))
            if each := [value for name, value in values.validation.items() if name.startswith("kl.")]:
                yield from (("least", min(each)), ("most", max(each)))
        case "z_norm":
            yield from values.known("code_norm.1").items()
        case "tokens" | "tokens_per_code" | "codes":
            yield from (("codes", float(latent.codes)), ("step_tokens", float(case.step_tokens)))
            if case.images.held_out:
                yield "tokens", float(case.images.held_out * latent.positions)
        case "grad_norm":
            if case.training.clip_norm is not None:
                yield "clip_norm", case.training.clip_norm
    if metric.term and (weight := case.weight(metric.name)) is not None:
        yield "weight", weight


def _verdict(metric: Metric, value: float | None, marks: Mapping[str, float], case: Case, held_out: bool) -> Verdict:
    if value is None:
        return Verdict.NONE
    match metric.name:
        case "perplexity":
            return case.usage(held_out=held_out).verdict(value)
        case "kl" if case.latent.kind == "gaussian" and value * case.latent.positions < NOTHING:
            return Verdict.COLLAPSED
        case "active_units":
            return Verdict.COLLAPSED if value == 0 else Verdict.GOOD if value >= case.latent.dim / 2 else Verdict.LOW
        case "nonfinite" | "duplicates":
            return Verdict.GOOD if value == 0 else Verdict.FAULT
        case "mse" | "psnr" if "blank_mse" in marks and held_out:  # in training the term may be a sum
            mse = value if metric.name == "mse" else mse_of(value)
            return Verdict.COLLAPSED if mse > NEARLY_BLANK * marks["blank_mse"] else Verdict.NONE
    return Verdict.NONE
