"""The shipped recipes by the task that they train."""

from __future__ import annotations

from tilework.spec.load import read_yaml, recipe_names, recipe_text
from tilework.spec.plugins import AUTOENCODER

_TASKS = {name: read_yaml(recipe_text(name), name).get("task", AUTOENCODER) for name in recipe_names()}
AUTOENCODERS = [name for name, task in _TASKS.items() if task == AUTOENCODER]
PRIORS = [name for name, task in _TASKS.items() if task == "prior"]
