"""Whether an ask is as its model defines; what is wrong is reported in the terms of what was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_args, get_origin

from tilework.errors import UserError
from tilework.protocol.explore import ASKS
from tilework.protocol.models import Field, choices, fields_of

_MOST_LIST = 100_000
_MOST_SHOWN = 60
_MOST_LETTERS = 16_000
_LARGEST = 1e30
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def checked(ask: object) -> dict[str, Any]:
    """The ask itself, known to have the fields of its kind, each of its type. Raises UserError."""
    kind = ask.get("kind") if isinstance(ask, dict) else None
    if not isinstance(ask, dict) or not isinstance(kind, str) or kind not in ASKS:
        if not isinstance(ask, dict):
            raise UserError(
                f"an ask is an object, and {shown(ask)} was sent",
                why="its kind names what is asked",
                fix="send {kind, ...}",
            )
        raise UserError(
            f"there is no ask of the kind {shown(kind)}" if "kind" in ask else "an ask needs a kind",
            why=f"the kinds of asks are {', '.join(ASKS)}",
            fix="send one of them as kind",
        )
    known = _fields(kind)
    for name, value in ask.items():
        if name not in known:
            raise UserError(
                f"{kind} has no {str(name)[:60]!r}", why=f"it has {', '.join(known)}", fix="leave it out, or correct it"
            )
        if name != "kind":
            _check(kind, name, value, known[name].hint)
    for name, field in known.items():
        if field.required and name not in ask:
            raise UserError(f"{kind} needs {name}", why=field.meaning, fix=f"send {name} too")
    return ask


@cache
def _fields(kind: str) -> Mapping[str, Field]:
    return {field.name: field for field in fields_of(ASKS[kind].ask)}  # type: ignore[index]


def _check(kind: str, name: str, value: object, hint: Any) -> None:
    if get_origin(hint) is Sequence:
        (inner,) = get_args(hint)
        if not isinstance(value, list):
            raise UserError(
                f"{name} of {kind} is {shown(value)}", why="it must be a list", fix=f"send {name} as a list"
            )
        if len(value) > _MOST_LIST:
            raise UserError(
                f"{name} of {kind} has {len(value):,} entries", why=f"at most {_MOST_LIST:,} are read", fix="send fewer"
            )
        for one in value:
            _check_one(f"an entry of {name} of {kind}", one, inner)
    elif (allowed := choices(hint)) is not None:
        if not isinstance(value, (str, int)) or value not in allowed:
            raise UserError(
                f"{name} of {kind} is {shown(value)}",
                why=f"it may be {', '.join(map(str, allowed))}",
                fix="send one of these",
            )
    else:
        _check_one(f"{name} of {kind}", value, hint)


def _check_one(what: str, value: object, hint: Any) -> None:
    if isinstance(value, str) and hint is str and len(value) > _MOST_LETTERS:
        raise UserError(
            f"{what} has {len(value):,} characters", why=f"at most {_MOST_LETTERS:,} are read", fix="send a shorter one"
        )
    if not _is(value, hint):
        raise UserError(f"{what} is {shown(value)}", why=f"it must be {_WORDS[hint]}", fix=f"send {_WORDS[hint]}")


def shown(value: object) -> str:
    """A value of a message as JSON writes it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _is(value: object, hint: Any) -> bool:
    if hint is float:
        return (
            isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST
        )  # no NaN, no infinity
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
    if hint is str:
        return isinstance(value, str)
    return isinstance(value, hint)
