"""Reads and checks specs for the studio, in a process of its own: the kinds of a spec import torch, and the server must not.

One JSON object a line in, one a line out, in order; ends when its input does, so it never outlives the server.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tilework.errors import TileworkError
from tilework.protocol.errors import FieldError

if TYPE_CHECKING:
    from tilework.protocol.explain import ExplainResponse
    from tilework.protocol.http import DataSetChoice, FormResponse, SpecWrong
    from tilework.spec import RunSpec
    from tilework.spec.problems import Problem
    from tilework.studio.forms import Passed


def main() -> None:
    """Answer until the input ends."""
    # What a library prints must not get between the answers.
    responses = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(_answered(line)), file=responses, flush=True)


def _answered(line: str) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        return {"found": _QUESTIONS[asked["question"]](asked)}
    except TileworkError as error:
        return {"error": error.parts()}
    except Exception as error:  # one question must not end the process for the next
        return {"error": {"what": "this could not be checked", "why": f"{type(error).__name__}: {error}", "fix": ""}}


def _form(asked: dict[str, Any]) -> FormResponse:
    """The whole spec with every default, and the schema of all specs of its task."""
    from tilework.spec import load_spec
    from tilework.spec.schema import spec_schema

    spec = load_spec(asked["source"])
    return {"spec": spec.model_dump(mode="json"), "schema": spec_schema(type(spec)), "sets": _sets(spec)}


def _sets(spec: RunSpec) -> list[DataSetChoice]:
    """The data sets that may stand for the data of a spec; one that cannot be read is listed with its reason."""
    from tilework.spec.plugins import SOURCES
    from tilework.spec.schema import sections_of

    if SOURCES not in sections_of(type(spec)):
        return []
    return [
        {"name": name, "data": {}, "problem": found.what}
        if isinstance(found, TileworkError)
        else {"name": name, "data": found, "problem": ""}
        for name, found in SOURCES.sets().items()
    ]


def _check(asked: dict[str, Any]) -> Passed | SpecWrong:
    """Whether a spec can be trained; of one that cannot, what can be found all the same."""
    from tilework.engine.autoencoder.fitting import fitting
    from tilework.spec import AutoencoderSpec, dump_yaml
    from tilework.spec.load import _source_of, apply_overrides, read_yaml
    from tilework.spec.tasks import task_class

    try:
        own = read_yaml(*_source_of(asked["source"]))
        raw = apply_overrides(own, asked["overrides"])
    except TileworkError as error:
        return {"ok": False, "errors": _field_errors(error)}
    spec, wrong = _validated(raw, own)
    if spec is None:
        return {"ok": False, "errors": wrong}
    fits = fitting(spec) if isinstance(spec, AutoencoderSpec) else {}
    whole = spec.model_dump(mode="json")
    seen = {_section(entry) for entry in wrong}
    wrong += [
        entry
        for fault in task_class(spec.task).problems(spec)
        for entry in _field_errors(fault)
        if _section(entry) not in seen
    ]
    if wrong:
        return {"ok": False, "errors": wrong, "spec": whole, "fitting": fits}
    return {"ok": True, "yaml": dump_yaml(spec), "spec": whole, "fitting": fits}


def _validated(raw: dict[str, Any], own: dict[str, Any]) -> tuple[RunSpec | None, list[FieldError]]:
    """The spec, and everything that is wrong with it. A section that finds its own faults ends the reading with them: what is
    wrong is put back to what its source has, at first with the kind that was chosen, and the rest is read again. None where that
    does not help."""
    from pydantic import ValidationError

    from tilework.spec.load import apply_overrides
    from tilework.spec.problems import problems
    from tilework.spec.tasks import spec_class

    found: list[FieldError] = []
    fixed: set[str] = set()
    undone: set[str] = set()
    kind = spec_class(own)
    while True:
        try:
            return kind.model_validate(raw), found
        except ValidationError as error:
            entries = [_of_field(one) for one in problems(error, kind)]
        except TileworkError as error:
            entries = _field_errors(error)
        found += [one for one in entries if _section(one) not in fixed]
        sections = {_section(one) for one in entries}
        if sections & undone:
            return None, found
        undone |= sections & fixed
        fixed |= sections
        kinds = {name: _kind_of(raw, name) for name in sections & own.keys() - undone}
        back = apply_overrides(own, [f"{name}.kind={kind}" for name, kind in kinds.items() if kind is not None])
        kept = {name: part for name, part in raw.items() if name not in sections}
        raw = kept | {name: back[name] for name in sections & own.keys()}


def _section(entry: FieldError) -> str:
    """The section of a spec that a fault is in."""
    return entry["field"].split(".")[0]


def _kind_of(raw: dict[str, Any], section: str) -> str | None:
    settings = raw.get(section)
    kind = settings.get("kind") if isinstance(settings, dict) else None
    return kind if isinstance(kind, str) else None


def _field_errors(error: TileworkError) -> list[FieldError]:
    """What a section found wrong with itself."""
    from tilework.spec.explain import problems_of

    return [_of_field(one, error.why) for one in problems_of(error)]


def _of_field(problem: Problem, why: str = "") -> FieldError:
    from tilework.spec.explain import beside, fix, remedy, what

    return FieldError(
        field=problem.field, what=what(problem), why=why, fix=fix(problem),
        beside=beside(problem), remedy=remedy(problem), override=str(problem.values.get("override", "")),
    )  # fmt: skip


def _explain(asked: dict[str, Any]) -> ExplainResponse:
    """A model explained in its own numbers."""
    from tilework.studio.explaining import explained

    return explained(asked)


def _suggest(asked: dict[str, Any]) -> dict[str, Any]:
    """A spec proposed for what lies at some paths."""
    from tilework.studio.suggesting import suggested

    return suggested(asked)


def _warm(asked: dict[str, Any]) -> dict[str, Any]:
    """Load what a form needs."""
    import tilework.engine.autoencoder.fitting  # noqa: F401
    from tilework.spec.schema import spec_schema

    spec_schema()
    return {}


_QUESTIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "form": _form,
    "check": _check,
    "explain": _explain,
    "suggest": _suggest,
    "warm": _warm,
}

if __name__ == "__main__":
    main()
