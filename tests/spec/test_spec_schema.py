"""The schema describes exactly what is read, and the checked-in page of settings is the one that it gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tilework.spec import PRIORS, AutoencoderSpec, load_spec, recipe_names
from tilework.spec.plugins import REGISTRIES
from tilework.spec.prior import PriorSpec
from tilework.spec.reference import reference_page
from tilework.spec.schedules import KINDS
from tilework.spec.schema import spec_schema

PAGE = Path(__file__).resolve().parents[2] / "docs" / "spec-reference.md"
PLAIN = {
    "integer": int,
    "number": (int, float),
    "string": str,
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return spec_schema()


def faults(value: Any, rule: dict[str, Any], root: dict[str, Any], at: str = "spec") -> Iterator[str]:
    """A small independent reader of JSON Schema: all that this schema uses, nothing more."""
    rule = dict(rule)
    rule.pop("discriminator", None)
    for word in ("title", "description", "default", "examples", "unset", "$schema", "$defs"):
        rule.pop(word, None)
    if place := rule.pop("$ref", None):
        yield from faults(value, root["$defs"][place.removeprefix("#/$defs/")], root, at)
    any_of = rule.pop("anyOf", [])
    if any_of and all(list(faults(value, one, root, at)) for one in any_of):
        yield f"{at}: fits none of anyOf"
    if one_of := rule.pop("oneOf", None):
        fitting = [one for one in one_of if not list(faults(value, one, root, at))]
        if len(fitting) != 1:
            yield f"{at}: fits {len(fitting)} of oneOf"
    kind = rule.pop("type", None)
    if kind and (not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind in {"integer", "number"})):
        yield f"{at}: {value!r} is not of type {kind}"
        return
    checks = {
        "const": lambda v, r: v == r, "enum": lambda v, r: v in r, "minimum": lambda v, r: v >= r,
        "maximum": lambda v, r: v <= r, "exclusiveMinimum": lambda v, r: v > r, "exclusiveMaximum": lambda v, r: v < r,
        "pattern": lambda v, r: re.search(r, v), "minLength": lambda v, r: len(v) >= r, "maxLength": lambda v, r: len(v) <= r,
        "minItems": lambda v, r: len(v) >= r, "maxItems": lambda v, r: len(v) <= r, "minProperties": lambda v, r: len(v) >= r,
        "required": lambda v, r: set(r) <= set(v),
    }  # fmt: skip
    for word, holds in checks.items():
        if word in rule and not holds(value, limit := rule.pop(word)):
            yield f"{at}: {value!r} breaks {word} {limit}"
        rule.pop(word, None)
    for name, inner in rule.pop("properties", {}).items():
        if name in value:
            yield from faults(value[name], inner, root, f"{at}.{name}")
            rule.setdefault("known", set()).add(name)
    known = rule.pop("known", set())
    if rule.pop("additionalProperties", True) is False:
        yield from (f"{at}.{name} is not known" for name in value if name not in known)
    for items in (rule.pop("items", None),):
        if items:
            for i, item in enumerate(value):
                yield from faults(item, items, root, f"{at}[{i}]")
    for i, inner in enumerate(rule.pop("prefixItems", [])):
        yield from faults(value[i], inner, root, f"{at}[{i}]")
    assert not rule, f"the schema uses {sorted(rule)}, which this test does not read"


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_fits_the_schema_of_its_task(name: str, schema: dict[str, Any]) -> None:
    spec = load_spec(name)
    rules = schema if isinstance(spec, AutoencoderSpec) else spec_schema(type(spec))
    assert list(faults(spec.model_dump(mode="json"), rules, rules)) == []


def test_what_a_prior_refuses_does_not_fit_its_schema() -> None:
    rules = spec_schema(PriorSpec)
    for path, value in (
        ("data.frames", 0), ("data.stride", "some"), ("data.kind", "digits"), ("prior.kind", "vq"), ("prior.depth", 0),
        ("parent", ""), ("bottleneck", {"kind": "vq"}), ("task", "autoencoder"),
    ):  # fmt: skip
        spoilt: Any = load_spec("masked-prior").model_dump(mode="json")
        *parents, last = path.split(".")
        node = spoilt
        for part in parents:
            node = node[part]
        node[last] = value
        assert list(faults(spoilt, rules, rules)), f"{path}={value} was let through"
    assert set(PRIORS.kinds) == {name.removeprefix("prior.") for name in rules["$defs"] if name.startswith("prior.")}
    assert list(references(rules))
    assert {r.removeprefix("#/$defs/") for r in references(rules)} <= set(rules["$defs"])


def test_what_the_spec_refuses_does_not_fit_the_schema(schema: dict[str, Any]) -> None:
    good = load_spec("p5-loops").model_dump(mode="json")
    for path, value in (
        ("engine.epochs", 0), ("engine.epoch", 3), ("bottleneck.kind", "vqq"), ("bottleneck.codes", 1),
        ("data.size", "28by28"), ("objective.mse.per", "row"), ("objective.zzz", {"weight": 1}), ("objective", {}),
        ("optimizer.lr", {"kind": "linear", "start": 1}), ("optimizer.lr", "fast"), ("decoder", None), ("seed", True),
    ):  # fmt: skip
        spoilt = load_spec("p5-loops").model_dump(mode="json")
        node = spoilt
        *parents, last = path.split(".")
        for part in parents:
            node = node[part]
        node[last] = value
        assert list(faults(spoilt, schema, schema)), f"{path}={value} was let through"
    assert list(faults(good, schema, schema)) == []


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def test_every_reference_leads_somewhere_and_every_kind_is_there(schema: dict[str, Any]) -> None:
    defs = schema["$defs"]
    assert {r.removeprefix("#/$defs/") for r in references(schema)} <= set(defs)
    for registry in REGISTRIES:
        for kind in registry.kinds:
            assert set(defs[f"{registry.section}.{kind}"]["properties"]) == set(registry.config(kind).model_fields)
    assert {f"schedule.{kind}" for kind in KINDS} <= set(defs)


def test_every_setting_has_a_description(schema: dict[str, Any]) -> None:
    for name, one in {"spec": schema, **schema["$defs"]}.items():
        for field, described in one.get("properties", {}).items():
            if field != "kind" and not (name == "spec" and field in schema["$defs"]):
                assert described.get("description") or "$ref" in described, f"{name}.{field} has no description"


def test_defaults_are_as_a_spec_writes_them(schema: dict[str, Any]) -> None:
    assert schema["$defs"]["data.digits"]["properties"]["size"]["default"] == "28x28"
    assert schema["$defs"]["objective.commitment"]["properties"]["weight"]["default"] == 0.25
    assert schema["$defs"]["schedule.linear"]["properties"]["warmup"]["default"] == "0 steps"
    assert schema["$defs"]["OptimizerSettings"]["properties"]["lr"]["default"] == 0.001


def test_the_page_of_settings_is_up_to_date() -> None:
    again = "run `uv run python -m tilework.spec.reference docs/spec-reference.md`"
    assert PAGE.is_file(), f"docs/spec-reference.md is missing; {again}"
    assert PAGE.read_text(encoding="utf-8") == reference_page(), f"docs/spec-reference.md is stale; {again}"
