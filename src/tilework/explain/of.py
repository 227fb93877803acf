"""From a spec or a run to its explanation, whatever its task is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tilework.errors import UserError
from tilework.explain.autoencoder import explain_autoencoder
from tilework.explain.case import Values
from tilework.explain.facts.explanation import Explanation
from tilework.explain.facts.subject import Form, Subject
from tilework.explain.prior import explain_prior
from tilework.explain.run import written
from tilework.runs.folder import RunFolder, default_root
from tilework.spec import AutoencoderSpec, RunSpec
from tilework.spec.about import about
from tilework.spec.prior import PriorSpec


def explain_spec(
    spec: RunSpec, *, source: str = "", overrides: Sequence[str] = (), runs: Path | None = None
) -> Explanation:
    """Everything that is explained of a spec before it was trained; a prior's parent is looked for in the folder
    `runs`.

    Raises UserError for parts that do not fit each other, and for a task that cannot be explained.
    """
    subject = Subject(spec.name, Form.RECIPE, spec.task, spec.name, _about(spec), source or spec.name, tuple(overrides))
    return _explained(spec, subject, runs or default_root(), None, {})


def explain_run(run: RunFolder) -> Explanation:
    """Everything that is explained of a run, also while it trains; see `explain_spec`."""
    found = written(run)
    subject = Subject(
        run.id,
        Form.RUN,
        found.spec.task,
        found.spec.name,
        _about(found.spec),
        str(run.path),
        standing=found.standing,
        findings=found.findings,
    )
    return _explained(found.spec, subject, run.path.parent, found.values, found.meta)


def _about(spec: RunSpec) -> str:
    return about(spec.model_dump(mode="json", include={"about", "data"}))


def _explained(
    spec: RunSpec, subject: Subject, runs: Path, values: Values | None, meta: Mapping[str, Any]
) -> Explanation:
    if isinstance(spec, AutoencoderSpec):
        return explain_autoencoder(spec, subject, values, meta)
    if isinstance(spec, PriorSpec):
        return explain_prior(spec, subject, runs, values, meta)
    raise UserError(
        f"{subject.name} cannot be explained: its task is {spec.task}",
        why="autoencoders and priors are explained",
        fix="tilework show and tilework report show what any run measures",
    )
