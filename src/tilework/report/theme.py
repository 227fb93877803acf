"""Two looks, light and dark, and the ten colours that distinguish classes."""

from __future__ import annotations

from dataclasses import dataclass

# Ten colours that stay apart for people with colour-vision deficiencies: Petroff 2021, arXiv 2107.02270, table 2.
PETROFF10 = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)


# Which of a theme's line colours stand for the levels of a residual quantiser, one after another.
LEVEL_COLOURS = (0, 2, 1, 3, 4, 5)


@dataclass(frozen=True)
class Theme:
    """Colours by what they are for. `lines` are those of the ten that read well as thin lines on `panel`."""

    name: str
    panel: str
    """Behind everything."""
    text: str
    mute: str
    """Axes, secondary text."""
    line: str
    """Borders of cells and panels."""
    grid: str
    bad: str
    """Dead codes, values that are no numbers."""
    lines: tuple[str, ...]

    def level(self, number: int) -> str:
        """Colour of a codebook level, counted from 0: the same in every figure."""
        return self.lines[LEVEL_COLOURS[number % len(LEVEL_COLOURS)]]

    def needs_outline(self, colour: str) -> bool:
        """Whether a mark of this colour has less than 3:1 contrast with `panel` (WCAG 2.1, 1.4.11)."""
        light, dark = sorted((_luminance(colour), _luminance(self.panel)), reverse=True)
        return (light + 0.05) / (dark + 0.05) < 3.0


LIGHT = Theme(
    name="light",
    panel="#fffefb",
    text="#1c2128",
    mute="#68707c",
    line="#d3ccbb",
    grid="#ece8dd",
    bad="#b93a28",
    lines=("#3f90da", "#e76300", "#832db6", "#a96b59", "#717581", "#bd1f01"),
)
DARK = Theme(
    name="dark",
    panel="#151a21",
    text="#e8ebf0",
    mute="#8d98a8",
    line="#384350",
    grid="#1f2731",
    bad="#e5604d",
    lines=("#3f90da", "#ffa90e", "#92dadd", "#b9ac70", "#e76300", "#94a4a2"),
)


def _luminance(colour: str) -> float:
    """Relative luminance of sRGB (WCAG 2.1)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
