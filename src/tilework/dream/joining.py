"""Motion between things that are given: the frames between two images, and a loop from one label to another and back."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.dream.drawing import Given, checked, draw, nothing
from tilework.dream.filling import Between, Filled, chosen_way, interpolated
from tilework.dream.finishing import filled_in, finished, noted
from tilework.dream.given import frames_of
from tilework.dream.how import Fact, How, Note, What
from tilework.dream.made import Dreamed
from tilework.dream.moving import Start, need_clips
from tilework.dream.opened import Dreamer
from tilework.dream.stills import names_of
from tilework.errors import UserError
from tilework.priors.contract import LabelMix, Sampling, Watch


def between(
    dreamer: Dreamer,
    first: Start,
    last: Start,
    frames: int | None = None,
    *,
    label: str | int | None = None,
    how: Between | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
    fps: float = 30,
    watch: Watch | None = None,
    compare: bool = True,
) -> Dreamed:
    """Draw what lies between two images, which are the first and the last frame.

    A prior of loops draws half a round: the first image stands at its beginning, the last one opposite. Raises UserError for a
    prior that sees only what came before, for fewer than 3 frames, and as `motion` does.
    """
    loop = need_clips(dreamer, None)
    own = dreamer.shape.frames
    keys = own // 2 + 1 if loop else own
    frames = (keys - 1) * dreamer.stride + 1 if frames is None else frames
    sampling = checked(dreamer, sampling, 1, frames, fps)
    if frames < 3 or keys < 3:
        raise UserError(
            f"{min(frames, keys)} frames have nothing between the first and the last",
            why="both are given",
            fix="write --frames 3 or more",
        )
    if not dreamer.prior.sees_both_sides:
        raise UserError(
            f"{dreamer.name} cannot dream towards a frame",
            why="it draws each token from those before it, and never sees where it is going",
            fix="leave --end out to continue from the start, or train a prior of kind masked",
        )
    way = chosen_way(dreamer, how, keys, frames, loop=False)
    number = -1 if label is None else dreamer.label(label)
    ends = [frames_of(dreamer.parent, what) for what in (first, last)]
    # A clip is left by its last frame, and entered by its first; an image of the run is one.
    chosen = [ends[0].pixels[0 if ends[0].of_run else -1], ends[1].pixels[0]]
    codes = dreamer.encode(np.stack(chosen))
    asked = nothing(dreamer, 1, own)
    for at, code in zip((0, keys - 1), codes, strict=True):
        asked.tokens[0, at], asked.known[0, at] = code, True
    found = draw(dreamer, asked, [number], sampling, seed, watch)[:, :keys]
    notes = [note for end in ends for note in end.notes]
    notes += [Note(Fact.START, (f"{ends[0].name} to {ends[1].name}", 1, 1))]
    notes += [Note(Fact.HALF_OF_LOOP, (own,))] if loop else []
    made = How(seed, sampling, names_of(dreamer, [number]), fps, tuple(notes))
    filled, made = filled_in(dreamer, found, frames, way, made, [number], loop=False, watch=watch)
    return finished(dreamer, What.BETWEEN, found, filled, made, loop=False, compare=compare)


def morph(
    dreamer: Dreamer,
    label_a: str | int,
    label_b: str | int,
    frames: int | None = None,
    *,
    how: Literal["prior", "latents"] | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
    fps: float = 30,
    watch: Watch | None = None,
    compare: bool = True,
) -> Dreamed:
    """A loop that goes from one label to another and back.

    A loop of each label is drawn. By the `prior` (the default where it sees both sides): a quarter of the one and the opposite
    quarter of the other are kept, and what lies between them is drawn, each frame with a label whose vector lies between theirs:

        e(t) = (1 - w(t)) e_a + w(t) e_b        w rises from 0 to 1 on the way to b, and falls on the way back

    By `latents` all frames are mixed:

        z(t) = a(t) (1 + cos 2 pi t) / 2 + b(t) (1 - cos 2 pi t) / 2

    Raises UserError for a prior whose clips are no loops, labels that it does not know, and as `motion` does.
    """
    need_clips(dreamer, True)
    pair = [dreamer.label(label_a), dreamer.label(label_b)]
    own = dreamer.shape.frames
    frames = own * dreamer.stride if frames is None else frames
    sampling = checked(dreamer, sampling, 1, frames, fps)
    if how == "prior" and not dreamer.prior.sees_both_sides:
        raise UserError(
            f"{dreamer.name} cannot draw the way from one label to another",
            why="it draws each token from those before it, and never sees where it is going",
            fix="write --between latents",
        )
    how = how or ("prior" if dreamer.prior.sees_both_sides else "latents")
    # One after the other, so that each is what `motion` draws of its label with this seed.
    both = np.concatenate([draw(dreamer, nothing(dreamer, 1, own), [one], sampling, seed, watch) for one in pair])
    made = How(seed, sampling, (f"{dreamer.label_name(pair[0])} to {dreamer.label_name(pair[1])}",), fps)
    if how == "latents":
        mixed = _mixed(dreamer.latents(both))[None]
        keys = dreamer.encode(dreamer.decode_latents(mixed[0]))[None]
        filled = Filled(None, interpolated(mixed, frames, loop=True), "latents")
        return finished(dreamer, What.MORPH, keys, filled, noted(made, Fact.CROSSFADE), loop=True, compare=compare)
    keys = _joined(dreamer, both, pair, sampling, seed, watch)
    way = chosen_way(dreamer, None, own, frames, loop=True)
    filled, made = filled_in(dreamer, keys, frames, way, made, pair[:1], loop=True, watch=watch)
    return finished(dreamer, What.MORPH, keys, filled, made, loop=True, compare=compare)


def _mixed(z: Tensor) -> Tensor:
    """Two loops (2, T, D, h, w) -> one that is the first at frame 0 and the second half a round later."""
    frames = z.shape[1]
    share = torch.cos(torch.arange(frames) * (2 * torch.pi / frames)).add(1).div(2).reshape(-1, 1, 1, 1)
    return z[0] * share + z[1] * (1 - share)


def _joined(
    dreamer: Dreamer,
    both: NDArray[np.int64],
    pair: list[int],
    sampling: Sampling,
    seed: int,
    watch: Watch | None,
) -> NDArray[np.int64]:
    """Two loops (2, T, Q, h, w) -> one (1, T, Q, h, w): a quarter of each, and between them what the prior draws."""
    weight = weights(both.shape[1])
    of_b, known = weight == 1, (weight == 0) | (weight == 1)
    tokens = np.where(of_b[:, None, None, None], both[1], both[0])[None]
    asked = Given(tokens, np.broadcast_to(known[:, None, None, None], tokens.shape).copy())
    mix = LabelMix(torch.tensor(pair[1:]), torch.from_numpy(weight).float()[None])
    return draw(dreamer, asked, pair[:1], sampling, seed + 1, watch, mix)


def weights(frames: int) -> NDArray[np.float64]:
    """How much of the second label each frame of a morph has, (T,): 0 for a quarter around frame 0, 1 for the quarter opposite,
    evenly rising and falling between them."""
    lead = (max(1, frames // 4) - 1) / 2

    def beyond(centre: int) -> NDArray[np.float64]:
        """How far each frame is from the quarter around a frame, the shorter way round."""
        away = np.abs(np.arange(frames) - centre)
        found: NDArray[np.float64] = np.maximum(np.minimum(away, frames - away) - lead, 0.0)
        return found

    of_a, of_b = beyond(0), beyond(frames // 2)
    weight: NDArray[np.float64] = of_a / (of_a + of_b)
    return weight
