"""What a watcher sees of a model: points, codes and usage that training has anyway, and pictures made for the purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.bottlenecks import Latent
from tilework.data import Batch
from tilework.engine.plane import Plane
from tilework.engine.rolling import RollingPoints, encoded
from tilework.engine.session import Session
from tilework.engine.snapshot import to_uint8
from tilework.errors import UserError

MOST_CODES = 8192
"""Q x K up to which codes and their usage are sent one by one."""
MOST_DECODED = 512
DECODED_AT_ONCE = 32
PROBE = 256
"""Training pictures that stay the same from frame to frame."""
PROBE_BYTES = 2 * 2**20

Arrays = dict[str, NDArray[Any]]


class NotFinite(Exception):
    """The model gives NaN or infinity: there is nothing to show, and the loop's guard has the word."""


class Probe:
    """Looks at a session from outside: changes no weight, no buffer and no random state."""

    def __init__(self, session: Session) -> None:
        self.session = session
        bottleneck = session.model.bottleneck
        self.levels, self.codes = bottleneck.levels, bottleneck.codes_per_level
        self.listed = 0 < self.levels * self.codes <= MOST_CODES
        self.plane: Plane | None = None
        self.rolling = RollingPoints(session.positions)
        self._revived: NDArray[np.int32] | None = None
        self._pictures: Batch | None = None
        self._fixed: Batch | None = None
        self._thumbs: NDArray[np.uint8] | None = None
        self._decoded: NDArray[np.uint8] | None = None
        self._turn = 0
        self._fixed_codes: Tensor | None = None

    # Frames ----------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def motion(self, gradient: Tensor | None = None, *, follow: bool = True) -> Arrays:
        """Points, labels, codes, usage, idle times: all from what training has anyway.

        Before the first step that is nothing: the fixed pictures stand in, until the steps have filled the window.
        """
        if self.rolling.empty:
            with suppress(NotFinite):
                fixed = self._fixed_pictures()
                self.rolling.seen([self._encode(fixed.images)], [fixed], trained=False)
        points, assigned, labels = self.rolling.newest()
        plane = self._plane(points)
        if follow:
            plane.follow(points)
        found: Arrays = {"points": plane.project(points), "labels": labels}
        if assigned is not None:
            found["assigned"] = assigned
        if not self.listed:
            return found
        books = self._books()
        if books and books[0].shape[1] == plane.dim:
            every = torch.stack(books).float().cpu().numpy()
            found["codes"] = np.stack([plane.project(book, offsets=level > 0) for level, book in enumerate(every)])
        usage = self.session.window.shares()
        if usage is not None:
            found["usage"] = usage.float().cpu().numpy()
        found |= self._ages()
        if gradient is not None:
            found["gradient"] = self._per_level(gradient).float().cpu().numpy()
        return found

    def _books(self) -> tuple[Tensor, ...]:
        """The codes of each level, (K, D); of a bottleneck that has no codebook, what its indices stand for."""
        bottleneck = self.session.model.bottleneck
        books = bottleneck.codebooks()
        if books or bottleneck.levels != 1 or not self.listed:
            return tuple(book.detach() for book in books)
        if self._fixed_codes is None:
            indices = torch.arange(self.codes, device=self.session.accelerator.device)
            self._fixed_codes = bottleneck.decode(indices[:, None, None, None]).flatten(1)
        return (self._fixed_codes,)

    @property
    def learns_codes(self) -> bool:
        """Whether codes move while the model trains."""
        return bool(self.session.model.bottleneck.codebooks())

    def _plane(self, points: NDArray[np.float32]) -> Plane:
        if self.plane is None or self.plane.dim != points.shape[1]:
            self.plane = Plane(points.shape[1])
        return self.plane

    def _ages(self) -> Arrays:
        health = {name: of.to(torch.int32).cpu().numpy() for name, of in self.session.model.bottleneck.health().items()}
        found: Arrays = {"idle": health["idle"]} if "idle" in health else {}
        if "revived_ago" in health:
            since = health["revived_ago"]
            before = self._revived if self._revived is not None else np.full(since.shape, -1, np.int32)
            # Known exactly while the cooldown runs; after it, what was seen then.
            self._revived = np.where(since >= 0, self.session.position.step - since, before).astype(np.int32)
            found["revived"] = self._revived
        return found

    def _per_level(self, of_sets: Tensor) -> Tensor:
        """(S, K) -> (Q, K): levels that share one codebook show the same."""
        return of_sets if len(of_sets) == self.levels else of_sets.expand(self.levels, -1)

    def pictures(self, *, still: bool = False) -> Arrays:
        """Everything that has to be computed for whoever watches; all of it new where the model stands still.

        Raises NotFinite.
        """
        return self.reconstructions() | self.decoded(None if still else DECODED_AT_ONCE) | self.fixed()

    @torch.no_grad()
    def reconstructions(self, count: int | None = None, *, originals: bool = True) -> Arrays:
        """Held-out pictures as they come back now, and the codes of each position."""
        session, model = self.session, self.session.model
        if self._pictures is None:
            self._pictures = next(session.shown.epoch(0))
        images = self._pictures.images[:count]
        with _evaluating(session):
            recon, latent = model(images)
        found: Arrays = {"originals": to_uint8(images)} if originals else {}
        found["recon"] = to_uint8(recon)
        if latent.codes is not None and session.positions > 1:
            found["codemap"] = latent.codes.to(torch.int32).cpu().numpy()
        return found

    @torch.no_grad()
    def decoded(self, most: int | None = None) -> Arrays:
        """Each code decoded alone: level 1 as it is, a later level on top of the mean code of the levels before.

        After the first time only the next `most` of them are made anew, in turn.
        """
        bottleneck = self.session.model.bottleneck
        books = self._books()
        if not books or self.levels * self.codes > MOST_DECODED:
            return {}
        base = torch.zeros_like(books[0][:1])
        shown = []
        for book in books:
            shown.append(base + book)
            base = base + book.mean(0, keepdim=True)
        every = torch.cat(shown)
        if self._decoded is None or most is None or most >= len(every):
            chosen = torch.arange(len(every), device=every.device)
        else:
            chosen = (torch.arange(most, device=every.device) + self._turn) % len(every)
            self._turn = (self._turn + most) % len(every)
        z = bottleneck.outer(every[chosen])
        grid = self._grid()
        small = (min(grid[1], 5), min(grid[0], 5)) if self.session.positions > 1 else (1, 1)
        field = z[:, :, None, None].expand(-1, -1, *small)
        with _evaluating(self.session):
            pictures = self.session.model.decoder(field.contiguous())
        if self.session.positions > 1:  # The inner tokens: the border sees the padding.
            pictures = _inner(pictures, small)
        images = to_uint8(pictures.clamp(0, 1))
        if self._decoded is None:
            self._decoded = images
        self._decoded[chosen.cpu().numpy()] = images
        return {"decoded": self._decoded.reshape(self.levels, self.codes, *images.shape[1:])}

    @torch.no_grad()
    def fixed(self) -> Arrays:
        """The fixed pictures: thumbnails, where they lie, and the nearest of them to each code of level 1."""
        if self.session.positions > 1:
            return {}
        fixed = self._fixed_pictures()
        points = encoded(self._encode(fixed.images)).float()
        labels = fixed.labels.to(torch.int16).cpu().numpy()
        found: Arrays = {"thumbs": self._thumbs_of(fixed.images), "probe_labels": labels}
        if self.plane is not None and self.plane.dim == points.shape[1]:
            found["probe"] = self.plane.project(points.cpu().numpy())
        books = self._books()
        if books and self.listed and books[0].shape[1] == points.shape[1]:
            near = torch.cdist(books[0].float(), points).topk(min(4, len(points)), largest=False).indices
            found["nearest"] = near.to(torch.int32).cpu().numpy()
        return found

    def _encode(self, images: Tensor) -> Latent:
        """Raises NotFinite."""
        model = self.session.model
        with _evaluating(self.session):
            latent: Latent = model.bottleneck(model.encoder(images))
        return latent

    def _fixed_pictures(self) -> Batch:
        if self._fixed is None:
            session = self.session
            shape = session.store.shape
            most = min(PROBE, max(16, PROBE_BYTES // max(1, int(np.prod(shape)))), len(session.split.train))
            spread = np.linspace(0, len(session.split.train) - 1, most).round().astype(np.int64)
            self._fixed = next(session.some_pictures(session.split.train[spread]).epoch(0))
        return self._fixed

    def _thumbs_of(self, images: Tensor) -> NDArray[np.uint8]:
        if self._thumbs is None:
            side = max(1, max(images.shape[-2:]) // 48)
            self._thumbs = to_uint8(torch.nn.functional.avg_pool2d(images, side) if side > 1 else images)
        return self._thumbs

    def _grid(self) -> tuple[int, int]:
        plan = self.session.grid
        return plan.width, plan.height


def _inner(pictures: Tensor, tokens: tuple[int, int]) -> Tensor:
    """The part of (B, C, H, W) that the middle tokens made."""
    high, wide = pictures.shape[-2] // tokens[0], pictures.shape[-1] // tokens[1]
    top, left = (1 if tokens[0] > 2 else 0), (1 if tokens[1] > 2 else 0)
    return pictures[..., top * high : pictures.shape[-2] - top * high, left * wide : pictures.shape[-1] - left * wide]


@contextmanager
def _evaluating(session: Session) -> Iterator[None]:
    """Within this block the model is in evaluation mode, with the weights that are judged."""
    was_training = session.model.training
    session.model.eval()
    try:
        with session.judged_weights():
            yield
    except UserError as error:  # Bottlenecks refuse values that are not finite.
        raise NotFinite from error
    finally:
        session.model.train(was_training)
