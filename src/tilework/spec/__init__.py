"""What a run is, written down: recipes, overrides and defaults become one `RunSpec`."""

from tilework.spec.load import dump_yaml, load_spec, recipe_names, recipe_text
from tilework.spec.model import EngineSettings, OptimizerSettings, RunSpec, Term
from tilework.spec.plugins import BOTTLENECKS, DECODERS, ENCODERS, SOURCES, TERMS, Plugin, Registry, Settings
from tilework.spec.schedules import Constant, Plateau, Schedule, Scheduled
from tilework.spec.types import PictureSize, Size

__all__ = [
    "BOTTLENECKS",
    "DECODERS",
    "ENCODERS",
    "SOURCES",
    "TERMS",
    "Constant",
    "EngineSettings",
    "OptimizerSettings",
    "PictureSize",
    "Plateau",
    "Plugin",
    "Registry",
    "RunSpec",
    "Schedule",
    "Scheduled",
    "Settings",
    "Size",
    "Term",
    "dump_yaml",
    "load_spec",
    "recipe_names",
    "recipe_text",
]
