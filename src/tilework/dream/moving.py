"""New motion from a prior of clips: loops, clips, and the continuation of frames that are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tilework.dream.drawing import Given, checked, drawn, nothing
from tilework.dream.filling import Between, chosen_way
from tilework.dream.finishing import filled_in, finished
from tilework.dream.given import Frames, frames_of
from tilework.dream.how import Fact, How, Note, What
from tilework.dream.made import Dreamed
from tilework.dream.opened import Dreamer
from tilework.dream.stills import kept, labels_for, labels_note, names_of, notes_of
from tilework.dream.windows import drawn_clips, keys_for, offset
from tilework.errors import UserError
from tilework.explore.opened import Pixels
from tilework.priors.contract import Sampling, Watch

Start = str | Path | Pixels | Frames


def motion(
    dreamer: Dreamer,
    frames: int | None = None,
    *,
    loop: bool | None = None,
    count: int = 1,
    label: str | int | None = None,
    start: Start | None = None,
    between: Between | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
    fps: float = 30,
    watch: Watch | None = None,
    compare: bool = True,
) -> Dreamed:
    """Draw clips of `frames` frames (None = as long as what the prior learned from); `loop` as the prior's items are.

    The prior draws key frames, as many as its items have; `between` defines how the frames between them come to be: by
    the `prior` itself or by interpolating `latents` (the default). `start` are frames that are given: they stand at the
    beginning as they are. Longer clips than the prior's are drawn window by window. Interrupted, it gives the clips or
    key frames that are done. Raises UserError for a prior of images, a loop of clips that are none, and as `images`
    does.
    """
    closed = need_clips(dreamer, loop)
    frames = dreamer.shape.frames * dreamer.stride if frames is None else frames
    sampling = checked(dreamer, sampling, count, frames, fps)
    labels = labels_for(dreamer, count, label, seed)
    given = None if start is None else frames_of(dreamer.parent, start)
    begun = _begun(dreamer, given, frames)
    if closed:
        count_of_keys, first, span = _keys_of_loop(dreamer, frames), 0, frames
        way = chosen_way(dreamer, between, count_of_keys, span, loop=True)
        asked = _loops(dreamer, count, count_of_keys, frames, begun)
        parts, stopped = kept(drawn(dreamer, asked, labels, sampling, seed, watch))
    else:
        count_of_keys, first = keys_for(dreamer, frames, len(begun)), offset(dreamer, len(begun))
        span = (count_of_keys - 1) * dreamer.stride + 1
        way = chosen_way(dreamer, between, count_of_keys, span, loop=False)
        parts, stopped = kept(drawn_clips(dreamer, count, count_of_keys, begun, labels, sampling, seed, watch))
    keys = np.concatenate(parts)
    labels = labels[: len(keys)]
    notes = labels_note(dreamer, label) + notes_of(stopped, len(keys), count) + (given.notes if given else ())
    notes += _about(dreamer, count_of_keys, frames, closed, given, begun)
    how = How(seed, sampling, names_of(dreamer, labels), fps, notes)
    filled, how = filled_in(dreamer, keys, span, way, how, labels, loop=closed, watch=watch)
    what = What.CONTINUED if given is not None else What.LOOP if closed else What.CLIP
    if filled.how is None and filled.tokens is not None and filled.tokens.shape[1] < span:  # interrupted
        return finished(dreamer, what, keys, filled, how, loop=closed, compare=compare)
    return finished(
        dreamer, what, keys, filled, how, loop=closed, compare=compare, frames=frames, given=begun, first=first
    )


def need_clips(dreamer: Dreamer, loop: bool | None) -> bool:
    """Whether clips of a prior are loops. Raises UserError for a prior of images, and where its clips are not what is wanted."""
    wanted = "a loop" if loop else "a clip"
    if not dreamer.moves:
        raise UserError(
            f"{dreamer.name} cannot dream {wanted}",
            why="it is a prior of images: it has never seen one frame follow another",
            fix="leave --loop and --frames out, or train one of clips with `tilework train motion-prior "
            f"parent={dreamer.parent.name}`",
        )
    if loop is not None and loop != dreamer.shape.loop:
        has = "are loops" if dreamer.shape.loop else "have a beginning and an end"
        raise UserError(
            f"{dreamer.name} cannot dream {'a loop' if loop else 'a clip that is no loop'}",
            why=f"the clips that it learned from {has}",
            fix="leave --loop out" if loop else "leave loop out",
        )
    return dreamer.shape.loop


def _keys_of_loop(dreamer: Dreamer, frames: int) -> int:
    """How many key frames a loop of so many frames is drawn with: the prior's own number where frames can be filled in or left
    out between them; all of them at once where the prior takes any number and that is nearer."""
    own = dreamer.shape.frames
    near = frames < own or own < frames < 2 * own
    return frames if dreamer.prior.any_length and near else own


def _begun(dreamer: Dreamer, given: Frames | None, frames: int) -> NDArray[np.int64]:
    """Tokens (g, Q, h, w) of the frames that are given, fewer than all."""
    if given is None:
        return np.zeros((0, *dreamer.shape.item[1:]), np.int64)
    # Half of the clip at most: something is to be dreamed. A single image stays one frame.
    most = max(1, frames // 2)
    return dreamer.encode(given.pixels[:most]) if given.codes is None else given.codes[:most]


def _loops(dreamer: Dreamer, count: int, keys: int, frames: int, begun: NDArray[np.int64]) -> Given:
    asked = nothing(dreamer, count, keys)
    # The key frames that fall on given ones.
    at = np.arange(keys) * frames / keys
    for key in np.flatnonzero(np.rint(at) < len(begun)):
        asked.tokens[:, key] = begun[int(np.rint(at[key]))]
        asked.known[:, key] = True
    return asked


def _about(
    dreamer: Dreamer, keys: int, frames: int, closed: bool, given: Frames | None, begun: NDArray[np.int64]
) -> tuple[Note, ...]:
    own, notes = dreamer.shape.frames, []
    if given is not None:
        notes.append(Note(Fact.START, (given.name, len(begun), len(given.pixels))))
    if closed and frames != own * dreamer.stride:
        notes.append(Note(Fact.UNSEEN_LENGTH, (frames, own * dreamer.stride)))
    if not closed and keys > own:
        notes.append(Note(Fact.WINDOWS, (own, dreamer.name)))
    return tuple(notes)
