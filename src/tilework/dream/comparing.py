"""How a dream compares with what its prior learned from."""

from __future__ import annotations

from dataclasses import replace

from tilework.dream.features import of_tokens
from tilework.dream.judged import loop_report
from tilework.dream.made import Dreamed
from tilework.dream.opened import Dreamer


def compared(dreamer: Dreamer, found: Dreamed) -> Dreamed:
    """The same dream with its novelty, and of clips with their measures beside training loops.

    The first time it takes as long as encoding and decoding what it is compared with; that is kept as long as the prior is open.
    """
    assert found.drawn is not None
    moving = found.images.shape[1] > 2
    return replace(
        found,
        novelty=of_tokens(dreamer, found.drawn),
        loop=loop_report(dreamer, found.images, loop=found.closed) if moving else None,
        compared=True,
    )
