"""What every result of exploring can do: show itself in a notebook, and become a file."""

from __future__ import annotations

import base64
import io
from abc import ABC, abstractmethod
from html import escape
from pathlib import Path

from PIL import Image

from tilework.explore import files
from tilework.explore.film import Film
from tilework.explore.page import page

PNG_DATA = "data:image/png;base64,"


class Shown(ABC):
    """A result with a picture. `save` writes it by the ending of the file: .png and .html, and .gif and .mp4 where it moves."""

    @abstractmethod
    def sheet(self) -> Image.Image:
        """All of it on one sheet."""

    @abstractmethod
    def title(self) -> str:
        """What it is, in one line."""

    def facts(self) -> tuple[tuple[str, str], ...]:
        """(name, value) of each thing that stands below it on a page."""
        return ()

    def film(self) -> Film | None:
        """The same moving; None where nothing moves."""
        return None

    def png(self) -> bytes:
        """The sheet as PNG."""
        return _packed(self.sheet())

    def html(self) -> str:
        """A page that stands alone: the sheet (or film) and the facts, where there is no better one."""
        return page(self)

    def save(self, path: Path | str) -> Path:
        """Write it to a file, whole or not at all. Raises UserError for an ending that it cannot have, and for a path that is
        something else already."""
        return files.save(self, Path(path))

    def _repr_png_(self) -> bytes:
        return self.png()

    def _repr_html_(self) -> str:
        return inline(self)


def inline(shown: Shown) -> str:
    """HTML of a result with its picture in it: a film where it moves, else its sheet."""
    film = shown.film()
    if film is None:
        return still(shown)
    data, (wide, high) = base64.b64encode(film.mp4()).decode(), film.size
    return (
        f'<video src="data:video/mp4;base64,{data}" width="{wide}" height="{high}" style="max-width:100%;height:auto" '
        f'controls loop muted autoplay playsinline title="{escape(shown.title())}"></video>'
    )


def still(shown: Shown) -> str:
    """HTML of a result with its sheet in it."""
    sheet = shown.sheet()
    data = base64.b64encode(_packed(sheet)).decode()
    size = f'width="{sheet.width}" height="{sheet.height}"'
    return f'<img src="{PNG_DATA}{data}" {size} style="max-width:100%;height:auto" alt="{escape(shown.title())}">'


def _packed(sheet: Image.Image) -> bytes:
    out = io.BytesIO()
    sheet.save(out, format="PNG", optimize=True)
    return out.getvalue()
