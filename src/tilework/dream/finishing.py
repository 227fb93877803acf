"""From key frames to a finished dream: frames filled in, decoded, and compared with what the prior learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.dream.comparing import compared
from tilework.dream.filling import Between, Filled, fill
from tilework.dream.how import Fact, How, Note, What
from tilework.dream.made import Dreamed
from tilework.dream.opened import Dreamer
from tilework.priors.contract import Watch


def filled_in(
    dreamer: Dreamer,
    keys: NDArray[np.int64],
    span: int,
    way: Between,
    how: How,
    labels: list[int],
    *,
    loop: bool,
    watch: Watch | None = None,
) -> tuple[Filled, How]:
    """Key frames (n, K, Q, h, w) with those between them, `span` in all; interrupted, the key frames alone, played slower."""
    try:
        assert how.sampling is not None
        filled = fill(
            dreamer, keys, span, way, loop=loop, labels=labels, sampling=how.sampling, seed=how.seed, watch=watch
        )
    except KeyboardInterrupt:
        count = keys.shape[1]
        slower = replace(how, fps=max(0.1, how.fps * count / span))
        return Filled(keys, None, None), noted(slower, Fact.STOPPED, count, span)
    return filled, noted(how, Fact.KEY_FRAMES, keys.shape[1], filled.how) if filled.how is not None else how


def finished(
    dreamer: Dreamer,
    what: What,
    keys: NDArray[np.int64],
    filled: Filled,
    how: How,
    *,
    loop: bool,
    compare: bool,
    frames: int | None = None,
    given: NDArray[np.int64] | None = None,
    first: int = 0,
) -> Dreamed:
    """A dream of what was filled in, from its frame number `first` on: cut to `frames`, with the `given` frames (g, Q, h, w) at
    its beginning as they are, decoded and compared."""
    if given is None:
        given = np.zeros((0, *keys.shape[2:]), np.int64)
    if filled.tokens is not None:
        tokens = _with_given(filled.tokens, given, first)[:, :frames]
        images = dreamer.decode(tokens)
    else:
        assert filled.latents is not None
        tokens, latents = None, _latents_with_given(dreamer, filled.latents, given, first)
        images = dreamer.decode_latents(latents[:, :frames])
    found = Dreamed(dreamer.title, what, images, how, tokens, None if filled.how is None else keys, closed=loop)
    return compared(dreamer, found) if compare else found


def noted(how: How, fact: Fact, *values: object) -> How:
    """The same with one more note."""
    return replace(how, notes=(*how.notes, Note(fact, values)))


def _with_given(found: NDArray[np.int64], given: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """Frames from number `first` on, (n, F, Q, h, w), behind and under the given ones."""
    whole = np.concatenate([np.repeat(given[None, :first], len(found), 0), found], 1)
    whole[:, : len(given)] = given
    return whole


def _latents_with_given(dreamer: Dreamer, found: Tensor, given: NDArray[np.int64], first: int) -> Tensor:
    if not len(given):
        return found
    own = dreamer.latents(given)[None].expand(len(found), -1, -1, -1, -1)
    return torch.cat([own, found[:, len(given) - first :]], 1)
