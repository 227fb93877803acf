"""Exploring what a model has learned: pure functions on an opened model, used by Python, the shell and the studio alike.

    from tilework import explore

    opened = explore.open_model("last")                       # the newest run's best checkpoint, with its images
    explore.sample(opened, explore.prior(16)).save("prior.png")
    explore.sample(opened, ["seed:3", "validation:0;1=2.5"])  # in a notebook it shows itself
    explore.traverse(opened, "validation:0").save("dimensions.html")
    explore.atlas(opened).save("codes.html")                  # of a model with tokens
    explore.walk(opened, ["validation:0", "validation:1"], loop=True).save("walk.mp4")

Where a point of the latent space is asked for, a line of text names it; `tilework.explore.points` defines how it is
written.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilework.explore.dimensions import statistics
    from tilework.explore.directions import label_means, principal
    from tilework.explore.encoded import encode
    from tilework.explore.map import map_of, nearest, search
    from tilework.explore.opened import Images, Opened, open_model
    from tilework.explore.points import Point, parse
    from tilework.explore.sampling import prior, sample
    from tilework.explore.traversal import plane, traverse
    from tilework.explore.walking import walk

# Imported when first used: to read a point needs no torch. No module has the name of a function: it would take its place.
_WHERE = {
    "code_atlas": ("code",),
    "shown_atlas": ("atlas",),
    "code_vectors": ("similar",),
    "compare": ("same_image", "same_point", "same_tokens"),
    "counted": ("token_set",),
    "edits": ("copy_region", "fill", "set_cells"),
    "reach": ("field", "receptive"),
    "token_grid": ("Region",),
    "shown_tokens": ("tokens",),
    "token_images": ("levels", "paint"),
    "directions": ("label_means", "principal"),
    "encoded": ("encode",),
    "map": ("map_of", "nearest", "search"),
    "opened": ("Images", "Opened", "open_model"),
    "points": ("Point", "parse"),
    "sampling": ("prior", "sample"),
    "dimensions": ("statistics",),
    "traversal": ("plane", "traverse"),
    "walking": ("walk",),
}
_HOME = {name: home for home, names in _WHERE.items() for name in names}
__all__ = [
    "Images",
    "Opened",
    "Point",
    "Region",
    "atlas",
    "code",
    "copy_region",
    "encode",
    "field",
    "fill",
    "label_means",
    "levels",
    "map_of",
    "nearest",
    "open_model",
    "paint",
    "parse",
    "plane",
    "principal",
    "prior",
    "receptive",
    "same_image",
    "same_point",
    "same_tokens",
    "sample",
    "search",
    "set_cells",
    "similar",
    "statistics",
    "token_set",
    "tokens",
    "traverse",
    "walk",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"tilework.explore.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
