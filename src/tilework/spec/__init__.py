"""What a run is, written down: recipes, overrides and defaults become one `RunSpec`.

Names are imported when they are asked for: listing recipes needs `tilework.spec.load` alone, and not pydantic's models.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilework.spec.autoencoder import AutoencoderSpec, Term
    from tilework.spec.load import dump_yaml, load_spec, recipe_names, recipe_text
    from tilework.spec.model import EngineSettings, OptimizerSettings, RunSpec
    from tilework.spec.paths import cache_folder
    from tilework.spec.plugins import (
        BLOCKS,
        BOTTLENECKS,
        DECODERS,
        ENCODERS,
        ORDERS,
        PRIORS,
        SOURCES,
        TASKS,
        TERMS,
        Plugin,
        Registry,
        Settings,
    )
    from tilework.spec.schedules import Constant, Plateau, Schedule, Scheduled
    from tilework.spec.setting import Setting
    from tilework.spec.types import ImageSize, Size

_PLACES = {
    "load": ("dump_yaml", "load_spec", "recipe_names", "recipe_text"),
    "autoencoder": ("AutoencoderSpec", "Term"),
    "model": ("EngineSettings", "OptimizerSettings", "RunSpec"),
    "places": ("cache_folder",),
    "plugins": (
        "BLOCKS",
        "BOTTLENECKS",
        "DECODERS",
        "ENCODERS",
        "ORDERS",
        "PRIORS",
        "SOURCES",
        "TASKS",
        "TERMS",
        "Plugin",
        "Registry",
        "Settings",
    ),
    "schedules": ("Constant", "Plateau", "Schedule", "Scheduled"),
    "setting": ("Setting",),
    "types": ("ImageSize", "Size"),
}
_HOME = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


__all__ = [
    "BLOCKS",
    "BOTTLENECKS",
    "DECODERS",
    "ENCODERS",
    "ORDERS",
    "PRIORS",
    "SOURCES",
    "TASKS",
    "TERMS",
    "AutoencoderSpec",
    "Constant",
    "EngineSettings",
    "ImageSize",
    "OptimizerSettings",
    "Plateau",
    "Plugin",
    "Registry",
    "RunSpec",
    "Schedule",
    "Scheduled",
    "Setting",
    "Settings",
    "Size",
    "Term",
    "cache_folder",
    "dump_yaml",
    "load_spec",
    "recipe_names",
    "recipe_text",
]
