"""Reads and checks specs for the studio, in a process of its own: the kinds of a spec import torch, and the server must not.

One JSON object a line in, one a line out, in order; ends when its input does, so it never outlives the server.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from tilework.errors import TileworkError

_FIELD = re.compile(r"^(?:unknown key )?([a-z_]+(?:\.[A-Za-z0-9_]+)*)\b")


def main() -> None:
    """Answer until the input ends."""
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(_answered(line)), file=answers, flush=True)


def _answered(line: str) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        return {"found": _QUESTIONS[asked["question"]](asked)}
    except TileworkError as error:
        return {"error": {"what": error.what, "why": error.why, "fix": error.fix}}
    except Exception as error:  # one question must not end the process for the next
        return {"error": {"what": "this could not be checked", "why": f"{type(error).__name__}: {error}", "fix": ""}}


def _form(asked: dict[str, Any]) -> dict[str, Any]:
    """The whole spec with every default, and the schema of all specs."""
    from tilework.spec import load_spec
    from tilework.spec.schema import spec_schema

    return {"spec": load_spec(asked["source"]).model_dump(mode="json"), "schema": spec_schema()}


def _check(asked: dict[str, Any]) -> dict[str, Any]:
    """{ok: true, spec, yaml}, or {ok: false, errors: [{field, what, why, fix}]}.

    Where the spec can be read, it comes with `fitting`: overrides that make its loss terms fit its bottleneck.
    """
    from pydantic import ValidationError

    from tilework.engine.rehearsal import faults, fitting
    from tilework.spec import RunSpec, dump_yaml
    from tilework.spec.explain import problems
    from tilework.spec.load import _source_of, apply_overrides, read_yaml

    try:
        raw = apply_overrides(read_yaml(*_source_of(asked["source"])), asked["overrides"])
        spec = RunSpec.model_validate(raw)
    except ValidationError as error:
        found = [{"field": p.field, "what": p.text, "why": "", "fix": p.fix} for p in problems(error, RunSpec)]
        return {"ok": False, "errors": found}
    except TileworkError as error:
        return {"ok": False, "errors": _told(error)}
    read = {"spec": spec.model_dump(mode="json"), "fitting": fitting(spec)}
    wrong = [told for fault in faults(spec) for told in _told(fault)]
    return {"ok": False, "errors": wrong, **read} if wrong else {"ok": True, "yaml": dump_yaml(spec), **read}


def _told(error: TileworkError) -> list[dict[str, str]]:
    """What a section found wrong with itself: several faults are told in one sentence, each with its field first."""
    parts = error.what.split("; ") if error.why.startswith("that is not what ") else [error.what]
    found = []
    for at, part in enumerate(parts):
        field = _FIELD.match(part)
        found.append(
            {
                "field": field.group(1) if field else "",
                "what": part,
                "why": error.why,
                "fix": error.fix if at == 0 else "",
            }
        )
    return found


def _warm(asked: dict[str, Any]) -> dict[str, Any]:
    """Load what a form needs."""
    import tilework.engine.rehearsal  # noqa: F401
    from tilework.spec.schema import spec_schema

    spec_schema()
    return {}


_QUESTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"form": _form, "check": _check, "warm": _warm}

if __name__ == "__main__":
    main()
