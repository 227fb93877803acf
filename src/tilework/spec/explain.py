"""pydantic's validation errors in the words of the spec: which field, what is wrong, and one way to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from tilework.errors import UserError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_SHOWN = 4


@dataclass(frozen=True)
class Problem:
    """One wrong field: `text` says where and what, `fix` what to write instead."""

    field: str
    text: str
    fix: str
    key: str = ""
    """For an unknown key, the field that was probably meant."""


def problems(error: ValidationError, model: type[BaseModel], section: str = "") -> list[Problem]:
    """One `Problem` for each wrong field of `model`, unknown keys first; `section` prefixes each field's name."""
    found = [_explain(one, model, section) for one in error.errors()]
    meant = {p.key for p in found if p.key}
    # A misspelt section is also a missing section; once is enough.
    kept = [p for p in found if not (p.field in meant and p.text.endswith(" is missing"))]
    return sorted(kept, key=lambda p: not p.text.startswith("unknown key"))


def complaint(found: list[Problem], where: str, why: str) -> UserError:
    """Several problems as one error: the first few are named, the first one's fix is given."""
    shown = "; ".join(p.text for p in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return UserError(f"{where}: {shown}{more}" if where else shown + more, why=why, fix=found[0].fix)


def _explain(one: Any, model: type[BaseModel], section: str) -> Problem:
    loc, kind, context = one["loc"], one["type"], one.get("ctx", {})
    field = ".".join([section] * bool(section) + [str(p) for p in loc]) or "spec"
    if kind == "extra_forbidden":
        return _unknown(field, str(loc[-1]), _model_at(model, loc[:-1]), section)
    if kind == "missing":
        return Problem(field, f"{field} is missing", _example(model, loc, field))
    if kind in {"value_error", "assertion_error"}:
        # Written by a validator of ours: it says itself what to write.
        text = one["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        said, _, advice = text.partition("; ")
        return Problem(field, said if field == "spec" else f"{field}: {said}", advice or f"correct {field}")
    said = _wanted(kind, context, one["msg"])
    hint = _closest_choice(kind, context, one.get("input"))
    return Problem(field, f"{field}: {said}, not {_shown(one.get('input'))}", hint or _correct(field, said))


def _unknown(field: str, key: str, model: type[BaseModel] | None, section: str) -> Problem:
    known = list(model.model_fields) if model else []
    close = difflib.get_close_matches(key.lower(), known, n=1)
    parent = field.rpartition(".")[0]
    if close:
        meant = f"{parent}.{close[0]}" if parent else close[0]
        return Problem(field, f"unknown key {field} (did you mean {close[0]}?)", f"write {meant}", meant)
    meant = _elsewhere(key)
    if meant:
        return Problem(field, f"unknown key {field} (did you mean {meant}?)", f"write {meant}", meant)
    if field == "data.path":
        return Problem(field, f"unknown key {field}", "for your own folder of pictures add data.kind=images")
    settings = ", ".join(k for k in known if k != "kind")
    fix = f"remove it; {parent or section or 'a spec'} has {settings}" if settings else "remove it"
    return Problem(field, f"unknown key {field}", fix)


def _elsewhere(key: str) -> str:
    """The full name of a setting of the engine or the optimiser that was written in the wrong place."""
    from tilework.spec.model import EngineSettings, OptimizerSettings

    for section, settings in (("engine", EngineSettings), ("optimizer", OptimizerSettings)):
        if key in settings.model_fields and key != "kind":
            return f"{section}.{key}"
    return ""


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


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings classes that a field's annotation names, through `Annotated`, `| None`, lists and mappings."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def _example(model: type[BaseModel], loc: tuple[Any, ...], field: str) -> str:
    from tilework.spec import plugins

    for registry in plugins.SECTIONS:
        if registry.section == field and registry.kinds:
            return f"add it, for example {field}.kind={registry.kinds[0]} (the kinds are {', '.join(registry.kinds)})"
    owner = _model_at(model, loc[:-1])
    described = owner.model_fields[str(loc[-1])].description if owner and str(loc[-1]) in owner.model_fields else None
    return f"set {field}" + (f" ({described})" if described else "")


def _wanted(kind: str, context: Mapping[str, Any], message: str) -> str:
    """What a field takes, in plain words."""
    if kind.startswith(("int_", "float_", "bool_", "string_type", "decimal_")):
        plain = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text"}
        return f"must be {plain.get(kind.split('_')[0], 'a value of its type')}"
    simple = {
        "finite_number": "must be a finite number",
        "tuple_type": "must be a list, for example [32, 64]",
        "list_type": "must be a list, for example [32, 64]",
        "dict_type": "must be a mapping of settings",
        "model_type": "must be a mapping of settings",
        "model_attributes_type": "must be a mapping of settings",
        "string_pattern_mismatch": "may only hold lower-case letters, digits, dots and hyphens",
    }
    if kind in simple:
        return simple[kind]
    bounds = {
        "greater_than_equal": ("ge", "must be {} or more"),
        "greater_than": ("gt", "must be more than {}"),
        "less_than_equal": ("le", "must be {} or less"),
        "less_than": ("lt", "must be less than {}"),
        "string_too_long": ("max_length", "must have {} characters or fewer"),
        "string_too_short": ("min_length", "must have {} characters or more"),
        "too_short": ("min_length", "must have {} items or more"),
        "too_long": ("max_length", "must have {} items or fewer"),
        "literal_error": ("expected", "must be {}"),
    }
    if kind in bounds:
        key, words = bounds[kind]
        value = context[key]
        return words.format(f"{value:g}" if isinstance(value, float) else value)
    return message[:1].lower() + message[1:]


def _closest_choice(kind: str, context: Mapping[str, Any], value: Any) -> str:
    if kind != "literal_error" or not isinstance(value, str):
        return ""
    choices = [c.strip(" '") for c in str(context["expected"]).replace(" or ", ", ").split(",")]
    close = difflib.get_close_matches(value.lower(), choices, n=1)
    return f"write {close[0]}" if close else ""


def _correct(field: str, said: str) -> str:
    if said == "must be text":
        return f"put it in quotes, on the command line as '{field}=\"...\"'"
    return f"correct {field}: it {said}"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
