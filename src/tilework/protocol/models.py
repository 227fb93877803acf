"""Reads the models: which fields each has, of what type, and what they mean. For what is made from them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Field:
    """One field of a model."""

    name: str
    hint: Any
    """Its type, bare."""
    meaning: str
    """Empty where the type is enough."""
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
