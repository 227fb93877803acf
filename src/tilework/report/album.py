"""The images of a report: each a PNG file of its own, and embedded in the page so that the page stands alone."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from tilework.errors import UserError
from tilework.report.drawing import CSS_DPI, png
from tilework.report.theme import DARK, LIGHT, Theme
from tilework.runs.atomic import atomic_write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image


class Album:
    """Collects PNG files and gives the HTML that shows each."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def figure(self, name: str, draw: Callable[[Theme], Figure], alt: str) -> str:
        """A figure drawn in both themes; the reader's colour scheme chooses. Files `<name>-light.png`, `<name>-dark.png`."""
        size = (0.0, 0.0)
        for theme in (LIGHT, DARK):
            drawn = draw(theme)
            size = tuple(inches * CSS_DPI for inches in drawn.get_size_inches())
            self.files[f"{name}-{theme.name}.png"] = png(drawn)
        light, dark = (_data(self.files[f"{name}-{t.name}.png"]) for t in (LIGHT, DARK))
        return (
            f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
            f'<img src="{light}" width="{size[0]:.0f}" height="{size[1]:.0f}" alt="{escape(alt)}"></picture>'
        )

    def pixels(self, name: str, image: Image.Image, alt: str) -> str:
        """An image whose pixels stay pixels. File `<name>.png`."""
        buffer = io.BytesIO()
        image.save(buffer, format="png", optimize=True)
        self.files[f"{name}.png"] = buffer.getvalue()
        wide, high = image.size
        source = _data(self.files[f"{name}.png"])
        size = f'width="{wide}" height="{high}"'
        return f'<div class="pixels"><img class="pixelated" src="{source}" {size} alt="{escape(alt)}"></div>'

    def write(self, folder: Path) -> None:
        """Every image into `folder`. Raises UserError where it cannot be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"the report's images cannot be written to {folder}",
                why=error.strerror or str(error),
                fix="name a folder that you may write: `tilework report RUN --out FOLDER`",
            ) from error
        for name, data in self.files.items():
            atomic_write_bytes(folder / name, data)


def _data(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
