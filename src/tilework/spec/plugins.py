"""Plug-ins by file name: `kind: vq` is the file `bottlenecks/vq.py`, and adding a file adds a kind.

The spec never imports a plug-in package at import time: a kind's file is imported when a spec names it, so that listing
runs and recipes needs neither torch nor Pillow. Sub-packages of a plug-in package (and a file named `contract`) are
shared code, not kinds.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import pkgutil
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import ModuleType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tilework.errors import UserError
from tilework.spec.explain import WrongSpec
from tilework.spec.problems import KINDS_OF, problems
from tilework.spec.text import read_value


class Settings(BaseModel):
    """A section of a spec: unknown keys are refused, values never change after they are read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _plain_values(cls, raw: Any) -> Any:
        """`true` is no number (pydantic would read 1), and `32, 64` is a list wherever a list is wanted."""
        if not isinstance(raw, dict):
            return raw
        read = dict(raw)
        for name, value in raw.items():
            field = cls.model_fields.get(name)
            if field is None:
                continue
            if (
                isinstance(value, bool)
                and _takes(field.annotation, {int, float})
                and not _takes(field.annotation, {bool})
            ):
                read[name] = "true" if value else "false"  # refused as text, under the field's own name
            elif (
                isinstance(value, str)
                and "," in value
                and _is_list(field.annotation)
                and not _is_text(field.annotation)
            ):
                read[name] = [read_value(part) for part in value.split(",")]
        return read


def _takes(annotation: Any, types: set[type]) -> bool:
    return annotation in types or any(
        _takes(a, types) for a in get_args(annotation) if get_origin(annotation) is not Literal
    )


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in {Annotated, Union, UnionType}:
        return any(_is_list(a) for a in get_args(annotation))
    return origin in {tuple, list}


def _is_text(annotation: Any) -> bool:
    """Whether text as it is will do: a path may have a comma in it."""
    if get_origin(annotation) in {Annotated, Union, UnionType}:
        return any(_is_text(a) for a in get_args(annotation))
    return annotation is str


class Plugin(Settings):
    """The settings of one plug-in; every plug-in file has one subclass of this, named `Config`."""

    kind: str = Field(description="which plug-in of this section to use")


AUTOENCODER = "autoencoder"
"""The task of a spec that names none."""

_MEANT = {("data", word): "images" for word in ("folder", "folders", "directory", "dir", "files", "pictures", "photos")}
"""Words that people try for a kind, section by section."""


@dataclass(frozen=True)
class Registry:
    """The kinds of one section of the spec."""

    section: str
    package: str
    catalogue: str = ""
    """Module with `settings_of(word)` and `names()`: words other than a kind's name that stand for whole settings."""
    extra: dict[str, ModuleType] = field(default_factory=dict)
    """Kinds from outside the package, by name."""

    def add(self, kind: str, module: ModuleType) -> None:
        """Take a module from elsewhere as the file of `kind`, for as long as this process lives. Raises ValueError for a name
        that is taken by another."""
        if kind in self.shipped or self.extra.get(kind, module) is not module:
            raise ValueError(f"{self.section} has a kind {kind} already")
        self.extra[kind] = module

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of all kinds."""
        return tuple(sorted((*self.shipped, *self.extra))) if self.extra else self.shipped

    def module(self, kind: str) -> ModuleType:
        """The file of one kind, imported."""
        return self.extra[kind] if kind in self.extra else importlib.import_module(f"{self.package}.{kind}")

    def named(self, word: Any) -> dict[str, Any] | None:
        """The settings that a word stands for which is no kind: a data set's name, or a path. None where it stands for none."""
        if not self.catalogue or not isinstance(word, str) or word in self.kinds:
            return None
        found: dict[str, Any] | None = importlib.import_module(self.catalogue).settings_of(word)
        return found

    def sets(self) -> dict[str, dict[str, Any] | UserError]:
        """The settings that each name in the catalogue stands for, or why it cannot be read."""
        found: dict[str, dict[str, Any] | UserError] = {}
        for name in importlib.import_module(self.catalogue).names() if self.catalogue else ():
            try:
                found[name] = self.named(name) or {}
            except UserError as error:
                found[name] = error
        return found

    @cached_property
    def shipped(self) -> tuple[str, ...]:
        """Names of the kinds in the package, found from file names without importing any."""
        # The folder is worked out from the root package: asking for `a.b.c` itself would import `a.b`, and torch with it.
        root, *rest = self.package.split(".")
        found = importlib.util.find_spec(root)
        if found is None or found.submodule_search_locations is None:
            raise ModuleNotFoundError(self.package)
        folders = [os.path.join(place, *rest) for place in found.submodule_search_locations]
        names = (m.name for m in pkgutil.iter_modules(folders) if not m.ispkg)
        return tuple(sorted(n for n in names if n != "contract" and not n.startswith("_")))

    def config(self, kind: str) -> type[Plugin]:
        """The `Config` class of one kind (imports its file)."""
        if kind not in self.kinds:
            named = str(kind).lower()
            sets = importlib.import_module(self.catalogue).names() if self.catalogue else []
            close = difflib.get_close_matches(_MEANT.get((self.section, named), named), [*self.kinds, *sets], n=1)
            term = self.section == "objective"
            what = "loss term" if term else "kind"
            raise UserError(
                f"{self.section}: there is no {what} '{kind}'",
                why=f"the {'terms' if term else 'kinds'} are {', '.join(self.kinds)}"
                + (f"; the data sets are {', '.join(sets)}" if sets else ""),
                fix="check the spelling of the path"
                if self.catalogue and "/" in named
                else f"write {close[0]}"
                if close
                else f"choose one of {', '.join(self.kinds)}",
                field=self.section,
            )
        config: type[Plugin] = self.module(kind).Config
        return config

    def parse(self, raw: Any) -> Plugin:
        """One section as written in YAML -> its validated settings."""
        if isinstance(raw, Plugin):
            return raw
        if isinstance(raw, str):
            raw = {"kind": raw}
        if not isinstance(raw, dict) or raw.get("kind") is None:
            keys = f"only {', '.join(map(str, raw))}" if isinstance(raw, dict) and raw else "nothing"
            given = keys if raw is None or isinstance(raw, dict) else repr(raw)
            raise UserError(
                f"{self.section} needs a kind",
                why=f"{given} was given",
                fix=f"write {self.section}.kind=... with one of {', '.join(self.kinds)}",
                field=self.section,
            )
        named = self.named(raw["kind"])
        if named is not None:
            raw = {**named, **{key: value for key, value in raw.items() if key != "kind"}}
        config = self.config(raw["kind"])
        try:
            return config.model_validate(raw)
        except ValidationError as error:
            term = self.section == "objective"
            section = f"objective.{raw['kind']}" if term else self.section
            owner = section if term else f"{section} of kind {raw['kind']}"
            why = f"that is not what {owner} accepts"
            raise WrongSpec(problems(error, config, section), why=why) from None


SOURCES = Registry("data", "tilework.data.sources", "tilework.data.catalogue.sets")
ENCODERS = Registry("encoder", "tilework.nets.encoders")
DECODERS = Registry("decoder", "tilework.nets.decoders")
BOTTLENECKS = Registry("bottleneck", "tilework.bottlenecks")
TERMS = Registry("objective", "tilework.objective")
BLOCKS = Registry("block", "tilework.nets.blocks")
"""Not a section: a word inside `encoder` and `decoder`."""
REGISTRIES = (SOURCES, ENCODERS, BOTTLENECKS, DECODERS, TERMS)
TASKS = Registry("task", "tilework.engine.tasks")
"""A task is a file with a class `Task`; `tilework.spec.tasks` reads its spec."""
PRIORS = Registry("prior", "tilework.priors")
SECTIONS = (*REGISTRIES, PRIORS)
"""Every section of any task's spec that has kinds. REGISTRIES are those of an autoencoder."""
KINDS_OF.update({one.section: partial(getattr, one, "kinds") for one in SECTIONS})
ORDERS = Registry("order", "tilework.priors.orders")
CHECKS = Registry("check", "tilework.engine.preflight.checks")
"""The checks before a run. Not a section: what `known_faults` may name."""
