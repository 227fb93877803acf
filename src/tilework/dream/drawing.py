"""Drawing items from a prior, some at a time, so that what is done is kept where it is stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tilework.dream.opened import Dreamer
from tilework.errors import UserError
from tilework.explore.film import checked_fps
from tilework.priors.contract import LabelMix, Sampling, Watch

MOST = 4096
"""Images, or frames of all clips together, that one call draws."""
LONGEST = 2048
"""Frames of one clip."""
_ITEMS_AT_ONCE, _TOKENS_AT_ONCE = 16, 4096


@dataclass(frozen=True, eq=False)
class Given:
    """n items: tokens (n, T, Q, h, w) int64, and which of them are known (bool, the same shape)."""

    tokens: NDArray[np.int64]
    known: NDArray[np.bool_]


def nothing(dreamer: Dreamer, count: int, frames: int | None = None) -> Given:
    """n items of which nothing is known."""
    shape = (count, frames or dreamer.shape.frames, *dreamer.shape.item[1:])
    return Given(np.zeros(shape, np.int64), np.zeros(shape, bool))


def drawn(
    dreamer: Dreamer,
    given: Given,
    labels: Sequence[int],
    sampling: Sampling,
    seed: int,
    watch: Watch | None = None,
    mix: LabelMix | None = None,
) -> Iterator[NDArray[np.int64]]:
    """The items, completed, in parts of some (m, T, Q, h, w), each with a seed of its own."""
    per_item = int(np.prod(given.tokens.shape[1:]))
    at_once = max(1, min(_ITEMS_AT_ONCE, _TOKENS_AT_ONCE // per_item))
    device = _device_of(dreamer)
    for start in range(0, len(given.tokens), at_once):
        dreamer.parent.between()
        part = slice(start, start + at_once)
        tokens, known = torch.from_numpy(given.tokens[part]), torch.from_numpy(given.known[part])
        named = torch.tensor(labels[part], dtype=torch.int64, device=device)
        found = dreamer.prior.sample(
            tokens.to(device),
            known.to(device),
            named,
            sampling,
            torch.Generator().manual_seed(_mixed(seed, start)),
            watch,
            None if mix is None else LabelMix(mix.labels[part].to(device), mix.weight[part].to(device)),
        )
        yield found.cpu().numpy()


def draw(
    dreamer: Dreamer,
    given: Given,
    labels: Sequence[int],
    sampling: Sampling,
    seed: int,
    watch: Watch | None = None,
    mix: LabelMix | None = None,
) -> NDArray[np.int64]:
    """As `drawn`, all of it: (n, T, Q, h, w)."""
    return np.concatenate(list(drawn(dreamer, given, labels, sampling, seed, watch, mix)))


def checked(dreamer: Dreamer, sampling: Sampling | None, count: int, frames: int = 1, fps: float = 30) -> Sampling:
    """The sampling, or the usual one. Raises UserError for one that this prior cannot do, and for so many items, or frames, or
    frames a second as cannot be."""
    refuse_count(count, frames)
    checked_fps(fps)
    sampling = sampling or Sampling()
    if sampling.top_k is not None and sampling.top_k > dreamer.shape.codes:
        raise UserError(
            f"--top-k {sampling.top_k} is more than there are",
            why=f"the tokens of {dreamer.parent.name} have {dreamer.shape.codes:,} codes",
            fix=f"write --top-k {dreamer.shape.codes} or less, or leave it out to allow all",
        )
    if sampling.guidance and dreamer.shape.classes == 0:
        raise UserError(
            f"--guidance {sampling.guidance:g} has nothing to guide by",
            why=f"{dreamer.name} was trained without labels",
            fix="leave --guidance out",
        )
    return sampling


def refuse_count(count: int, frames: int = 1) -> None:
    """Raise UserError for none at all, and for more than one call draws."""
    if count < 1:
        raise UserError(f"--count {count} draws nothing", why="at least one is drawn", fix="write --count 1")
    if not 1 <= frames <= LONGEST:
        raise UserError(
            f"--frames {frames} cannot be dreamed",
            why=f"a clip has 1 to {LONGEST:,} frames",
            fix="write for example --frames 180",
        )
    if count * frames > MOST:
        what = f"{count:,} clips of {frames:,} frames" if frames > 1 else f"{count:,} images"
        raise UserError(
            f"{what} are too many for one call",
            why=f"one call draws {MOST:,} at most",
            fix=f"write --count {max(1, MOST // frames)}, and another --seed for more",
        )


def _mixed(seed: int, start: int) -> int:
    """A seed for the part that begins at item `start`."""
    if start == 0:
        return seed
    return int(np.random.SeedSequence([seed, start]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _device_of(dreamer: Dreamer) -> torch.device:
    first = next(dreamer.prior.parameters(), None)
    return dreamer.parent.model.device if first is None else first.device
