"""Draws web/src/recipes/NAME.png for every recipe whose images the program draws itself, or that has scikit-learn's digits:
some of them side by side, as it trains on them. Other images are no part of the repository.

Run in the repository, after a recipe or a drawing has changed: .venv/bin/python web/dev/recipe_thumbs.py
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.data import SourceConfig
from tilework.spec import AutoencoderSpec
from tilework.spec.load import load_spec, recipe_names, recipe_text
from tilework.spec.shipped import needs
from tilework.spec.text import read_yaml

FOLDER = Path(__file__).parents[1] / "src/recipes"
COLUMNS, ROWS = 8, 2
MOST_PIXELS = 48
"""Of one image, on its longer side: larger ones are reduced."""


def recipes() -> list[str]:
    """The recipes of drawn images, and of the digits that come with scikit-learn."""
    ready = [name for name in recipe_names() if not needs(read_yaml(recipe_text(name), name))]
    return [
        name for name in ready if getattr(getattr(load_spec(name), "data", None), "kind", "") in {"loops", "digits"}
    ]


def images(source: SourceConfig) -> list[NDArray[np.uint8]]:
    """Some of its images, (H, W, C) each, spread over what it gives; of animations a few frames of each."""
    few = {"frames": 4, "variants": 1} if source.kind == "loops" else {}
    source = source.model_copy(update=few)
    items = list(islice(source.items(), 40))
    chosen = np.linspace(0, len(items) - 1, COLUMNS * ROWS).round().astype(int)
    return [items[at].pixels for at in chosen]


def sheet(name: str) -> Image.Image:
    """The images of a recipe, in rows."""
    spec = load_spec(name)
    assert isinstance(spec, AutoencoderSpec)
    found = np.stack(images(spec.data))
    high, wide, channels = found.shape[1:]
    rows = found.reshape(ROWS, COLUMNS, high, wide, channels).transpose(0, 2, 1, 3, 4)
    whole = Image.fromarray(rows.reshape(ROWS * high, COLUMNS * wide, channels).squeeze())
    by = min(1.0, MOST_PIXELS / max(high, wide))
    return whole if by == 1 else whole.resize((round(whole.width * by), round(whole.height * by)), Image.Resampling.BOX)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in recipes():
        sheet(name).save(FOLDER / f"{name}.png", optimize=True)
