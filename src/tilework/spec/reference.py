"""The reference page of all settings, rendered from the schema: `python -m tilework.spec.reference FILE` writes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tilework.spec.plugins import PRIORS
from tilework.spec.prior import PriorSpec
from tilework.spec.schema import Schema, spec_schema

_HEAD = """# Settings

Every setting of a spec, made from the settings classes themselves. Change them there and run
`uv run python -m tilework.spec.reference docs/spec-reference.md`.

- An override on the command line is `section.key=value`, for example `engine.epochs=20`.
- A **schedule** is a number, or a mapping with a kind (see [Schedules](#schedules)).
- A **length** is a number with a unit: `30 epochs` or `500 steps`.
- A **size** is width x height in pixels: `128x72`; `64` is short for `64x64`.
- `objective.mse: 1.0` is short for `objective.mse: {weight: 1.0}`; `null` removes a term.
- `data: digits` is short for `data: {kind: digits}`, and so for every section with a kind.
"""
_SECTIONS = (
    ("data", "Data"),
    ("encoder", "Encoder"),
    ("bottleneck", "Bottleneck"),
    ("decoder", "Decoder"),
    ("objective", "Objective"),
)


def reference_page() -> str:
    """The whole page as Markdown."""
    schema = spec_schema()
    defs: Schema = schema["$defs"]
    # A section that is settings (and not a plug-in) has a chapter of its own, and so no row at the top level.
    chapters = [name for name, one in schema["properties"].items() if "$ref" in one]
    plugins = {name for name, _ in _SECTIONS}
    top = {n: p for n, p in schema["properties"].items() if n not in chapters and n not in plugins}
    parts = [_HEAD, "## The run\n", _table({**schema, "properties": top}, defs)]
    for section, title in _SECTIONS:
        parts.append(f"## {title}\n\n`{section}`: {schema['properties'][section]['description']}.\n")
        for name in (n for n in defs if n.startswith(f"{section}.")):
            heading = name if section == "objective" else f"{section}.kind: {name.split('.')[1]}"
            parts += [f"### {heading}\n\n{_about(defs[name])}\n", _table(defs[name], defs)]
    for name in chapters:
        one = _resolved(schema["properties"][name], defs)
        one_line = schema["properties"][name]["description"] + "."
        parts += [f"## {name.capitalize()}\n\n`{name}`: {one_line}\n", _table(one, defs)]
    parts += _priors(set(schema["properties"]))
    parts.append("## Schedules\n")
    for name in (n for n in defs if n.startswith("schedule.")):
        parts += [f"### {name.split('.')[1]}\n\n{_about(defs[name])}\n", _table(defs[name], defs)]
    return "\n".join(parts).rstrip() + "\n"


def _priors(shared: set[str]) -> Iterator[str]:
    """The chapter of a prior's spec: what it has beside the sections that every run has."""
    schema = spec_schema(PriorSpec)
    defs: Schema = schema["$defs"]
    own = {name: one for name, one in schema["properties"].items() if name not in shared and name != "prior"}
    yield (
        "## Priors\n\n`task: prior`: a network over the tokens of an autoencoder. Its spec has `parent`, `data` and `prior` in "
        "place of the sections of an autoencoder, and `optimizer`, `engine` and `trackers` as every run has.\n"
    )
    yield _table({**schema, "properties": own}, defs)
    yield f"### data.kind: tokens\n\n`data`: {schema['properties']['data']['description']}.\n"
    yield _table(_resolved(schema["properties"]["data"], defs), defs)
    for name in (f"prior.{kind}" for kind in PRIORS.shipped):
        yield f"### prior.kind: {name.split('.')[1]}\n\n{_about(defs[name])}\n"
        yield _table(defs[name], defs)


def _about(schema: Schema) -> str:
    return str(schema.get("description", "")).split("\n\n")[0].replace("\n", " ")


def _table(schema: Schema, defs: Schema) -> str:
    rows = [f"| {' | '.join(row)} |" for row in _rows(schema, defs)]
    if not rows:
        return "No settings.\n"
    return "\n".join(["| setting | type | default | range | meaning |", "|---|---|---|---|---|", *rows]) + "\n"


def _rows(schema: Schema, defs: Schema, prefix: str = "", given: Any = None) -> Iterator[tuple[str, ...]]:
    for name, field in schema.get("properties", {}).items():
        if name == "kind" and "const" in field:
            continue
        default = given[name] if isinstance(given, dict) and name in given else field.get("default")
        required = name in schema.get("required", []) and given is None
        shown = "**needed**" if required else f"`{json.dumps(default, ensure_ascii=False)}`"
        inner = _inner(field, defs)
        meaning = field.get("description") or (_about(inner) if inner else "")
        meaning += f"; null = {field['unset']}" if "unset" in field else ""
        kind = _type(field, defs)
        if inner is not None and default is not None:
            shown = "see below"
        cells = (f"`{prefix}{name}`", kind, shown, _range(field, defs), meaning)
        yield tuple(c.replace("\n", " ").replace("|", "\\|") for c in cells)
        if inner is not None:
            yield from _rows(inner, defs, f"{prefix}{name}.", default if isinstance(default, dict) else None)


def _resolved(field: Schema, defs: Schema) -> Schema:
    found: Schema = defs[field["$ref"].removeprefix("#/$defs/")] if "$ref" in field else field
    return found


def _inner(field: Schema, defs: Schema) -> Schema | None:
    """The settings class of a nested section, also where it may be null or is a list's item."""
    choices = [_resolved(one, defs) for one in [field, *field.get("anyOf", []), field.get("items", {})]]
    return next((c for c in choices if "properties" in c), None)


def _type(field: Schema, defs: Schema) -> str:
    if field.get("$ref") == "#/$defs/schedule":
        return "schedule"
    field = _resolved(field, defs)
    if "anyOf" in field:
        return " or ".join(_type(one, defs) for one in field["anyOf"])
    if "enum" in field or "const" in field:
        return " / ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "examples" in field and "pattern" in field:
        return "length" if "epochs" in field["pattern"] else "size"
    if field.get("type") == "array":
        items = field.get("items") or (field.get("prefixItems") or [{}])[0]
        count = f"{field['minItems']} x " if field.get("minItems") == field.get("maxItems") is not None else ""
        return f"list of {count}{_type(items, defs)}"
    plain = {"integer": "whole number", "number": "number", "boolean": "true / false", "string": "text", "null": "null"}
    return plain.get(str(field.get("type")), "section")


def _range(field: Schema, defs: Schema) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    found = [f"{sign} {_number(one[key])}" for one in _choices(field) for key, sign in words.items() if key in one]
    found += [f"at most {one['maxLength']} characters" for one in _choices(field) if "maxLength" in one]
    return ", ".join(found)


def _choices(field: Schema) -> list[Schema]:
    return [field, *field.get("anyOf", []), *([field["items"]] if isinstance(field.get("items"), dict) else [])]


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:g}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tilework.spec.reference FILE")
    Path(sys.argv[1]).write_text(reference_page(), encoding="utf-8")
