"""Numbers as they are written in a text."""

from __future__ import annotations

from collections.abc import Sequence

from tilework.explain.facts.network import Area

_SIZES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


def count(value: float) -> str:
    """12,288; of what is no whole number three significant digits."""
    if value == round(value) or abs(value) >= 1000:
        return f"{round(value):,}"
    return f"{value:.3g}"


def large(value: float) -> str:
    """1.86 billion, 3.4 million, 12,288."""
    for size, word in _SIZES:
        if value >= size:
            return f"{value / size:.3g} {word}"
    return count(value)


def number(value: float) -> str:
    """A setting: 0.0001 as it is, 0.00004 as 4e-5."""
    return f"{value:.6g}".replace("e-0", "e-").replace("e+0", "e")


def significant(value: float, digits: int = 3) -> str:
    """So many significant digits, zeros at the end left out: 5.3, 120, 0.0431."""
    return number(float(f"{value:.{digits}g}"))


def whole(value: float) -> float:
    """A bound as it is written: in whole numbers, a small one with a digit."""
    return float(round(value)) if value >= 10 else float(f"{value:.2g}")


def percent(share: float) -> str:
    """12 %, 0.4 %, less than 0.1 %."""
    hundredths = 100 * share
    if 0 < hundredths < 0.1:
        return "less than 0.1 %"
    return f"{hundredths:.2g} %" if hundredths < 99.5 or hundredths == 100 else f"{hundredths:.0f} %"


def size(width: int, height: int) -> str:
    """128x72."""
    return f"{width}x{height}"


def area(found: Area) -> str:
    """50x50 pixels."""
    return f"{found.width}x{found.height} pixels"


def shape(sides: Sequence[int]) -> str:
    """(C, H, W) as it is written, width first: 32x32x256; of a vector how many numbers it has."""
    if len(sides) == 3 and sides[1:] != (1, 1):
        return f"{sides[2]}x{sides[1]}x{sides[0]}"
    return f"{sides[0]:,}"


def many(value: float, one: str, more: str = "") -> str:
    """1 step, 2 steps."""
    return f"{count(value)} {one if value == 1 else more or one + 's'}"
