"""Whether outputs have the values, and differ as much, as images do."""

from __future__ import annotations

from torch import Tensor

from tilework.engine.probing import contract
from tilework.engine.probing.contract import Measured
from tilework.engine.probing.drawing import rows
from tilework.engine.probing.subject import Subject

AT = 1e-3
"""How near to its lowest or highest value an output counts as lying at it."""
BEYOND = 0.05
"""How far beyond an output's extreme value an image must be to count as out of reach: 13 grey levels."""


class Probe(contract.Probe):
    """Values of held-out images and of their reconstructions, on [0, 1].

    - `low`, `high`, `data_low`, `data_high`: the smallest and largest of each.
    - `at_low`, `at_high`: share of outputs at their smallest or largest value; `under`, `over`: share of image values that lie
      more than 0.05 beyond it.
    - `unlike_low`, `unlike_high`: standard deviation of the images where outputs lie there: 0 where they are all alike.
    - `outside`: share of outputs below -0.05 or above 1.05, which are cut when an image is written.
    - `spread`, `data_spread`: standard deviation over everything; `between`, `data_between`: over images, as a root mean over
      pixels: 0 where every image becomes the same one; `within`: over the pixels of one output; `mean`: of outputs.
    """

    order = 10

    def measure(self, subject: Subject) -> Measured:
        x, y = subject.held_out, subject.recon
        low, high = float(y.min()), float(y.max())
        values = {
            "low": low,
            "high": high,
            "data_low": float(x.min()),
            "data_high": float(x.max()),
            "at_low": _share(y <= low + AT),
            "at_high": _share(y >= high - AT),
            "unlike_low": _spread(x[y <= low + AT]),
            "unlike_high": _spread(x[y >= high - AT]),
            "under": _share(x < low - BEYOND),
            "over": _share(x > high + BEYOND),
            "outside": _share((y < -BEYOND) | (y > 1 + BEYOND)),
            "mean": float(y.mean()),
            "spread": float(y.std()),
            "data_spread": float(x.std()),
            "between": _between(y),
            "data_between": _between(x),
            "within": float(y.flatten(1).var(1).mean().sqrt()),
            "images": len(x),
        }
        return Measured(values, rows(x, y))


def _share(mask: Tensor) -> float:
    return float(mask.float().mean())


def _spread(values: Tensor) -> float:
    return float(values.std()) if values.numel() > 1 else 0.0


def _between(images: Tensor) -> float:
    return float(images.var(0).mean().sqrt()) if len(images) > 1 else 0.0
