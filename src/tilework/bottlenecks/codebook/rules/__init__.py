"""How codes learn, one file per rule: `codebook: ema` is `rules/ema.py`, whose `Rule` is the codebook that learns so."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tilework.bottlenecks.codebook.book import Codebook

NAMES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
"""All rules, found from file names without importing any."""


def rule(name: str) -> type[Codebook]:
    """The codebook that learns by the rule `name`, one of `NAMES`."""
    found: type[Codebook] = importlib.import_module(f"{__name__}.{name}").Rule
    return found
