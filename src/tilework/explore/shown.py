"""What every result of exploring can do: show itself in a notebook, and become a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape
from pathlib import Path

from PIL import Image

from tilework.explore import files
from tilework.explore.film import Film
from tilework.explore.page import address, packed, page


class Shown(ABC):
    """A result with an image. `save` writes it by the extension of the file: .png and .html, and .gif and .mp4 where it moves."""

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
        return packed(self.sheet())

    def html(self) -> str:
        """A page that stands alone: the sheet, where it moves its film before it, and the facts, where there is no better one."""
        from tilework import __version__

        images = [inline(self), *([still(self)] if self.film() is not None else [])]
        facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in self.facts())
        sections = [f'<section class="sheet">{image}</section>' for image in images]
        sections += [f"<section><dl>{facts}</dl></section>"] if facts else []
        return page(self.title(), "\n".join(sections), f"Made by tilework {__version__}.")

    def save(self, path: Path | str) -> Path:
        """Write it to a file, whole or not at all. Raises UserError for an extension that it cannot have, and for a path that is
        something else already."""
        return files.save(self, Path(path)).path

    def _repr_png_(self) -> bytes:
        return self.png()

    def _repr_html_(self) -> str:
        return inline(self)


def inline(shown: Shown) -> str:
    """HTML of a result with its image in it: a film where it moves, else its sheet."""
    film = shown.film()
    if film is None:
        return still(shown)
    wide, high = film.size
    return (
        f'<video src="{address(film.mp4(), "video/mp4")}" width="{wide}" height="{high}" style="max-width:100%;height:auto" '
        f'controls loop muted autoplay playsinline title="{escape(shown.title())}"></video>'
    )


def still(shown: Shown) -> str:
    """HTML of a result with its sheet in it."""
    sheet = shown.sheet()
    size = f'width="{sheet.width}" height="{sheet.height}"'
    data = address(packed(sheet))
    return f'<img src="{data}" {size} style="max-width:100%;height:auto" alt="{escape(shown.title())}">'
