"""What a run has written of itself, as far as it can be read: its spec, how far it is, and what it measured last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tilework.doctor.diagnosis import diagnose
from tilework.doctor.finding import Finding
from tilework.doctor.opening import opened
from tilework.errors import TileworkError, UserError
from tilework.explain.case import Values
from tilework.explain.facts.subject import Standing
from tilework.metrics import AUTOENCODER, TRAINING, VALIDATION, Metrics
from tilework.report.moments import load
from tilework.runs.folder import RunFolder
from tilework.runs.status import run_info
from tilework.runs.store import RunStore
from tilework.spec import RunSpec
from tilework.spec.load import parse_spec
from tilework.spec.text import read_yaml


@dataclass(frozen=True)
class Written:
    """A run as it was found."""

    spec: RunSpec
    standing: Standing
    values: Values
    meta: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def written(run: RunFolder) -> Written:
    """Read a run, also while it trains, before its first validation and with a store that is damaged (which is then
    reported).

    Raises UserError where its spec cannot be read: without it there is nothing to explain.
    """
    spec = _spec(run)
    info = run_info(run.path)
    if info.problem or not run.db.is_file():
        return Written(spec, Standing(str(info.status), problem=info.problem), Values())
    try:
        with RunStore.open(run.db) as store:
            meta, latest = store.meta(), store.latest()
            blank, images = _blank(run, store)
        with opened(run) as case:
            findings = diagnose(case, tolerant=True).findings
    except TileworkError as error:
        return Written(spec, Standing(str(info.status), problem=error.what), Values())
    values = latest["values"]
    standing = Standing(str(info.status), info.step, info.epoch, info.total_steps, latest["steps"].get(VALIDATION))
    metrics = Metrics.read(meta) if "metrics" in meta else AUTOENCODER
    found = Values(_finite(values.get(TRAINING, {})), _finite(values.get(VALIDATION, {})), blank, images, metrics)
    return Written(spec, standing, found, meta, findings)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    """Without what was infinite or no number: nothing can be read by it, and the run's findings report it."""
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _spec(run: RunFolder) -> RunSpec:
    try:
        text = run.spec_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"the spec of {run.id} cannot be read",
            why=getattr(error, "strerror", None) or str(error),
            fix=f"restore {run.spec_file} from a copy of the run",
        ) from None
    return parse_spec(read_yaml(text, str(run.spec_file)), str(run.spec_file))


def _blank(run: RunFolder, store: RunStore) -> tuple[float | None, int]:
    """MSE on [0, 1] of one mean image in place of each of the originals that the run stored last, and how many these are.

    Of n images the mean is nearer to them than to others: n / (n - 1) makes up for it. None for fewer than two.
    """
    found = load(run, store.snapshots("reconstructions")[-1:], ("originals",), [])
    if not found or len(found[0].arrays["originals"]) < 2:
        return None, 0
    originals = found[0].arrays["originals"].astype(np.float64) / 255
    count = len(originals)
    mse = float(np.square(originals - originals.mean(0)).mean()) * count / (count - 1)
    return (mse, count) if mse > 0 else (None, count)
