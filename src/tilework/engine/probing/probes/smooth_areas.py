"""What a decoder prints where images are smooth."""

from __future__ import annotations

import torch

from tilework.engine.probing import contract
from tilework.engine.probing.contract import LEVELS, Measured
from tilework.engine.probing.drawing import rows, stretched
from tilework.engine.probing.smooth import SmoothAreas, fine_detail
from tilework.engine.probing.subject import Subject

FEWEST = 20
"""Smooth windows from which on something is reported of them."""
SEEN = 2.0 / LEVELS
"""A pattern whose root mean square is two grey levels can be seen in a plain area."""
STANDS_OUT = 4.0
"""Times the power of its neighbours that a frequency needs, to be a pattern and not noise: with the four free bins or more of a
window, noise comes to this in fewer than one of a hundred."""


class Probe(contract.Probe):
    """Windows of 3 x 3 tokens in which held-out images have nothing but a mean and a slope (2 grey levels besides, at most).

    - `windows`, `share`: how many there are, and of all.
    - `grid`: what the reconstruction has there that repeats from token to token, as a root mean square over all of them in grey
      levels; `grid_share`: windows in which it is 2 levels or more and stands out of its neighbours four times; `grid_most`: of
      the worst twentieth of windows.
    - `detail`, `detail_in`: fine detail of outputs and of images there, in grey levels of noise; `rough`: of images elsewhere.
    - `burnt`: share of windows with more than half of `rough`, and 3 levels more than the image has.
    - `error`: root mean square of the error there, and `error_all` everywhere, in grey levels.
    """

    order = 20

    def measure(self, subject: Subject) -> Measured:
        grid = subject.grid
        areas = SmoothAreas.of(grid, subject.held_out, subject.recon)
        values: dict[str, float | int] = {"windows": len(areas), "share": areas.share}
        if len(areas) < FEWEST:
            return Measured(values)
        error = areas.recon - areas.x
        rms, stands_out = grid.repeated(error)
        detail, own = fine_detail(areas.recon), fine_detail(areas.x)
        burnt = (
            (detail > areas.rough / 2) & (detail > own + 3 / LEVELS) if areas.rough else torch.zeros_like(detail) > 0
        )
        values |= {
            "grid": _rms(rms),
            "grid_share": float(((rms >= SEEN) & (stands_out >= STANDS_OUT)).float().mean()),
            "grid_most": float(rms.quantile(0.95)) * LEVELS,
            "detail": _rms(detail),
            "detail_in": _rms(own),
            "rough": areas.rough * LEVELS,
            "burnt": float(burnt.float().mean()),
            "error": _rms(error),
            "error_all": _rms(subject.recon - subject.held_out),
        }
        worst = (rms + detail).argsort(descending=True)
        return Measured(values, rows(areas.x[worst], areas.recon[worst], stretched(areas.recon[worst])))


def _rms(values: torch.Tensor) -> float:
    return float(values.square().mean().sqrt()) * LEVELS
