"""What a sketch may read: files of its own folder and p5, and nothing else in the world."""

from __future__ import annotations

import html
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from tilework.data.sketch.found import Sketch
from tilework.data.sketch.library import is_p5

ORIGIN = "https://sketch.invalid"
"""A name that no server can ever have; its requests are answered here and never sent."""
PAGE = f"{ORIGIN}/"
_P5 = f"{ORIGIN}/__tilework__/p5.js"
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Answer:
    """A file for the page."""

    status: int
    kind: str
    body: bytes


_NOT_FOUND = Answer(404, "text/plain", b"")


@dataclass
class Server:
    """Answers the requests of one sketch; what it does not answer is in `refused`."""

    sketch: Sketch
    p5: Path | None = None
    refused: list[str] = field(default_factory=list)

    @property
    def first(self) -> str:
        """The address to begin at."""
        return PAGE if self.sketch.begin.endswith(".js") else f"{ORIGIN}/{self.sketch.begin}"

    def note(self, url: str) -> None:
        """Remember a request that asks for the network."""
        parts = urlsplit(url)
        own = parts.scheme in {"data", "blob", "about"} or f"{parts.scheme}://{parts.netloc}" == ORIGIN
        if not own and url not in self.refused and self._stands_in(url) is None:
            self.refused.append(url)

    def answer(self, url: str) -> Answer | None:
        """The answer to a request, or None where it asks for the network."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != ORIGIN:
            return self._stands_in(url)
        if url == PAGE and self.sketch.begin.endswith(".js"):
            return Answer(200, "text/html; charset=utf-8", self._page())
        if url == _P5:
            return self._p5()
        if self.p5 is not None and is_p5(url):
            return self._p5()
        found = self._file(unquote(parts.path))
        return found or self._library(url) or _NOT_FOUND

    def _stands_in(self, url: str) -> Answer | None:
        """For a page that takes p5 from the web the file that is here; and nothing for p5.sound, which draws nothing."""
        name = urlsplit(url).path.rpartition("/")[2].lower()
        if self.p5 is not None and is_p5(url):
            return self._p5()
        if (library := self._library(url)) is not None:
            return library
        return Answer(200, "text/javascript", b"") if name in {"p5.sound.js", "p5.sound.min.js"} else None

    def _file(self, path: str) -> Answer | None:
        folder = self.sketch.folder.resolve()
        try:
            file = (folder / path.lstrip("/")).resolve()
            if not file.is_relative_to(folder) or not file.is_file() or file.stat().st_size > _MOST_BYTES:
                return None
            body = file.read_bytes()
        except (OSError, ValueError, RuntimeError):  # a zero byte in the name; a link to itself
            return None
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if file.suffix.lower() in {".js", ".mjs"}:
            kind = "text/javascript"
        return Answer(200, f"{kind}; charset=utf-8" if kind.startswith("text/") else kind, body)

    def _library(self, url: str) -> Answer | None:
        path = self.sketch.library(url)
        if path is None:
            return None
        kind = "text/css" if path.suffix == ".css" else "text/javascript"
        return Answer(200, f"{kind}; charset=utf-8", path.read_bytes())

    def _p5(self) -> Answer:
        assert self.p5 is not None
        try:
            return Answer(200, "text/javascript; charset=utf-8", self.p5.read_bytes())
        except OSError:
            return _NOT_FOUND

    def _page(self) -> bytes:
        kind = ' type="module"' if self.sketch.modules else ""
        scripts = "".join(
            f'<script{kind} src="{html.escape(f"/{quote(name)}", quote=True)}"></script>'
            for name in self.sketch.page_scripts or (self.sketch.begin,)
        )
        return (
            '<!DOCTYPE html><html><head><meta charset="utf-8"><style>body { margin: 0 }</style>'
            f'<script src="{_P5}"></script></head><body>{scripts}</body></html>'
        ).encode()
