"""New images from a prior."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tilework.dream.comparing import compared
from tilework.dream.drawing import checked, drawn, nothing
from tilework.dream.how import Fact, How, Note, What
from tilework.dream.made import Dreamed
from tilework.dream.opened import Dreamer
from tilework.errors import UserError
from tilework.priors.contract import Sampling, Watch


def images(
    dreamer: Dreamer,
    count: int = 16,
    label: str | int | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
    *,
    watch: Watch | None = None,
    compare: bool = True,
) -> Dreamed:
    """Draw `count` new images; without a label those of a prior with labels have each label in turn.

    `watch` gets the tokens while they are drawn. `compare` looks at how near they are to the training images.
    Interrupted (KeyboardInterrupt) it gives the images that are done, where there are any. Raises UserError for a prior
    of clips, an unknown label, a sampling that this prior cannot do, and no images or more than 4,096.
    """
    sampling = checked(dreamer, sampling, count)
    if dreamer.moves:
        raise UserError(
            f"{dreamer.name} draws clips, not images",
            why=f"it was trained on items of {dreamer.shape.frames} frames",
            fix="write --frames instead of --count, or name a prior of images",
        )
    labels = labels_for(dreamer, count, label, 0)
    parts, stopped = kept(drawn(dreamer, nothing(dreamer, count), labels, sampling, seed, watch))
    tokens = np.concatenate(parts)
    notes = notes_of(stopped, len(tokens), count) + labels_note(dreamer, label)
    names = tuple(dreamer.label_name(number) for number in labels[: len(tokens)])
    how = How(seed, sampling, names, notes=notes)
    found = Dreamed(dreamer.title, What.IMAGES, dreamer.decode(tokens), how, tokens)
    return compared(dreamer, found) if compare else found


def labels_for(dreamer: Dreamer, count: int, label: str | int | None, first: int) -> list[int]:
    """The label of each item: the one that is given, or each in turn from number `first` on; -1 of a prior without labels."""
    if label is not None:
        return [dreamer.label(label)] * count
    classes = dreamer.shape.classes
    return [(first + number) % classes if classes else -1 for number in range(count)]


def labels_note(dreamer: Dreamer, label: str | int | None) -> tuple[Note, ...]:
    """That labels were taken in turn, where they were."""
    return (Note(Fact.LABELS),) if label is None and dreamer.shape.classes else ()


def kept(parts: Iterator[NDArray[np.int64]]) -> tuple[list[NDArray[np.int64]], bool]:
    """All parts, or those that were done when it was interrupted, and whether it was; KeyboardInterrupt before the first."""
    done: list[NDArray[np.int64]] = []
    try:
        done.extend(parts)  # one after another: those that came are in the list
    except KeyboardInterrupt:
        if not done:
            raise
        return done, True
    return done, False


def notes_of(stopped: bool, done: int, asked: int) -> tuple[Note, ...]:
    """That it was stopped, where it was."""
    return (Note(Fact.STOPPED, (done, asked)),) if stopped else ()


def names_of(dreamer: Dreamer, labels: Sequence[int]) -> tuple[str | None, ...]:
    """What labels are called, None for none."""
    return tuple(dreamer.label_name(number) for number in labels)
