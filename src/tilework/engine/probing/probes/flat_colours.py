"""Images of one colour, and what comes back of them."""

from __future__ import annotations

from tilework.engine.probing import contract
from tilework.engine.probing.contract import LEVELS, Measured
from tilework.engine.probing.drawing import rows, stretched
from tilework.engine.probing.left_out import NotApplicable
from tilework.engine.probing.smooth import colours, fine_detail
from tilework.engine.probing.subject import Subject

COLOURS = 8


class Probe(contract.Probe):
    """Up to eight images of one colour each, of colours that smooth areas of training images have: others were never learned,
    and what a model makes of them means nothing.

    - `colours`: how many.
    - `grid`: what repeats from token to token, as a root mean square in grey levels, away from the border; `grid_most`: of the
      worst colour; `stands_out`: its frequencies against their neighbours, the median over colours.
    - `detail`: fine detail, in grey levels of noise.
    """

    order = 30

    def measure(self, subject: Subject) -> Measured:
        grid = subject.grid
        chosen = colours(subject.trained, grid, COLOURS)
        if not len(chosen):
            raise NotApplicable
        flat = chosen[:, :, None, None].expand(-1, -1, *subject.held_out.shape[2:]).contiguous()
        made = subject.reconstruct(flat)
        inner = grid.inner(made)
        rms, stands_out = grid.repeated(inner)
        values = {
            "colours": len(flat),
            "grid": float(rms.square().mean().sqrt()) * LEVELS,
            "grid_most": float(rms.max()) * LEVELS,
            "stands_out": float(stands_out.median().clamp(max=1e6)),
            "detail": float(fine_detail(inner).square().mean().sqrt()) * LEVELS,
        }
        return Measured(values, rows(flat, made, stretched(made)))
