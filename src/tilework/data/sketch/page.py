"""What a web page holds, read without opening it: its scripts in order, and whether it has a canvas."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tilework.data.sketch.script import Script, parse

_MOST_BYTES = 4 * 2**20
_SCRIPTS = {"", "module", "text/javascript", "application/javascript", "text/ecmascript", "javascript", "text/jsx"}


@dataclass
class Page:
    """The parts of a page that matter for a sketch."""

    sources: list[str] = field(default_factory=list)
    """Addresses of its scripts, in order, as written."""
    inline: list[Script] = field(default_factory=list)
    inline_texts: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Addresses of images, sounds and styles."""
    has_canvas: bool = False
    has_import_map: bool = False


def read_page(path: Path) -> Page:
    """The page in a file; one without anything where it cannot be read."""
    try:
        with path.open("rb") as file:
            return parse_page(file.read(_MOST_BYTES).decode("utf-8", "replace"))
    except OSError:  # reported when it is drawn
        return Page()


def parse_page(text: str) -> Page:
    """Take a page apart. Never fails."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.end_script()
    return reader.page


def local(address: str) -> str | None:
    """The path in an address of the page's own files, without what follows `?` or `#`; None for one of the web."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    if parts.scheme or parts.netloc or not parts.path:
        return None
    return unquote(parts.path)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.inside: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script":
            kind = given.get("type", "").strip().lower()
            if kind == "importmap":
                self.page.has_import_map = True
            elif kind in _SCRIPTS and given.get("src"):
                self.page.sources.append(given["src"])
            elif kind in _SCRIPTS:
                self.inside = []
        elif tag == "canvas":
            self.page.has_canvas = True
        else:
            self.page.others += [given[name] for name in ("src", "href") if given.get(name) and tag != "a"]

    def handle_data(self, data: str) -> None:
        if self.inside is not None:
            self.inside.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self.end_script()

    def end_script(self) -> None:
        if self.inside is not None:
            self.page.inline_texts.append("".join(self.inside))
            self.page.inline.append(parse(self.page.inline_texts[-1]))
        self.inside = None
