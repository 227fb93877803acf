"""The JSON Schema of a whole spec, with every kind of every section: what forms and the reference page are made from."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from tilework.spec.autoencoder import AutoencoderSpec
from tilework.spec.model import RunSpec
from tilework.spec.plugins import SECTIONS, TERMS, Plugin, Registry
from tilework.spec.problems import models_in
from tilework.spec.schedules import KINDS

Schema = dict[str, Any]


def spec_schema(spec: type[RunSpec] = AutoencoderSpec) -> Schema:
    """JSON Schema (draft 2020-12) of a task's spec as `dump_yaml` writes it (an autoencoder's by default), without short forms.

    Each plug-in section is a `oneOf` over its kinds with `kind` as discriminator; `objective` has one property for each term;
    a schedule is a number or a `oneOf` over its kinds. Definitions are named `<section>.<kind>`. Imports every plug-in, and
    with them torch.
    """
    shared: Schema = {}
    root = _local(spec, shared)
    for kind, schedule in KINDS.items():
        shared[f"schedule.{kind}"] = _with_kind(_local(schedule, shared))
    shared["schedule"] = {
        "title": "Schedule",
        "description": "a number, or a mapping with a kind",
        "anyOf": [{"type": "number"}, _one_of("schedule", tuple(KINDS))],
    }
    for registry in sections_of(spec):
        for kind in registry.kinds:
            shared[f"{registry.section}.{kind}"] = _with_kind(_local(registry.config(kind), shared))
        root["properties"][registry.section] = _section(registry, root["properties"][registry.section])
    shared.pop("Plugin", None)
    shared.pop("Schedule", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": dict(sorted(shared.items()))}


def sections_of(spec: type[RunSpec]) -> list[Registry]:
    """The registries whose kinds a task's spec may name."""
    return [
        one
        for one in SECTIONS
        if one.section in spec.model_fields and (one is TERMS or spec.model_fields[one.section].annotation is Plugin)
    ]


def _section(registry: Registry, described: Schema) -> Schema:
    description = {"description": described["description"]}
    if registry is TERMS:
        terms = {kind: {"$ref": f"#/$defs/objective.{kind}"} for kind in registry.kinds}
        return {**description, "type": "object", "properties": terms, "additionalProperties": False, "minProperties": 1}
    return {**description, **_one_of(registry.section, registry.kinds)}


def _one_of(prefix: str, kinds: tuple[str, ...]) -> Schema:
    places = {kind: f"#/$defs/{prefix}.{kind}" for kind in kinds}
    return {
        "oneOf": [{"$ref": place} for place in places.values()],
        "discriminator": {"propertyName": "kind", "mapping": places},
    }


def _with_kind(schema: Schema) -> Schema:
    return {**schema, "required": ["kind", *(name for name in schema.get("required", []) if name != "kind")]}


def _local(model: type[BaseModel], shared: Schema) -> Schema:
    """A class's schema without its own definitions, which go to `shared`; a schedule refers to the one definition of all."""
    schema = model.model_json_schema()
    inside = {one.__name__: one for one in _classes_in(model)}
    for name, definition in schema.pop("$defs", {}).items():
        if name in inside:
            _write_defaults(inside[name], definition)
        definition = _refer_to_schedule(definition)
        if shared.setdefault(name, definition) != definition:
            raise ValueError(f"two different settings classes are named {name}; rename one of them")
    _write_defaults(model, schema)
    found: Schema = _refer_to_schedule(schema)
    return found


def _classes_in(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield inner
            yield from _classes_in(inner)


def _write_defaults(model: type[BaseModel], schema: Schema) -> None:
    """Defaults as a spec writes them (`64x64`, `0.25`, `0 steps`), not as the objects that they become."""
    if inspect.isabstract(model):
        return
    defaults = {name: field.get_default() for name, field in model.model_fields.items() if not field.is_required()}
    written = model.model_construct(**defaults).model_dump(mode="json", include=set(defaults), warnings=False)
    for name, value in written.items():
        if "default" in schema["properties"].get(name, {}):
            schema["properties"][name]["default"] = value


def _refer_to_schedule(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: "#/$defs/schedule" if key == "$ref" and value == "#/$defs/Schedule" else _refer_to_schedule(value)
            for key, value in node.items()
        }
    return [_refer_to_schedule(item) for item in node] if isinstance(node, list) else node
