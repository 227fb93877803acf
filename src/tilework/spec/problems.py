"""What is wrong with a spec, as values: which setting, which fault, and what was measured of it. The words are in `explain`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from tilework.errors import Refused

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


class Fault(StrEnum):
    """What can be wrong with a setting, and the names of its values in `Problem.values`."""

    UNKNOWN_KEY = "unknown-key"
    """`known`: the settings there are in its place; `meant`: the whole path of the one that was probably meant, or empty."""
    MISSING = "missing"
    """`kinds`: of a section, those to choose from; `description`: of a setting."""
    NOT_TAKEN = "not-taken"
    """`rule`: what the value breaks, by pydantic's name; `limit`: its bound; `message`: pydantic's own words; `given`;
    `near`: the choice that is spelt most like it, or empty."""
    REFUSED = "refused"
    """`what` and `fix` in the words of who refused it; `named`: these words name the setting themselves; `override`: what fixes
    it, or empty."""


@dataclass(frozen=True)
class Problem:
    """One wrong setting, by its path; `spec` is the whole."""

    field: str
    fault: Fault
    values: Mapping[str, Any]


LIMITS = {
    "greater_than_equal": "ge",
    "greater_than": "gt",
    "less_than_equal": "le",
    "less_than": "lt",
    "string_too_long": "max_length",
    "string_too_short": "min_length",
    "too_short": "min_length",
    "too_long": "max_length",
    "literal_error": "expected",
}
"""Rules with a bound, and what pydantic calls it."""


KINDS_OF: dict[str, Callable[[], tuple[str, ...]]] = {}
"""The kinds of every section that has some; `spec.plugins` puts them here."""
SETTINGS_OF: dict[str, type[BaseModel]] = {}
"""Sections whose settings are looked through for one that was written in another place; `spec.model` puts them here."""


def problems(error: ValidationError, model: type[BaseModel], section: str = "") -> list[Problem]:
    """One `Problem` for each wrong field of `model`, unknown keys first; `section` prefixes each field's name."""
    found = [_problem(one, model, section) for one in error.errors()]
    meant = {p.values["meant"] for p in found if p.fault is Fault.UNKNOWN_KEY}
    # A misspelt section is also a missing section; once is enough.
    kept = [p for p in found if not (p.fault is Fault.MISSING and p.field in meant)]
    return sorted(kept, key=lambda p: p.fault is not Fault.UNKNOWN_KEY)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings classes that a field's annotation names, through `Annotated`, `| None`, lists and mappings."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def _problem(one: Any, model: type[BaseModel], section: str) -> Problem:
    loc, kind, context = one["loc"], one["type"], one.get("ctx", {})
    field = ".".join([section] * bool(section) + [str(p) for p in loc]) or "spec"
    if kind == "extra_forbidden":
        known = list(getattr(_model_at(model, loc[:-1]), "model_fields", {}))
        return Problem(field, Fault.UNKNOWN_KEY, {"known": known, "meant": _meant(field, str(loc[-1]), known)})
    if kind == "missing":
        return Problem(field, Fault.MISSING, {"kinds": _kinds(field), "description": _description(model, loc)})
    raised = context.get("error")
    if isinstance(raised, Refused):
        values = {"what": raised.what, "fix": raised.fix, "named": bool(raised.field), "override": ""}
        return Problem(raised.field or field, Fault.REFUSED, values)
    if kind in {"value_error", "assertion_error"}:
        return Problem(field, Fault.REFUSED, {"what": str(raised), "fix": "", "named": False, "override": ""})
    given = one.get("input")
    values = {"rule": kind, "limit": context.get(LIMITS.get(kind, "")), "message": one["msg"], "given": given}
    return Problem(field, Fault.NOT_TAKEN, {**values, "near": _near(kind, model, loc, given)})


def _meant(field: str, key: str, known: list[str]) -> str:
    """The path of the setting that was probably meant: one that is spelt alike, or one of another section."""
    parent = field.rpartition(".")[0]
    if close := difflib.get_close_matches(key.lower(), known, n=1):
        return f"{parent}.{close[0]}" if parent else close[0]
    for section, settings in SETTINGS_OF.items():
        if key in settings.model_fields and key != "kind":
            return f"{section}.{key}"
    return ""


def _kinds(field: str) -> tuple[str, ...]:
    kinds = KINDS_OF.get(field)
    return kinds() if kinds is not None else ()


def _description(model: type[BaseModel], loc: tuple[Any, ...]) -> str:
    owner = _model_at(model, loc[:-1])
    field = owner.model_fields.get(str(loc[-1])) if owner else None
    return (field.description or "") if field else ""


def _near(kind: str, model: type[BaseModel], loc: tuple[Any, ...], given: Any) -> str:
    """Of the choices that a setting has, the one that is spelt most like what was given."""
    owner = _model_at(model, loc[:-1])
    if kind != "literal_error" or not isinstance(given, str) or owner is None or str(loc[-1]) not in owner.model_fields:
        return ""
    choices = [str(one) for one in _choices(owner.model_fields[str(loc[-1])].annotation)]
    return next(iter(difflib.get_close_matches(given.lower(), choices, n=1)), "")


def _choices(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for inner in get_args(annotation):
            yield from _choices(inner)


def _model_at(model: type[BaseModel], loc: tuple[Any, ...]) -> type[BaseModel] | None:
    """The settings class that a location inside `model` belongs to, through optional and repeated sections."""
    here: type[BaseModel] | None = model
    for part in loc:
        if here is None:
            return None
        if isinstance(part, int):
            continue  # a place in a list: the class of its items was found one step before
        field = here.model_fields.get(part)
        here = next(models_in(field.annotation), None) if field else None
    return here
