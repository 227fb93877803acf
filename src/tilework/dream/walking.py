"""A walk between two images of a model with tokens, between what the decoder sees for them: codes are not chosen anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.errors import UserError
from tilework.explore.film import checked_fps
from tilework.explore.opened import Opened
from tilework.explore.place import Named, place
from tilework.explore.points import Point, parse
from tilework.explore.sampling import refuse_many, title_of
from tilework.explore.walking import Walk

_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class LatentWalk(Walk):
    """`latents` (n, D, h, w) are quantised at both ends and lie between codes on the way."""

    def title(self) -> str:
        return f"a walk between two images in the quantised latents of {self.model}"


@torch.no_grad()
def latent_walk(
    opened: Opened,
    a: Point | str,
    b: Point | str,
    frames: int = 120,
    *,
    loop: bool = False,
    fps: float = 30,
    images: Named | None = None,
) -> LatentWalk:
    """Go from `a` to `b` in `frames` frames, both exactly as their tokens decode:

        z(t) = (1 - t) z_a + t z_b        z = the sum of an image's codes at each position, as the decoder takes it

    and back where it is a `loop`. `explore.walk` instead goes before the quantiser, which then chooses codes for each frame.
    Raises UserError as `place` does, for less than two frames, and for a model without codes.
    """
    checked_fps(fps)
    refuse_many(frames)
    if not opened.model.levels:
        raise UserError(
            f"{opened.name} has no quantised latents",
            why=f"its bottleneck is {opened.model.spec.bottleneck.kind}, a continuous latent",
            fix="write `tilework interpolate` instead of `tilework latent-walk`",
        )
    if frames < 2:
        raise UserError(
            f"{frames} frames are too few for a walk", why="it has two ends", fix="write --frames 2 or more"
        )
    ends = tuple(parse(point) if isinstance(point, str) else point for point in (a, b))
    codes = opened.codes(torch.stack([place(opened, point, images) for point in ends]))
    assert codes is not None
    start, end = opened.model.network.bottleneck.lookup(codes.to(opened.model.device)).float()
    turn = -(-frames // 2) if loop else frames - 1
    at = torch.arange(frames, device=start.device)
    share = (at / turn if not loop else torch.where(at <= turn, at / turn, (frames - at) / (frames - turn))).clamp(0, 1)
    latents = torch.lerp(start[None], end[None], share.reshape(-1, 1, 1, 1))
    parts = [to_uint8(opened.model.decode(part)) for part in torch.split(latents, _AT_ONCE)]
    return LatentWalk(
        title_of(opened), ends, (0, turn), latents.cpu().numpy(), np.concatenate(parts), "linear", loop, fps
    )
