"""The models as TypeScript, for the page: `python -m tilework.protocol.typescript web/src/lib/protocol.ts` writes them."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, is_typeddict

from tilework.protocol import commands, dream, errors, explain, explore, folders, frame, http, run, socket
from tilework.protocol.arrays import ARRAYS
from tilework.protocol.commands import COMMANDS
from tilework.protocol.explore import ASKS, Asking
from tilework.protocol.models import Field, branches, choices, fields_of

_HEAD = """/**
 * The messages between trainer, server and page. Made from src/tilework/protocol: change it there and run
 * `uv run python -m tilework.protocol.typescript web/src/lib/protocol.ts`.
 */
"""
NAMED: dict[str, Any] = {
    "Channel": frame.Channel,
    "DType": frame.DType,
    "State": frame.State,
    "CommandKind": commands.CommandKind,
    "Split": run.Split,
    "Ref": socket.Ref,
    "RunMessage": socket.RunMessage,
    "PageMessage": socket.PageMessage,
    "CheckResponse": http.CheckResponse,
    "ExplainBlock": explain.ExplainBlock,
    "AskKind": explore.AskKind,
    "Side": explore.Side,
    "MapKind": explore.MapKind,
    "Ask": explore.Ask,
    "FileFormat": http.FileFormat,
    "DreamKind": dream.DreamKind,
    "ModelMessage": socket.ModelMessage,
    "ModelPageMessage": socket.ModelPageMessage,
}
"""Types that have no name of their own at run time."""
ROOTS = (frame.Header, socket.RunsMessage, socket.RunMessage, socket.PageMessage, http.ResponseBody, http.SpecBody,
         http.ResumeBody, folders.SuggestBody, errors.ErrorResponse, explore.ResponseHeader,
         dream.ProgressHeader, dream.ProgressFacts, socket.ModelMessage, socket.ModelPageMessage, http.FileBody, http.ApplyBody,
         *(one.facts for one in ASKS.values()))  # fmt: skip
"""What the page reads and writes; whatever these are made of comes along."""
_PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", NoneType: "null", Any: "unknown"}


_WIDEST = 130


def page_types() -> str:
    """The whole file."""
    models: dict[type[Any], None] = {}
    for root in (*ROOTS, *(one.payload for one in COMMANDS.values())):
        for model in _models(root):
            models.setdefault(model)
    named = [_named(name, _union(hint)) for name, hint in NAMED.items()]
    arrays = [f"  {one.name}: '{one.dtype}'" for one in ARRAYS]
    payloads = [f"  {kind}: {one.payload.__name__}" for kind, one in COMMANDS.items()]
    parts = [
        _HEAD,
        *(f"{line}\n" for line in named),
        *(_interface(model) for model in models),
        "/** Every array that a frame may have, and its type. */\nexport interface Arrays {",
        *arrays,
        "}\n",
        "/** Every command, and what it carries. */\nexport interface Payloads {",
        *payloads,
        "}\n",
        "/** Every kind of ask. */\nexport interface Asks {",
        *(f"  {kind}: {one.ask.__name__}" for kind, one in ASKS.items()),
        "}\n",
        "/** The facts of every kind of response. */\nexport interface Facts {",
        *(f"  {kind}: {one.facts.__name__}" for kind, one in ASKS.items()),
        "}\n",
        "/** The arrays of every kind of response, and their types; docs/studio.md lists their shapes. */",
        "export interface ResponseArrays {",
        *(line for kind, one in ASKS.items() for line in _response_arrays(kind, one)),
        "}",
    ]
    return "\n".join(parts) + "\n"


def _named(name: str, union: str) -> str:
    line = f"export type {name} = {union}"
    return line if len(line) <= _WIDEST else "\n  | ".join([f"export type {name} =", *union.split(" | ")])


def _response_arrays(kind: str, one: Asking) -> list[str]:
    if not one.arrays:
        return [f"  {kind}: Record<string, never>"]
    listed = [f"    {array.name}{'?' if array.when else ''}: '{array.dtype}'" for array in one.arrays]
    return [f"  {kind}: {{", *listed, "  }"]


def _models(hint: Any) -> Iterator[type[Any]]:
    """The models that a type is made of, each after those that it needs."""
    if is_typeddict(hint):
        for field in fields_of(hint):
            yield from _models(field.hint)
        yield hint
    else:
        for inner in get_args(hint):
            yield from _models(inner)


def _interface(model: type[Any]) -> str:
    about = (model.__doc__ or "").strip()
    known = [line for field in fields_of(model) for line in _field(field)]
    head = [f"/** {about} */"] if about and not about.startswith(f"{model.__name__}(") else []
    if not known:
        return "\n".join([*head, f"export type {model.__name__} = Record<string, never>\n"])
    return "\n".join([*head, f"export interface {model.__name__} {{", *known, "}\n"])


def _field(field: Field) -> list[str]:
    about = [f"  /** {field.meaning} */"] if field.meaning else []
    if about and len(about[0]) > _WIDEST:
        about = [
            "  /**",
            *textwrap.wrap(field.meaning, _WIDEST, initial_indent="   * ", subsequent_indent="   * "),
            "   */",
        ]
    return [*about, f"  {field.name}{'' if field.required else '?'}: {typescript(field.hint)}"]


def typescript(hint: Any) -> str:
    """A type as TypeScript writes it."""
    for name, known in NAMED.items():
        if hint == known:
            return name
    return _union(hint)


def _union(hint: Any) -> str:
    found = [_single(one) for one in branches(hint)]
    return " | ".join(dict.fromkeys(found))


def _single(hint: Any) -> str:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if is_typeddict(hint):
        return str(hint.__name__)
    values = choices(hint)
    if values is not None:
        return " | ".join(json.dumps(value) if isinstance(value, bool) else f"'{value}'" for value in values)
    if get_origin(hint) is Sequence:
        inner = typescript(get_args(hint)[0])
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if get_origin(hint) is Mapping:
        return f"Record<string, {typescript(get_args(hint)[1])}>"
    raise TypeError(f"{hint} has no counterpart in TypeScript")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page_types(), encoding="utf-8")
