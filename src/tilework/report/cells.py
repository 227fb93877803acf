"""Voronoi cells of points in the plane: the region that each code claims."""

from __future__ import annotations

import numpy as np
from matplotlib.tri import Triangulation
from numpy.typing import NDArray


def voronoi_cells(codes: NDArray[np.floating], box: tuple[float, float, float, float]) -> list[NDArray[np.float64]]:
    """For each of the codes (K, 2) the corners (m, 2) of its cell in order; cells reach far beyond `box` (x0, x1, y0, y1).

    The corners are the circumcentres of the Delaunay triangles that meet at the code. Of several codes at the same place the
    first has the cell, as the first has the ties in a nearest-code search; the others have none (0, 2).
    """
    x0, x1, y0, y1 = box
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    reach = max(x1 - x0, y1 - y0, float(np.abs(codes - centre).max(initial=0.0)), 1e-12)
    sites = (np.asarray(codes, dtype=np.float64) - centre) / reach
    unique, first = np.unique(sites, axis=0, return_index=True)
    # A ring of far sites closes every cell. At 40 reaches it moves no border that can be seen.
    ring = 40 * np.stack([(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 12, endpoint=False) + 0.123])
    triangulation = Triangulation(*np.concatenate([unique, ring]).T)
    corners = _circumcentres(np.concatenate([unique, ring])[triangulation.triangles])
    cells: list[NDArray[np.float64]] = [np.zeros((0, 2)) for _ in codes]
    for number, owner in enumerate(first):
        mine = corners[(triangulation.triangles == number).any(axis=1)]
        turn = np.argsort(np.arctan2(*(mine - unique[number]).T[::-1]))
        cells[owner] = mine[turn] * reach + centre
    return cells


def _circumcentres(triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 3, 2) corners -> (T, 2) centres of the circles through them."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    ab, ac = b - a, c - a
    double = 2 * (ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0])
    double = np.where(np.abs(double) < 1e-300, 1e-300, double)
    b2, c2 = (ab**2).sum(1), (ac**2).sum(1)
    x = (ac[:, 1] * b2 - ab[:, 1] * c2) / double
    y = (ab[:, 0] * c2 - ac[:, 0] * b2) / double
    centres: NDArray[np.float64] = a + np.stack([x, y], axis=1)
    return centres
