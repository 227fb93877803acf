"""From a recipe's name or a YAML file, and `section.key=value` overrides, to a validated RunSpec."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tilework.errors import UserError
from tilework.spec.explain import problems

if TYPE_CHECKING:
    from pydantic import ValidationError

    from tilework.spec.model import RunSpec


class _Loader(yaml.SafeLoader):
    """Safe YAML that reads 1e-4 as a number, as every other language does (YAML 1.1 reads it as text)."""


_Loader.yaml_implicit_resolvers = {k: list(v) for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def recipe_names() -> list[str]:
    """Names of the shipped recipes."""
    folder = resources.files("tilework.recipes")
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


def recipe_text(name: str) -> str:
    """The YAML of a shipped recipe as it is written. Raises UserError for a name that does not exist."""
    names = recipe_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        raise UserError(
            f"there is no recipe '{name}'",
            why="it is neither a shipped recipe nor a YAML file that exists",
            fix=f"did you mean {close[0]}? `tilework recipes` lists all" if close else "`tilework recipes` lists all",
        )
    return (resources.files("tilework.recipes") / f"{name}.yaml").read_text(encoding="utf-8")


def read_yaml(text: str, where: str) -> dict[str, Any]:
    """YAML text -> mapping, or a UserError that names the line."""
    try:
        raw = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise UserError(f"{where}{line}: {problem}", why="the file is not valid YAML", fix="mend that line") from None
    if not isinstance(raw, dict):
        raise UserError(
            f"{where} holds no settings",
            why="a spec is a mapping of sections",
            fix="start from `tilework recipes show NAME`",
        )
    return raw


def _source_of(recipe_or_file: str) -> tuple[str, str]:
    path = Path(recipe_or_file)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        try:
            return path.read_text(encoding="utf-8"), str(path)
        except FileNotFoundError:
            raise UserError(
                f"there is no file {path}",
                why="the path does not exist",
                fix="`tilework recipes` lists what is shipped",
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} cannot be read", why=str(error), fix="give a readable YAML file") from None
    return recipe_text(recipe_or_file), recipe_or_file


def apply_overrides(raw: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """`section.key=value` strings onto a raw spec; values are read as YAML. Changing a `kind` drops the old kind's settings,
    but keeps those of the same override list and the keys that the new kind has too."""
    for override in overrides:
        key, sep, text = override.partition("=")
        path = key.strip().split(".")
        if not sep or not all(path):
            raise UserError(
                f"'{override}' is not an override",
                why="an override is section.key=value",
                fix="for example engine.epochs=20 or bottleneck.codes=512",
            )
        try:
            value = yaml.load(text, Loader=_Loader) if text.strip() else None
        except yaml.YAMLError:
            value = text
        node = raw
        for depth, part in enumerate(path[:-1]):
            child = node.get(part)
            if child is None:
                child = {}
            elif not isinstance(child, dict):
                # `objective.mse: 1.0` is short for a term with that weight; other scalars have no keys.
                if path[0] == "objective" and depth == 1:
                    child = {"weight": child}
                else:
                    child = {"kind": "constant", "value": child} if isinstance(child, (int, float)) else {}
            node[part] = child
            node = child
        if path[-1] == "kind" and len(path) == 2 and node.get("kind") not in (None, value):
            node = raw[path[0]] = _kept_by(path[0], value, node)
        node[path[-1]] = value
    return raw


def _kept_by(section: str, kind: Any, old: dict[str, Any]) -> dict[str, Any]:
    """What of a section's settings the new kind has too."""
    from tilework.spec import plugins

    registries = {r.section: r for r in (plugins.SOURCES, plugins.ENCODERS, plugins.DECODERS, plugins.BOTTLENECKS)}
    if section not in registries:
        return dict(old)
    fields = registries[section].config(kind).model_fields
    return {k: v for k, v in old.items() if k in fields and k != "kind"}


def load_spec(recipe_or_file: str, overrides: Sequence[str] = ()) -> RunSpec:
    """A shipped recipe or a YAML file, with overrides, as a validated RunSpec.

    Raises UserError naming the first few wrong fields, each with the reason and, for an unknown key, the nearest known one.
    """
    text, where = _source_of(recipe_or_file)
    return parse_spec(apply_overrides(read_yaml(text, where), overrides), where)


def parse_spec(raw: dict[str, Any], where: str = "spec") -> RunSpec:
    """A raw mapping as a validated RunSpec; see `load_spec`."""
    from pydantic import ValidationError

    from tilework.spec.model import RunSpec

    try:
        return RunSpec.model_validate(raw)
    except ValidationError as error:
        raise _explain(error, where) from None


def _explain(error: ValidationError, where: str) -> UserError:
    from tilework.spec.model import EngineSettings, OptimizerSettings, RunSpec

    known = {name for m in (RunSpec, EngineSettings, OptimizerSettings) for name in m.model_fields}
    found = list(problems(error, known))
    shown = "; ".join(found[:4]) + (f"; and {len(found) - 4} more" if len(found) > 4 else "")
    return UserError(
        f"{where}: {shown}",
        why="the spec does not fit what this version of tilework understands",
        fix="correct the field named above; `tilework recipes show NAME` shows a whole spec",
    )


def dump_yaml(spec: RunSpec) -> str:
    """The spec as YAML with every default written out; `parse_spec(read_yaml(...))` gives an equal spec."""
    return yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)
