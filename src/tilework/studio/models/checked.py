"""Whether an ask is as its model says; what is wrong is told in the terms of what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_args, get_origin

from tilework.errors import UserError
from tilework.protocol.explore import ASKS
from tilework.protocol.models import Field, choices, fields_of

_MOST_LIST = 100_000
_MOST_LETTERS = 4000
_LARGEST = 1e30
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def checked(ask: object) -> dict[str, Any]:
    """The ask itself, known to have the fields of its kind, each of its type. Raises UserError."""
    kind = ask.get("kind") if isinstance(ask, dict) else None
    if not isinstance(ask, dict) or not isinstance(kind, str) or kind not in ASKS:
        said = repr(kind)[:60] if isinstance(ask, dict) else f"a {type(ask).__name__}"
        raise UserError(f"nothing can be asked with {said}", why=f"the kinds of asks are {', '.join(ASKS)}")
    known = _fields(kind)
    for name, value in ask.items():
        if name not in known:
            raise UserError(f"{kind} has no {str(name)[:60]!r}", why=f"it has {', '.join(known)}")
        if name != "kind":
            _check(kind, name, value, known[name].hint)
    for name, field in known.items():
        if field.required and name not in ask:
            raise UserError(f"{kind} needs {name}", why=field.meaning)
    return ask


@cache
def _fields(kind: str) -> Mapping[str, Field]:
    return {field.name: field for field in fields_of(ASKS[kind].ask)}  # type: ignore[index]


def _check(kind: str, name: str, value: object, hint: Any) -> None:
    if get_origin(hint) is Sequence:
        (inner,) = get_args(hint)
        if not isinstance(value, list) or not all(_is(one, inner) for one in value):
            raise UserError(f"{name} of {kind} must be a list, each entry {_WORDS[inner]}")
        if len(value) > _MOST_LIST:
            raise UserError(f"{name} of {kind} is too long", why=f"at most {_MOST_LIST:,} entries are read")
    elif (allowed := choices(hint)) is not None:
        if value not in allowed:
            raise UserError(f"{name} of {kind} is {str(value)[:60]!r}", why=f"it may be {', '.join(map(str, allowed))}")
    elif not _is(value, hint):
        raise UserError(f"{name} of {kind} is {str(value)[:60]!r}", why=f"it must be {_WORDS[hint]}")


def _is(value: object, hint: Any) -> bool:
    if hint is float:
        return (
            isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST
        )  # no NaN, no infinity
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
    if hint is str:
        return isinstance(value, str) and len(value) <= _MOST_LETTERS
    return isinstance(value, hint)
