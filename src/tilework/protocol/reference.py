"""The tables of docs/studio.md, made from the models: `python -m tilework.protocol.reference docs/studio.md` writes them anew."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, is_typeddict

from tilework.protocol import dream, errors, explain, explore, finding, folders, frame, http, preflight, run, socket
from tilework.protocol.arrays import ARRAYS, LEGEND, FrameArray
from tilework.protocol.commands import COMMANDS
from tilework.protocol.explore import ASKS, EXPLORE_LEGEND, ResponseArray
from tilework.protocol.models import Field, branches, choices, fields_of

_PLACE = re.compile(r"(<!-- made from src/tilework/protocol: (\w+) -->\n).*?(\n<!-- end -->)", re.DOTALL)
_LISTED: tuple[Any, ...] = (
    run.RunCard, run.Headline, run.Spark, run.Rows, run.Mark, run.MetricEntry, run.Steerable, http.Difference, http.Recipe,
    http.SavedModel, http.StartStage, preflight.CheckEntry,
    explain.ExplainCard, explain.ExplainSection, explain.ParagraphBlock, explain.PointsBlock, explain.TableBlock,
    explain.TableRow, explain.FigureBlock, explain.TextPiece, explain.TermEntry,
    finding.FindingEntry, finding.EvidenceEntry, finding.FixEntry, finding.UnjudgedEntry,
    folders.FolderPlace, folders.ProposalLine, folders.ProposalReason,
    errors.Problem, errors.Refusal, errors.FieldError,
)  # fmt: skip
"""Models that messages and sends back are made of, in the order in which the page lists them."""


def with_tables(text: str) -> str:
    """The page with every table as the models have it. Raises KeyError for a table that nobody makes."""
    return _PLACE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}{found[3]}", text)


# Tables ------------------------------------------------------------------------------------------------------------------


def _header() -> str:
    return _table(("field", "type", "meaning"), (_row(field) for field in fields_of(frame.Header)))


def _parts() -> str:
    return (
        "\n\n".join(_named(model) for model in (frame.ViewHeader, frame.Applied, frame.Cost, frame.ArrayPlace)) + "\n"
    )


def _arrays() -> str:
    rows = ((f"`{one.name}`", f"{_shape(one)} {one.dtype}", _channels(one), one.meaning) for one in ARRAYS)
    used = {letter for one in ARRAYS for letter in one.shape}
    legend = ", ".join(f"{letter} {meaning}" for letter, meaning in LEGEND.items() if letter in used)
    return f"{_table(('array', 'shape', 'in', 'meaning'), rows)}\nLetters: {legend}.\n"


def _asks() -> str:
    """Kind by kind: what is asked, the facts and the arrays of the response."""
    parts = []
    for kind, one in ASKS.items():
        parts.append(f"**{kind}**: {_about(one.ask)}")
        asked = [_row(field) for field in fields_of(one.ask) if field.name != "kind"]
        if asked:
            parts.append(_table(("asked", "type", "meaning"), asked).rstrip())
        if one.facts is not explore.NoFacts:
            parts.append(_table(("fact", "type", "meaning"), map(_row, fields_of(one.facts))).rstrip())
        if one.arrays:
            rows = ((f"`{a.name}`", f"{_shape(a)} {a.dtype}", _when(a)) for a in one.arrays)
            parts.append(_table(("array", "shape", "meaning"), rows).rstrip())
    used = {letter for one in ASKS.values() for array in one.arrays for letter in array.shape}
    legend = ", ".join(f"{letter} {meaning}" for letter, meaning in EXPLORE_LEGEND.items() if letter in used)
    return "\n\n".join(parts) + f"\n\nLetters: {legend}.\n"


def _when(one: ResponseArray) -> str:
    return f"{one.meaning} (only {one.when})" if one.when else one.meaning


def _response_header() -> str:
    return _table(("field", "type", "meaning"), map(_row, fields_of(explore.ResponseHeader)))


def _progress() -> str:
    header = _table(("field", "type", "meaning"), map(_row, fields_of(dream.ProgressHeader)))
    return (
        "\n\n".join(
            [header.rstrip(), *(_named(model) for model in (dream.ProgressFacts, dream.PriorFacts, dream.DreamFact))]
        )
        + "\n"
    )


def _shape(one: FrameArray | ResponseArray) -> str:
    return f"({', '.join(map(str, one.shape))}{',' if len(one.shape) == 1 else ''})"


def _channels(one: FrameArray) -> str:
    return ", ".join(f"{channel} ({when})" if when else channel for channel, when in one.channels.items())


def _commands() -> str:
    rows = ((f"`{kind}`", _inside(one.payload), one.effect) for kind, one in COMMANDS.items())
    return _table(("kind", "payload", "effect"), rows)


def _routes() -> str:
    rows = ((f"`{one.method} {one.path}`", _body(one), _response(one), one.meaning) for one in http.ROUTES)
    return _table(("route", "sent", "response", "meaning"), rows)


def _body(one: http.Route) -> str:
    if isinstance(one.body, str):
        return one.body
    return "" if one.body in {None, http.Empty} else _type(one.body)


def _response(one: http.Route) -> str:
    return one.response if isinstance(one.response, str) else _type(one.response)


def _responses() -> str:
    """What is sent and what comes back, model by model, and then what these are made of."""
    bodies = [one.body for one in http.ROUTES if not isinstance(one.body, str)]
    whole = bodies + [way for one in http.ROUTES for way in branches(one.response)]
    models = [m for m in dict.fromkeys(whole) if is_typeddict(m) and m is not http.Empty]
    return "\n\n".join(_named(model) for model in (*models, errors.ErrorResponse, *_LISTED)) + "\n"


def _server() -> str:
    messages = [socket.RunsMessage, *get_args(socket.RunMessage)]
    return "\n\n".join(_message(model) for model in messages) + "\n"


def _page() -> str:
    return "\n\n".join(_message(model) for model in get_args(socket.PageMessage)) + "\n"


def _model() -> str:
    return "\n\n".join(_message(model) for model in get_args(socket.ModelMessage)) + "\n"


def _model_page() -> str:
    return "\n\n".join(_message(model) for model in get_args(socket.ModelPageMessage)) + "\n"


TABLES: Mapping[str, Callable[[], str]] = {
    "header": _header,
    "parts": _parts,
    "arrays": _arrays,
    "commands": _commands,
    "routes": _routes,
    "responses": _responses,
    "server": _server,
    "page": _page,
    "model": _model,
    "model_page": _model_page,
    "response": _response_header,
    "asks": _asks,
    "progress": _progress,
}

# Pieces ------------------------------------------------------------------------------------------------------------------


def _named(model: Any) -> str:
    table = _table(("field", "type", "meaning"), map(_row, fields_of(model)))
    return f"**{model.__name__}**: {_about(model)}\n\n{table}".rstrip()


def _message(model: Any) -> str:
    known = fields_of(model)
    (kind,) = next(get_args(field.hint) for field in known if field.name == "type")
    rest = [_row(field) for field in known if field.name != "type"]
    return f"**{kind}**: {_about(model)}\n\n{_table(('field', 'type', 'meaning'), rest)}".rstrip()


def _about(model: Any) -> str:
    return str(_WORDS.get(model) or model.__doc__).strip()


_WORDS = {http.SpecBody: "A spec: that of a recipe, a run or a proposal, with overrides."}
"""Of models that cannot have a docstring."""


def _row(field: Field) -> tuple[str, str, str]:
    meaning = field.meaning if field.required else f"{field.meaning} (may be absent)"
    return f"`{field.name}`", _type(field.hint), meaning


def _inside(model: Any) -> str:
    return "; ".join(f"`{field.name}`: {_type(field.hint)}, {field.meaning}" for field in fields_of(model))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def _type(hint: Any) -> str:
    if hint in (explore.Ask, explore.AskKind):
        return "an ask" if hint == explore.Ask else "kind of ask"
    return " or ".join(dict.fromkeys(_single(one) for one in branches(hint)))


def _single(hint: Any) -> str:
    plain = {str: "text", int: "integer", float: "number", bool: "true or false", NoneType: "null", Any: "anything"}
    if hint in plain:
        return plain[hint]
    if is_typeddict(hint):
        return str(hint.__name__)
    values = choices(hint)
    if values is not None:
        return ", ".join(f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in values)
    inner = _type(get_args(hint)[-1])
    return f"list of {inner}" if get_origin(hint) is Sequence else f"{inner} by name"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
