"""Which frames of a clip a network sees at once: first some that are spread over all of it, then window by window between them.

A loop of 45 frames seen 15 at a time is 0, 3, 6, ... 42 and then 0..12, 12..24, 24..36 and 36..44 with 0, each with frames that
are there already at both ends and between them. Three times fewer positions at once, and what is far apart in time is settled
before what lies between.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class View:
    """Some frames of an item of `frames` frames, in their order."""

    frames: int
    chosen: tuple[int, ...]
    before: tuple[int, ...] = ()
    """Which of the chosen (by their place among them) are drawn in an earlier view."""
    closed: bool = False
    """Whether the last of the chosen is followed by the first, where the item is a loop."""

    @property
    def whole(self) -> bool:
        """Whether all frames are seen."""
        return len(self.chosen) == self.frames

    def cut(self, x: Tensor) -> Tensor:
        """(B, T x p, ...) -> (B, t x p, ...)."""
        if self.whole:
            return x
        return x.view(len(x), self.frames, -1, *x.shape[2:])[:, list(self.chosen)].flatten(1, 2)

    def put(self, part: Tensor, into: Tensor) -> None:
        """Write (B, t x p, ...) to where it was cut from, in (B, T x p, ...)."""
        if self.whole:
            into.copy_(part)
        else:
            rest = into.shape[2:]
            into.view(len(into), self.frames, -1, *rest)[:, list(self.chosen)] = part.view(
                len(part), len(self.chosen), -1, *rest
            )

    def earlier(self, each: int, device: torch.device) -> Tensor:
        """(t x each,) bool: positions of the frames that an earlier view has drawn."""
        known = torch.zeros(len(self.chosen), dtype=torch.bool, device=device)
        known[list(self.before)] = True
        return known.repeat_interleave(each)


def views(frames: int, window: int | None, loop: bool = False) -> tuple[View, ...]:
    """The views by which an item is drawn; one of all frames where there are no more than `window`.

    Those between the first frames begin and end with frames that are there, in a loop the last one with frame 0: a frame that is
    drawn beside one that it does not see would make a seam of it.
    """
    if window is None or frames <= window:
        return (View(frames, tuple(range(frames)), closed=True),)
    keys = tuple(number * frames // window for number in range(window))
    found, done = [View(frames, keys, closed=True)], set(keys)
    ends = [*keys, *([frames] if loop else [frames - 1] if frames - 1 not in done else [])]
    first = 0
    while first < ends[-1]:
        # The furthest end that can be seen from here; none where more than a window lies between two of them.
        last = max((end for end in ends if first < end < first + window), default=first + window - 1)
        chosen = tuple(frame % frames for frame in range(first, last + 1))
        if not done.issuperset(chosen):
            found.append(View(frames, chosen, tuple(at for at, frame in enumerate(chosen) if frame in done)))
            done.update(chosen)
        first = last
    return tuple(found)


def training_view(frames: int, window: int | None, loop: bool = False) -> View:
    """One of them: half of the times the first. Random numbers are torch's global ones."""
    every = views(frames, window, loop)
    if len(every) == 1 or float(torch.rand((), device="cpu")) < 0.5:
        return every[0]
    return every[1 + int(torch.randint(len(every) - 1, (), device="cpu"))]


def part_of(view: View, count: int) -> View:
    """`count` frames of a view that follow one another; the view itself where it has no more. Random numbers as above."""
    if count >= len(view.chosen):
        return view
    first = int(torch.randint(len(view.chosen) - count + 1, (), device="cpu"))
    before = tuple(at - first for at in view.before if first <= at < first + count)
    return View(view.frames, view.chosen[first : first + count], before if len(before) < count else ())
