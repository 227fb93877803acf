"""Dreaming: new images and motion from a prior over the tokens of an autoencoder, or from its latent space.

    from tilework import dream

    dreamer = dream.open_dreamer("last")                 # the newest run of a prior, with its autoencoder
    dream.images(dreamer, 16, label="3").save("threes.png")
    dream.motion(dreamer, 180).save("loop.gif")          # of a prior of clips
    dream.repaint(dreamer, "validation:0", dream.Rectangle(8, 8, 16, 16))  # in a notebook it shows itself

The same seed gives the same dream. Every one reports how near it is to the training images.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilework.dream.continuous import from_latents
    from tilework.dream.joining import between, morph
    from tilework.dream.made import Dreamed
    from tilework.dream.moving import motion
    from tilework.dream.opened import Dreamer
    from tilework.dream.opening import open_dreamer
    from tilework.dream.repainting import Rectangle, repaint
    from tilework.dream.stills import images
    from tilework.dream.walking import latent_walk

# Imported when first used, as in `tilework.explore`. No module has the name of a function: it would take its place.
_WHERE = {
    "continuous": ("from_latents",),
    "joining": ("between", "morph"),
    "made": ("Dreamed",),
    "moving": ("motion",),
    "opened": ("Dreamer",),
    "opening": ("open_dreamer",),
    "repainting": ("Rectangle", "repaint"),
    "stills": ("images",),
    "walking": ("latent_walk",),
}
_HOME = {name: home for home, names in _WHERE.items() for name in names}
__all__ = [
    "Dreamed",
    "Dreamer",
    "Rectangle",
    "between",
    "from_latents",
    "images",
    "latent_walk",
    "morph",
    "motion",
    "open_dreamer",
    "repaint",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"tilework.dream.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
