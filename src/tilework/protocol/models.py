"""Reads the models: which fields each has, of what type, and what they mean. For what is made from them, and for tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict


@dataclass(frozen=True)
class Field:
    """One field of a model."""

    name: str
    hint: Any
    """Its type, bare."""
    meaning: str
    """Empty where the type says it all."""
    required: bool


def fields_of(model: Any) -> tuple[Field, ...]:
    """The fields of a TypedDict, in order; those of its bases first."""
    return _read(model)


@cache
def _read(model: Any) -> tuple[Field, ...]:
    found = []
    for name, hint in get_type_hints(model, include_extras=True).items():
        meaning, required = "", True
        while (origin := get_origin(hint)) in {Annotated, NotRequired}:
            if origin is Annotated:
                hint, meaning = get_args(hint)[0], str(get_args(hint)[1])
            else:
                hint, required = get_args(hint)[0], False
        found.append(Field(name, hint, meaning, required))
    return tuple(found)


def choices(hint: Any) -> list[str | bool] | None:
    """The values of a `Literal` or an enum; None for any other type."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [str(one.value) for one in hint] if isinstance(hint, type) and issubclass(hint, StrEnum) else None


def branches(hint: Any) -> tuple[Any, ...]:
    """The types of a union; the type itself where it is none."""
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


def faults(value: Any, hint: Any, at: str = "it") -> Iterator[str]:
    """What of a value that came as JSON is not as its type says; a field that no model has is one, too."""
    if len(ways := branches(hint)) > 1:
        tried = [list(faults(value, way, at)) for way in ways]
        if all(tried):
            yield from (
                min(tried, key=len) if isinstance(value, dict) else [f"{at} is {value!r}, which is none of {ways}"]
            )
    elif is_typeddict(hint):
        yield from _of_model(value, hint, at)
    elif (allowed := choices(hint)) is not None:
        if value not in allowed or isinstance(value, bool) != isinstance(allowed[0], bool):
            yield f"{at} is {value!r}, not one of {allowed}"
    elif get_origin(hint) is Sequence:
        if not isinstance(value, list):
            yield f"{at} is {value!r}, not a list"
            return
        for number, one in enumerate(value):
            yield from faults(one, get_args(hint)[0], f"{at}[{number}]")
    elif get_origin(hint) is Mapping:
        if not isinstance(value, dict):
            yield f"{at} is {value!r}, not an object"
            return
        for name, one in value.items():
            yield from faults(one, get_args(hint)[1], f"{at}.{name}")
    elif not _is(value, hint):
        yield f"{at} is {value!r}, not {hint}"


def _of_model(value: Any, model: type[Any], at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at} is {value!r}, not {model.__name__}"
        return
    known = {field.name: field for field in fields_of(model)}
    for name, field in known.items():
        if name in value:
            yield from faults(value[name], field.hint, f"{at}.{name}")
        elif field.required:
            yield f"{at} has no {name}, which {model.__name__} has"
    yield from (f"{at}.{name} is not in {model.__name__}" for name in value.keys() - known.keys())


def _is(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if hint is NoneType:
        return value is None
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
