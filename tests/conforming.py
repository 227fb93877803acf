"""Whether what was really sent is as the models define it: headers, the arrays of a frame, messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, get_args, get_origin, is_typeddict

from numpy.typing import NDArray

from tilework.protocol.arrays import ARRAYS
from tilework.protocol.frame import Header
from tilework.protocol.models import branches, choices, fields_of

KNOWN = {one.name: one for one in ARRAYS}


def frame_faults(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    """What of an unpacked frame is not as header and arrays are described; a letter of a shape is one length throughout."""
    yield from faults(header, Header, "header")
    lengths: dict[str, int] = {"Q": header["view"]["levels"], "K": header["view"]["codes"]}
    lengths |= dict(zip("wh", header["view"]["grid"], strict=True))
    for name, array in arrays.items():
        if name not in KNOWN:
            yield f"there is no array {name}"
            continue
        known = KNOWN[name]
        if array.dtype.str[1:] != known.dtype:
            yield f"{name} is {array.dtype}, not {known.dtype}"
        if header["channel"] not in known.channels:
            yield f"{name} is not of the channel {header['channel']}"
        if array.ndim != len(known.shape):
            yield f"{name} is {array.shape}, not {known.shape}"
            continue
        for letter, length in zip(known.shape, array.shape, strict=True):
            wanted = letter if isinstance(letter, int) else lengths.setdefault(letter, length)
            if length != wanted:
                yield f"{name} is {array.shape}, not {known.shape} with {letter} = {wanted}"


def faults(value: Any, hint: Any, at: str = "it") -> Iterator[str]:
    """What of a value that came as JSON is not of its type; a field that no model has is one, too."""
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
