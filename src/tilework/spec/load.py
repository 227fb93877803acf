"""From a recipe's name or a YAML file, and `section.key=value` overrides, to a validated RunSpec."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilework.errors import UserError
from tilework.spec.explain import WrongSpec, problems_of
from tilework.spec.overrides import apply_overrides
from tilework.spec.problems import Fault, Problem, problems
from tilework.spec.text import read_yaml, write_yaml

if TYPE_CHECKING:
    from tilework.spec.model import RunSpec

__all__ = ["apply_overrides", "dump_yaml", "load_spec", "parse_spec", "read_yaml", "recipe_names", "recipe_text"]


def recipe_names() -> list[str]:
    """Names of the shipped recipes."""
    folder = resources.files("tilework.recipes")
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


def recipe_text(name: str) -> str:
    """The YAML of a shipped recipe as it is written. Raises UserError for a name that does not exist."""
    names = recipe_names()
    if name not in names:
        close = difflib.get_close_matches(name.lower(), names, n=1)
        raise UserError(
            f"there is no recipe '{name}'",
            why="it is neither a shipped recipe nor a YAML file that exists",
            fix=f"did you mean {close[0]}? `tilework recipes` lists all" if close else "`tilework recipes` lists all",
        )
    return (resources.files("tilework.recipes") / f"{name}.yaml").read_text(encoding="utf-8")


def _source_of(recipe_or_file: str) -> tuple[str, str]:
    path = Path(recipe_or_file).expanduser()
    if recipe_or_file in recipe_names():
        return recipe_text(recipe_or_file), recipe_or_file
    if path.is_dir():
        inside = path / "spec.yaml"
        raise UserError(
            f"{path} is a folder, not a spec",
            why="it is the folder of a run" if inside.is_file() else "a spec is one YAML file",
            fix=f"give {inside} to start anew from its spec, or `tilework resume {path}` to go on with it"
            if inside.is_file()
            else f"to have a spec made for what is in it: tilework suggest {path}",
        )
    if path.suffix not in {".yaml", ".yml"} and not path.is_file():
        return recipe_text(recipe_or_file), recipe_or_file
    try:
        return path.read_bytes().decode("utf-8-sig"), str(path)
    except FileNotFoundError:
        raise UserError(
            f"there is no file {path}", why="the path does not exist", fix="`tilework recipes` lists what is shipped"
        ) from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not a text file",
            why=f"byte {error.start} is not UTF-8",
            fix="give a YAML file saved as UTF-8",
        ) from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be read", why=error.strerror or str(error), fix="give a YAML file that you may read"
        ) from None


def load_spec(recipe_or_file: str, overrides: Sequence[str] = ()) -> RunSpec:
    """A shipped recipe or a YAML file, with overrides, as a validated RunSpec.

    Raises UserError naming the first few wrong fields, each with the reason and, for an unknown key, the nearest known one.
    """
    text, where = _source_of(recipe_or_file)
    return parse_spec(apply_overrides(read_yaml(text, where), overrides), where)


def parse_spec(raw: dict[str, Any], where: str = "spec") -> RunSpec:
    """A raw mapping as the validated spec of its task; see `load_spec`."""
    from pydantic import ValidationError

    from tilework.spec.tasks import spec_class

    try:
        kind = spec_class(raw)
    except UserError as error:
        raise _somewhere(error, where) from None
    try:
        return kind.model_validate(raw)
    except ValidationError:
        _refuse_sections_of_other_tasks(raw, kind, where)
        raise _wrong(raw, kind, where) from None
    except UserError:
        raise _wrong(raw, kind, where) from None


def _wrong(raw: dict[str, Any], kind: type[RunSpec], where: str) -> UserError:
    """Everything that is wrong with a raw spec. A section that finds its own faults ends the reading with them, so the rest is
    read once more without it."""
    from pydantic import ValidationError

    refused: list[UserError] = []
    rest: list[Problem] = []
    left = dict(raw)
    while True:
        try:
            kind.model_validate(left)
        except ValidationError as error:
            # What was taken out is not missing.
            taken = raw.keys() - left.keys()
            rest = [p for p in problems(error, kind) if not (p.fault is Fault.MISSING and p.field in taken)]
        except UserError as error:
            refused.append(error)
            if left.pop(error.field.split(".")[0], None) is not None:
                continue
        break
    if len(refused) == 1 and not rest:
        return _somewhere(refused[0], where)  # all of it in one section, which gives the reason
    found = [one for error in refused for one in problems_of(error)] + rest
    why = "a setting is misspelt, missing, or has a value that it cannot take; docs/spec-reference.md lists them all"
    return WrongSpec(found, where=where, why=why)


def _somewhere(error: UserError, where: str) -> UserError:
    """The same with the name of the file before it."""
    if isinstance(error, WrongSpec):
        return WrongSpec(error.problems, where=where, why=error.why)
    return UserError(f"{where}: {error.what}", why=error.why, fix=error.fix, field=error.field)


def _refuse_sections_of_other_tasks(raw: dict[str, Any], kind: type[RunSpec], where: str) -> None:
    from tilework.spec.plugins import AUTOENCODER
    from tilework.spec.tasks import sections_elsewhere

    for section, task in sections_elsewhere(raw, kind).items():
        own = raw.get("task", AUTOENCODER)
        raise UserError(
            f"{where}: {section} is a section of the task {task}, and this spec is of the task {own}",
            why="a spec has the sections that its task names",
            fix=f"write task: {task}, or remove {section}",
            field=section,
        )


def dump_yaml(spec: RunSpec) -> str:
    """The spec as YAML with every default written out; `parse_spec(read_yaml(...))` gives an equal spec."""
    return write_yaml(spec.model_dump(mode="json"))
