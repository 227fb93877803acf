"""`section.key=value` overrides onto a raw spec, before anything is validated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tilework.errors import UserError
from tilework.spec.text import read_value

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Raw = dict[str, Any]


def apply_overrides(raw: Raw, overrides: Sequence[str]) -> Raw:
    """A new raw spec with the overrides applied in order; values are read by `read_value`.

    Changing a `kind` keeps the settings that the new kind has too and can take, and drops the rest. A number that stands
    for a mapping (a loss term's weight, a constant schedule) becomes that mapping when one of its keys is set.
    """
    try:
        raw = _own_copy(raw)
    except RecursionError:
        raise UserError(
            "the spec contains itself",
            why="an alias (*name) refers to a section that it is part of",
            fix="write that section out in place of the alias",
        ) from None
    _spell_out_terms(raw)
    for override in overrides:
        key, sep, text = override.partition("=")
        path = key.strip().split(".")
        if not sep or not all(part.strip() == part != "" for part in path):
            raise UserError(
                f"'{override}' is not an override",
                why="an override is section.key=value, without spaces around the sign",
                fix="write for example engine.epochs=20 or bottleneck.codes=512",
            )
        _set(raw, path, read_value(text))
        _spell_out_terms(raw)
    return raw


def _own_copy(value: Any) -> Any:
    """A copy without the sharing that YAML anchors make: setting a key of one section must not set it in its twin."""
    if isinstance(value, dict):
        return {k: _own_copy(v) for k, v in value.items()}
    return [_own_copy(v) for v in value] if isinstance(value, list) else value


def _spell_out_terms(raw: Raw) -> None:
    """`commitment: 0.25` and `commitment: {kind: linear, ...}` -> `commitment: {weight: ...}`."""
    terms = raw.get("objective")
    if isinstance(terms, dict):
        for name, value in terms.items():
            if value is not None:
                terms[name] = term_settings(value)


def term_settings(value: Any) -> Raw:
    """A loss term as it may be written (a number, a schedule, or its settings) -> its settings."""
    from tilework.spec.schedules import KINDS

    return value if isinstance(value, dict) and value.get("kind") not in KINDS else {"weight": value}


def _set(raw: Raw, path: list[str], value: Any) -> None:
    node = raw
    for depth, part in enumerate(path[:-1]):
        child = node.get(part)
        if child is None:
            child = {}
        elif isinstance(child, list):
            raise UserError(
                f"{'.'.join(path)} cannot be set: {'.'.join(path[: depth + 1])} is a list",
                why="an override cannot reach into a list",
                fix=f"give the whole list, {'.'.join(path[: depth + 1])}=[...]",
                field=".".join(path[: depth + 1]),
            )
        elif not isinstance(child, dict):
            # A word stands for a kind (`data: digits`), a number for a constant schedule; true and false for nothing.
            if isinstance(child, str):
                child = {"kind": child}
            else:
                child = {} if isinstance(child, bool) else {"kind": "constant", "value": child}
        node[part] = child
        node = child
    section, last = path[0], path[-1]
    if len(path) == 1 and isinstance(value, str) and isinstance(node.get(section), dict) and _registry(section):
        node, last = node[section], "kind"  # `bottleneck=fsq` is short for `bottleneck.kind=fsq`
        path = [section, "kind"]
    named = _registry(section).named(value) if path[1:] == ["kind"] and _registry(section) else None
    if named is not None:
        _stand_in(section, node, named)
        return
    if last == "kind" and node.get("kind") not in (None, value):
        kept = _kept_by(path, value, node)
        node.clear()
        node.update(kept)
    node[last] = value


def _stand_in(section: str, node: Raw, named: Raw) -> None:
    """`data=NAME` or `data=PATH`: the settings that are named, with the size and the colours of the recipe.

    The network was made for those, also where the recipe leaves them to its kind. Its split was made for its own images, so
    the other settings stay only where a path of the same kind takes the place of another.
    """
    registry, kind = _registry(section), node.get("kind")
    fields = registry.config(kind).model_fields if kind in registry.kinds else {}
    kept = {k: node.get(k, fields[k].default if k in fields else None) for k in ("size", "channels")}
    before = node if kind == named["kind"] else {}
    merged = {**before, **named, **{k: v for k, v in kept.items() if v is not None}}
    node.clear()
    node.update(merged)


def _registry(section: str) -> Any:
    from tilework.spec import plugins

    return next((r for r in plugins.SECTIONS if r.section == section and section != "objective"), None)


def _kept_by(path: list[str], kind: Any, old: Raw) -> Raw:
    """What of the settings at `path` (which ends in `kind`) the new kind has too."""
    from tilework.spec.schedules import KINDS

    registry = _registry(path[0])
    if registry and len(path) == 2:
        if kind not in registry.kinds:
            return dict(old)  # refused later, with the file's name
        fields = registry.config(kind).model_fields
        before = registry.config(old["kind"]).model_fields if old.get("kind") in registry.kinds else fields
        # The same name need not be the same thing: residual levels are a number, those of FSQ a list.
        fields = {k: f for k, f in fields.items() if k not in before or _goes_over(old.get(k), before[k], f)}
    elif len(path) > 2 or path[0] == "optimizer":
        if not (isinstance(kind, str) and kind in KINDS and old.get("kind") in KINDS):
            return dict(old)
        fields = KINDS[kind].model_fields
        if "value" in old and "start" in fields:
            old = {"start": old["value"], **old}
        elif "start" in old and "value" in fields:
            old = {"value": old["start"], **old}
    else:
        return dict(old)
    return {k: v for k, v in old.items() if k in fields and k != "kind"}


def _goes_over(value: Any, before: FieldInfo, after: FieldInfo) -> bool:
    """Whether a value of the one field may stand in the other. One that is wrong in both stays, so that it is
    reported."""
    if before.annotation == after.annotation and before.metadata == after.metadata:
        return True
    return _takes(after, value) or (before.annotation == after.annotation and not _takes(before, value))


def _takes(field: FieldInfo, value: Any) -> bool:
    """Whether a field's type and bounds accept a value."""
    from typing import Annotated

    from pydantic import TypeAdapter, ValidationError

    wanted: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    try:
        TypeAdapter(wanted).validate_python(value)
    except ValidationError:
        return False
    return True
