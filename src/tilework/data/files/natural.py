"""Natural order: `frame 2` comes before `frame 10`."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(text: str) -> tuple[str, str]:
    """Sort key that compares digit runs as numbers and the rest without regard to case; ties go by the text itself.

    One string and not a tuple of parts, since a large folder's keys are all in memory at once: after each stretch of words a
    zero character, which is below any in a file's name, and each number as its length and its digits.
    """
    words = _DIGITS.split(text.casefold())
    return "\0".join(_number(part) if place % 2 else part for place, part in enumerate(words)), text


def _number(digits: str) -> str:
    plain = digits.lstrip("0")
    return chr(1 + len(plain)) + plain
