"""Plug-ins by file name: `kind: vq` is the file `bottlenecks/vq.py`, and adding a file adds a kind.

The spec never imports a plug-in package at import time: a kind's file is imported when a spec names it, so that listing
runs and recipes needs neither torch nor Pillow. Sub-packages of a plug-in package (and a file named `contract`) are
shared code, not kinds.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tilework.errors import UserError
from tilework.spec.explain import problems


class Settings(BaseModel):
    """A section of a spec: unknown keys are refused, values never change after they are read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class Plugin(Settings):
    """The settings of one plug-in; every plug-in file has one subclass of this, named `Config`."""

    kind: str = Field(description="which plug-in of this section to use")


@dataclass(frozen=True)
class Registry:
    """The kinds of one section of the spec."""

    section: str
    package: str

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Names of all kinds, found from file names without importing any."""
        found = importlib.util.find_spec(self.package)
        if found is None or found.submodule_search_locations is None:
            raise ModuleNotFoundError(self.package)
        modules = pkgutil.iter_modules(list(found.submodule_search_locations))
        return tuple(sorted(m.name for m in modules if not m.ispkg and m.name != "contract"))

    def config(self, kind: str) -> type[Plugin]:
        """The `Config` class of one kind (imports its file)."""
        if kind not in self.kinds:
            close = difflib.get_close_matches(str(kind), self.kinds, n=1)
            raise UserError(
                f"{self.section}: there is no kind '{kind}'",
                why=f"the kinds are {', '.join(self.kinds)}",
                fix=f"write {close[0]}" if close else f"choose one of {', '.join(self.kinds)}",
            )
        config: type[Plugin] = importlib.import_module(f"{self.package}.{kind}").Config
        return config

    def parse(self, raw: Any) -> Plugin:
        """One section as written in YAML -> its validated settings."""
        if isinstance(raw, Plugin):
            return raw
        if isinstance(raw, str):
            raw = {"kind": raw}
        if not isinstance(raw, dict) or "kind" not in raw:
            raise UserError(
                f"{self.section} needs a kind",
                why=f"it was given as {raw!r}",
                fix=f"write {self.section}.kind=... with one of {', '.join(self.kinds)}",
            )
        config = self.config(raw["kind"])
        try:
            return config.model_validate(raw)
        except ValidationError as error:
            section = f"objective.{raw['kind']}" if self.section == "objective" else self.section
            raise UserError(
                "; ".join(list(problems(error, config.model_fields, section))[:4]),
                why=f"that is not a setting that {self.section} of kind {raw['kind']} accepts",
                fix=f"its settings are {', '.join(k for k in config.model_fields if k != 'kind')}",
            ) from None


SOURCES = Registry("data", "tilework.data.sources")
ENCODERS = Registry("encoder", "tilework.nets.encoders")
DECODERS = Registry("decoder", "tilework.nets.decoders")
BOTTLENECKS = Registry("bottleneck", "tilework.bottlenecks")
TERMS = Registry("objective", "tilework.objective")
