"""What a live page shows of a model: points, codes and usage that training has anyway, and images made for the purpose."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import torch
from torch import Tensor

from tilework.bottlenecks import Latent
from tilework.data import Batch
from tilework.engine.autoencoder.code_ages import CodeAges
from tilework.engine.autoencoder.decoded import DecodedCodes
from tilework.engine.autoencoder.fixed_images import FixedImages
from tilework.engine.autoencoder.plane import Plane
from tilework.engine.autoencoder.rolling import RollingPoints, encoded
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.engine.autoencoder.usage_window import UsageWindow
from tilework.engine.autoencoder.view import SHOWN, ModelView
from tilework.engine.tasks.contract import Arrays, NotFinite, View
from tilework.protocol.frame import ViewHeader

MOST_CODES = 8192
"""Q x K up to which codes and their usage are sent one by one."""
TIMELINE_IMAGES, TIMELINE_BYTES = 8, 64 * 1024
"""A stored frame has as many reconstructions as a live one where they and their codes fit into so many bytes, and else so
many."""


class Probe(View):
    """Looks at a model from outside: changes no weight, no buffer and no random state.

    `window`: which codes the newest training steps used; None for a model that is not in training.
    """

    def __init__(self, view: ModelView, window: UsageWindow | None = None) -> None:
        self.view, self.window = view, window
        self.plane: Plane | None = None
        self.rolling = RollingPoints(view.positions)
        self.ages = CodeAges()
        self.decoded = DecodedCodes(view)
        self._shown: Batch | None = None
        self._fixed = FixedImages(view)
        self._gradient: Tensor | None = None

    @property
    def levels(self) -> int:
        """Q; 0 where nothing is discrete."""
        return self.view.model.bottleneck.levels

    @property
    def codes(self) -> int:
        """K; 0 where nothing is discrete."""
        return self.view.model.bottleneck.codes_per_level

    @property
    def listed(self) -> bool:
        """Whether codes and their usage are sent one by one."""
        return 0 < self.levels * self.codes <= MOST_CODES

    @property
    def _map_bytes(self) -> int:
        """Of the codes of one image, where a frame has them: those of a single position are in `assigned`."""
        return 4 * self.levels * self.view.positions if self.view.positions > 1 else 0

    # What a run asks of a view ---------------------------------------------------------------------------------------

    def stepped(self, kept: Sequence[Latent], batches: Sequence[Batch]) -> None:
        self.rolling.seen(kept, batches)

    def gradients(self) -> None:
        self._gradient = self.view.model.bottleneck.code_gradient()

    def images(self, *, still: bool = False) -> Arrays:
        return self.reconstructions() | self.decoded.arrays(self._books(), whole=still) | self.fixed()

    def kept(self, *, first: bool) -> Arrays:
        each = int(np.prod(self.view.store.shape)) + self._map_bytes
        most = max(TIMELINE_IMAGES, min(SHOWN, TIMELINE_BYTES // max(1, each)))
        return self.reconstructions(most, originals=first)

    def costly(self) -> Arrays:
        return self.decoded.arrays(self._books(), whole=True)

    def header(self) -> ViewHeader:
        plane, grid = self.plane, self.view.grid
        fixed, points = self.rolling.untrained
        return {
            "kind": plane.kind if plane else "plane",
            "dim": plane.dim if plane else 0,
            "levels": self.levels,
            "codes": self.codes,
            "grid": [grid.width, grid.height],
            "variance": plane.variance if plane else None,
            "points_of": "probe" if 0 < points == fixed else "window",
            "points_fixed": fixed,
            "fixed": self.levels > 0 and not self.learns_codes,
            "classes": list(self.view.store.classes),
        }

    # Arrays ----------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def motion(self, step: int, *, gradients: bool = False, follow: bool = True) -> Arrays:
        """Points, labels, codes, usage, idle times: all from what training has anyway.

        Before the first step that is nothing: the fixed images stand in, until the steps have filled the window.
        """
        if self.rolling.empty:
            with suppress(NotFinite):
                self.rolling.seen([self._fixed.latent()], [self._fixed.batch()], trained=False)
        points, assigned, labels = self.rolling.newest()
        if self.plane is None or self.plane.dim != points.shape[1]:
            self.plane = Plane(points.shape[1])
        if follow:
            self.plane.follow(points)
        found: Arrays = {"points": self.plane.project(points), "labels": labels}
        if assigned is not None:
            found["assigned"] = assigned
        return found | self._codes(self.plane, step, gradients) if self.listed else found

    def _codes(self, plane: Plane, step: int, gradients: bool) -> Arrays:
        """The facts of each code."""
        found: Arrays = {}
        books = self._books()
        if books and books[0].shape[1] == plane.dim:
            every = torch.stack(books).float().cpu().numpy()
            found["codes"] = np.stack([plane.project(book, offsets=level > 0) for level, book in enumerate(every)])
        usage = self.window.shares() if self.window is not None else None
        if usage is not None:
            found["usage"] = usage.float().cpu().numpy()
        found |= self.ages.arrays(self.view.model.bottleneck.health(), step)
        if gradients and self._gradient is not None:
            of_sets = self._gradient  # Levels that share one codebook show the same.
            each = of_sets if len(of_sets) == self.levels else of_sets.expand(self.levels, -1)
            found["gradient"] = each.float().cpu().numpy()
        return found

    def _books(self) -> tuple[Tensor, ...]:
        """The codes of each level, (K, D); of a bottleneck that has no codebook, what its indices stand for."""
        books = self.view.model.bottleneck.codebooks()
        if books or self.levels != 1 or not self.listed:
            return tuple(book.detach() for book in books)
        return (self.decoded.of_every_index(self.codes),)

    @property
    def learns_codes(self) -> bool:
        """Whether codes move while the model trains."""
        return bool(self.view.model.bottleneck.codebooks())

    @torch.no_grad()
    def reconstructions(self, count: int | None = None, *, originals: bool = True) -> Arrays:
        """Validation images as they come back now, and the codes of each position. Raises NotFinite."""
        if self._shown is None:
            self._shown = self.view.shown()
        images = self._shown.images[:count]
        with self.view.evaluating() as model:
            recon, latent = model(images)
        found: Arrays = {"originals": to_uint8(images)} if originals else {}
        found["recon"] = to_uint8(recon)
        if latent.codes is not None and self.view.positions > 1:
            found["codemap"] = latent.codes.to(torch.int32).cpu().numpy()
        return found

    @torch.no_grad()
    def fixed(self) -> Arrays:
        """The fixed images: thumbnails, where they lie, and the nearest of them to each code of level 1. Raises NotFinite."""
        if self.view.positions > 1:
            return {}
        points = encoded(self._fixed.latent()).float()
        found: Arrays = {"thumbs": self._fixed.thumbnails(), "probe_labels": self._fixed.labels()}
        if self.plane is not None and self.plane.dim == points.shape[1]:
            found["probe"] = self.plane.project(points.cpu().numpy())
        books = self._books()
        if books and self.listed and books[0].shape[1] == points.shape[1]:
            near = torch.cdist(books[0].float(), points).topk(min(4, len(points)), largest=False).indices
            found["nearest"] = near.to(torch.int32).cpu().numpy()
        return found
