"""A prior explained: what an item is, its network, and by what its metrics are read."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from tilework.engine.describe import parameter_count
from tilework.engine.prior.measured import COPY, METRICS, UNIFORM, UNIGRAM
from tilework.errors import TileworkError
from tilework.explain.case import Values
from tilework.explain.facts.explanation import PriorExplained
from tilework.explain.facts.prior import Parent, ParentIs, PriorNetwork, Tokens
from tilework.explain.facts.reading import Failure, Reading, Symptom, Verdict
from tilework.explain.facts.subject import Subject
from tilework.explain.facts.training import Course, Role, TermFact
from tilework.explain.operations import Counted
from tilework.explain.parent import parent_of
from tilework.explain.training import training
from tilework.metrics import BASE
from tilework.priors.contract import Prior, TokenShape
from tilework.spec.plugins import PRIORS
from tilework.spec.prior import PriorSpec

BELOW = 0.98
"""Share of the best plain code that a prior has to be below to have learnt more than it holds."""
_LARGE = 2**28
"""Weights, or probabilities of an item."""
LOSS = "cross-entropy"
"""What every prior is trained by."""
_SHOWN = (
    "width",
    "depth",
    "heads",
    "mlp",
    "positions",
    "dropout",
    "patch",
    "convolutions",
    "pointer",
    "window",
    "tied",
)


def explain_prior(
    spec: PriorSpec,
    subject: Subject,
    runs: Path,
    values: Values | None = None,
    meta: Mapping[str, Any] | None = None,
) -> PriorExplained:
    """Everything that is explained of a prior; its parent is looked for in the folder `runs`. Raises UserError for a
    parent that cannot be one."""
    values, meta = values or Values(metrics=METRICS), meta or {}
    parent, tokens = _tokens(spec, runs, meta)
    network = _network(spec, tokens)
    term = TermFact(
        LOSS, Role.OTHER, Course("constant", 1.0, 1.0, 1.0, {"value": 1.0}), value=values.training.get("bits")
    )
    read = tuple(_readings(spec, tokens, values))
    return PriorExplained(
        subject, parent, tokens, network, training(spec, (term,)), read, tuple(_symptoms(tokens, values, read))
    )


def _tokens(spec: PriorSpec, runs: Path, meta: Mapping[str, Any]) -> tuple[Parent, Tokens]:
    """What an item is: as its run wrote it down, else as the parent's spec has it."""
    item, data = meta.get("item"), spec.data
    if isinstance(item, Mapping):
        try:
            numbers = parent_of(spec, runs).image_numbers
        except TileworkError:  # the parent was moved or deleted: what it was like is written down
            numbers = 0
        parent = Parent(str(meta.get("parent", spec.parent)), ParentIs.RUN)
        shape = TokenShape(**{field.name: item[field.name] for field in fields(TokenShape) if field.name in item})
        return parent, _as_tokens(shape, numbers, str(meta.get("unit", "images")))
    found = parent_of(spec, runs)
    loop = data.loop is True
    shape = TokenShape(data.frames, found.levels, found.height, found.width, found.codes, 0, loop)
    unit = "images" if data.frames == 1 else "loops" if loop else "clips"
    return found.parent, _as_tokens(shape, found.image_numbers, unit)


def _as_tokens(shape: TokenShape, numbers: int, unit: str) -> Tokens:
    return Tokens(
        shape.frames, shape.levels, shape.width, shape.height, shape.codes, shape.classes, shape.loop, numbers, unit
    )


def _network(spec: PriorSpec, tokens: Tokens) -> PriorNetwork:
    shape = TokenShape(
        tokens.frames, tokens.levels, tokens.height, tokens.width, tokens.codes, tokens.classes, tokens.loop
    )
    window = getattr(spec.prior, "window", None) if spec.prior.kind == "masked" else None
    seen = replace(shape, frames=min(shape.frames, window)) if window else shape
    kind = PRIORS.module(spec.prior.kind).Prior
    settings = spec.prior.model_dump(mode="json")
    # A network too large to be made here is counted without memory, and its operations are not.
    large = 12 * settings.get("depth", 1) * settings.get("width", 1) ** 2 > _LARGE or seen.tokens * seen.codes > _LARGE
    with torch.random.fork_rng(devices=[]), torch.device("meta" if large else "cpu"):
        prior: Prior = kind(spec.prior, seen).eval()
    passes = prior.passes(tokens.frames)
    return PriorNetwork(
        spec.prior.kind,
        int(settings.get("width", 0)),
        int(settings.get("depth", 0)),
        int(settings.get("heads", 0)),
        int(prior.facts().get("positions", seen.tokens)),
        parameter_count(prior),
        None if large else _operations(prior, seen),
        None if passes is None else passes * prior.rounds(tokens.frames),
        tuple((name, parameter_count(part)) for name, part in prior.named_children() if parameter_count(part)),
        {name: settings[name] for name in _SHOWN if name in settings},
    )


def _operations(prior: Prior, shape: TokenShape) -> int | None:
    """Multiply-adds of one pass over an item; None where a prior has no `logits` to ask for."""
    logits = getattr(prior, "logits", None)
    if logits is None:
        return None
    size = (1, *shape.item)
    given = {
        "tokens": torch.zeros(size, dtype=torch.int64),
        "hidden": torch.ones(size, dtype=torch.bool),
        "labels": torch.zeros(1, dtype=torch.int64),
    }
    with torch.no_grad(), Counted() as counted:
        logits(**{name: given[name] for name in inspect.signature(logits).parameters})
    found: int = counted.multiply_adds
    return found


def _readings(spec: PriorSpec, tokens: Tokens, values: Values) -> Iterator[Reading]:
    metrics = values.metrics
    expected: list[str] = [
        metric.name for metric in (*BASE, *METRICS) if metric.name not in {"weight", "loss", "nonfinite"}
    ]
    names = [f"coding.{code}" for code in _codes(tokens)] if "coding" in expected else []
    levels = [f"level_bits.{level}" for level in range(1, tokens.levels + 1)] if tokens.levels > 1 else []
    shown = [name for name in expected if name not in {"coding", "level_bits"}]
    measured = [name for name in (*values.validation, *values.training) if name in metrics]
    for name in dict.fromkeys(metrics.ordered([*shown, *names, *levels, *measured])):
        if metrics[name].name == "weight":
            continue
        metric = metrics[name]
        validation, trained = values.validation.get(name), values.training.get(name)
        found = {"validation": validation, "training": trained}
        yield Reading(
            name,
            metrics.label(name),
            str(metric.better or ""),
            validation,
            trained,
            _marks(name, spec, tokens, values),
            _verdict(name, validation, tokens, values),
            {split: metric.text(value) for split, value in found.items() if value is not None},
            metric.help,
        )


def _codes(tokens: Tokens) -> tuple[str, ...]:
    return (UNIFORM, UNIGRAM, COPY) if tokens.frames > 1 else (UNIFORM, UNIGRAM)


def _marks(name: str, spec: PriorSpec, tokens: Tokens, values: Values) -> dict[str, float]:
    uniform = math.log2(tokens.codes)
    known = {
        code: values.validation[f"coding.{code}"] for code in (UNIGRAM, COPY) if f"coding.{code}" in values.validation
    }
    if name == "bits" or name.startswith(("coding", "level_bits")):
        return {"uniform": uniform, "codes": float(tokens.codes), "tokens": float(tokens.count), **known}
    if name == "accuracy":
        return {"chance": 1 / tokens.codes, "codes": float(tokens.codes)}
    if name == "bits_per_dim":
        marks = {"tokens": float(tokens.count / tokens.frames)}
        return marks | ({"numbers": float(tokens.image_numbers)} if tokens.image_numbers else {})
    if name == "grad_norm" and spec.optimizer.clip_norm is not None:
        return {"clip_norm": spec.optimizer.clip_norm}
    return {}


def baseline(values: Values, tokens: Tokens) -> float:
    """Bits of the best plain code that was measured; log2 K before that."""
    found = [v for name, v in values.validation.items() if name.startswith("coding.")]
    return min([math.log2(tokens.codes), *found])


def _verdict(name: str, value: float | None, tokens: Tokens, values: Values) -> Verdict:
    if name != "bits" or value is None:
        return Verdict.NONE
    return Verdict.GOOD if value < BELOW * baseline(values, tokens) else Verdict.FAULT


def _symptoms(tokens: Tokens, values: Values, read: tuple[Reading, ...]) -> Iterator[Symptom]:
    bits = next((one for one in read if one.metric == "bits"), None)
    known = {} if bits is None or bits.validation is None else {"bits": bits.validation}
    trained = {} if bits is None or bits.training is None else {"training_bits": bits.training}
    yield Symptom(
        Failure.NO_BETTER_THAN_COUNTS,
        {"uniform": math.log2(tokens.codes), "baseline": baseline(values, tokens), **known},
        Verdict.COLLAPSED
        if bits is not None and bits.verdict is Verdict.FAULT
        else bits.verdict
        if bits
        else Verdict.NONE,
    )
    yield Symptom(Failure.BY_HEART, {**known, **trained})
