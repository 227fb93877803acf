"""Natural order: `frame 2` comes before `frame 10`."""

from __future__ import annotations

import re


def natural_key(text: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key that compares digit runs as numbers and the rest without regard to case; ties go by the text itself."""
    parts = re.split(r"([0-9]+)", text.casefold())
    return tuple((0, int(p), "") if p.isdigit() and p.isascii() else (1, 0, p) for p in parts if p), text
