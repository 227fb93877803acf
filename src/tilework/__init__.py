"""tilework: a workbench for image autoencoders (VAE, beta-VAE, VQ-VAE, residual VQ, FSQ).

The Python interface is `load`, `train`, `resume` and `recipe`, and `explore` for what a model has learned:

    run = tilework.train("rqvae-digits", "engine.epochs=5")
    model = tilework.load(run)
    codes = model.codes(images)          # (B, C, H, W) in [0, 1] -> (B, Q, h, w)
    images = model.decode(codes)
    opened = tilework.explore.open_model(run)
    tilework.explore.sample(opened, ["seed:3", "validation:0;1=2.5"]).save("points.png")
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilework.engine.api import Model, load, recipe, resume, train

__version__ = metadata.version("tilework")
__all__ = ["Model", "__version__", "explore", "load", "recipe", "resume", "train"]


def __getattr__(name: str) -> Any:
    # Imported when first used: `import tilework` alone costs no torch.
    if name in {"Model", "load", "recipe", "resume", "train"}:
        from tilework.engine import api

        return getattr(api, name)
    if name == "explore":
        from importlib import import_module

        return import_module("tilework.explore")
    raise AttributeError(f"module 'tilework' has no attribute '{name}'")
