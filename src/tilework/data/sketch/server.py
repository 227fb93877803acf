"""What a sketch may read: files of its own folder and libraries that were given for it, and nothing else in the world."""

from __future__ import annotations

import html
import mimetypes
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from posixpath import dirname
from urllib.parse import quote, unquote, urlsplit

from tilework.data.sketch.found import Sketch
from tilework.data.sketch.library import is_p5, shipped

ORIGIN = "https://sketch.invalid"
"""A name that no server can ever have; its requests are answered here and never sent."""
_P5 = f"{ORIGIN}/__tilework__/p5.js"
_SOUND_NAME = re.compile(r"p5[.\-_]?sound.*\.js", re.IGNORECASE)
# Until p5 1.0 a library of its own, and since then a part of p5.
_DOM_NAME = re.compile(r"p5[.\-_]?dom(\.min)?\.js", re.IGNORECASE)
_P5_MODULE = re.compile(r"p5(\.esm)?(\.min)?\.m?js|\+esm", re.IGNORECASE)
# p5 looks for these on `window`, where what is declared with const and let is not.
_NAMES = "preload setup draw windowResized keyPressed keyReleased keyTyped mousePressed mouseReleased mouseClicked mouseMoved"
_EXPOSED = (
    f'<script>for (const name of "{_NAMES} mouseDragged mouseWheel doubleClicked touchStarted touchMoved touchEnded".split(" "))'
    " try { window[name] ??= (0, eval)(name); } catch {}</script>"
)
_WITHIN = "__tilework_p5"
_CODE = {".js", ".mjs", ".html", ".htm"}
_MOST_BYTES = 64 * 2**20
_MOST_LISTED = 20
BROWSER = Path(__file__).with_name("browser")


@dataclass(frozen=True)
class Response:
    """A file for the page."""

    status: int
    kind: str
    body: bytes


_NOT_FOUND = Response(404, "text/plain", b"")


@dataclass
class Server:
    """Answers the requests of one sketch; what asks for the network is in `blocked`, what is not there in `missing`."""

    sketch: Sketch
    p5: Path | None = None
    blocked: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    code: dict[str, bytes] = field(default_factory=dict)
    """The scripts and pages of the sketch's own that were read, by path."""
    gave_p5: bool = False

    @property
    def first(self) -> str:
        """The address to begin at."""
        begin = self.sketch.begin
        if self.sketch.is_script:
            folder = dirname(begin)
            return f"{ORIGIN}/{quote(folder)}/" if folder else f"{ORIGIN}/"
        return f"{ORIGIN}/{quote(begin)}"

    @cached_property
    def preloaded(self) -> tuple[str, ...]:
        """Scripts that the browser holds ready before the page asks: p5 itself, which then travels once for many sketches.

        Only the one that came with tilework, which is known to be one expression and so runs the same within a function.
        """
        text = _one_expression(self.p5) if self.p5 is not None and self.sketch.is_script else None
        if text is None:
            return ()
        function = f"function () {{ delete window.{_WITHIN}; {text}\n}}"
        define = f"Object.defineProperty(window, '{_WITHIN}', {{ configurable: true, value: {function} }})"
        return (f"if (window === window.top) {define};\n//# sourceURL={_P5}",)

    def own_code(self) -> list[bytes]:
        """The sketch's own scripts and pages that it was given."""
        return list(self.code.values())

    def block(self, url: str) -> None:
        """Remember a request that asks for the network."""
        if url not in self.blocked and len(self.blocked) < _MOST_LISTED:
            self.blocked.append(url[:300])

    def respond(self, url: str) -> Response | None:
        """The answer to a request, or None where it asks for the network."""
        parts = urlsplit(url)
        own = f"{parts.scheme}://{parts.netloc}" == ORIGIN
        if own and url == self.first and self.sketch.is_script:
            return Response(200, "text/html; charset=utf-8", self._page())
        found = self._library(url, unquote(parts.path), own)
        if found is None and own:
            found = self._file(unquote(parts.path))
        if found is None and (given := self.sketch.library(url)) is not None:
            found = _read(given)
        if found is None and _DOM_NAME.fullmatch(unquote(parts.path).rpartition("/")[2]):
            found = Response(200, "text/javascript", b"")
        if found is not None or not own:
            return found
        if len(self.missing) < _MOST_LISTED and not parts.path.endswith(("/favicon.ico", ".map", ".css")):
            self.missing.append(unquote(parts.path).lstrip("/")[:300])
        return _NOT_FOUND

    def _library(self, url: str, path: str, own: bool) -> Response | None:
        """p5, whatever version the page names, and silence for p5.sound."""
        name = path.rpartition("/")[2]
        if _SOUND_NAME.fullmatch(name):
            return Response(200, "text/javascript; charset=utf-8", _sound().encode())
        if self.p5 is None:
            return None
        if url == _P5 or is_p5(url):
            return self._p5()
        if own:
            return None
        if _P5_MODULE.fullmatch(name) and "/p5" in path:
            return Response(200, "text/javascript", f'import "{_P5}";\nexport default window.p5;\n'.encode())
        return None

    def _p5(self) -> Response | None:
        self.gave_p5 = True
        return _read(self.p5) if self.p5 is not None else None

    def _file(self, path: str) -> Response | None:
        folder = self.sketch.folder.resolve()
        try:
            file = (folder / path.lstrip("/")).resolve()
            if not file.is_relative_to(folder) or not file.is_file():
                return None
        except (OSError, ValueError, RuntimeError):  # a zero byte in the name, a link to itself
            return None
        respond = _read(file)
        if (
            respond is not None
            and len(self.code) < _MOST_LISTED
            and file.suffix.lower() in _CODE
            and not file.name.lower().endswith(".min.js")
        ):
            self.code[path] = respond.body
        return respond

    def _page(self) -> bytes:
        kind = ' type="module"' if self.sketch.modules else ""
        scripts = "".join(
            f'<script{kind} src="{html.escape(f"/{quote(name)}", quote=True)}"></script>'
            for name in self.sketch.page_scripts or (self.sketch.begin,)
        )
        if not self.sketch.modules:
            scripts += _EXPOSED
        p5 = f'<script src="{_P5}"></script>'
        if self.preloaded:
            self.gave_p5 = True
            p5 = f"<script>{_WITHIN}()</script>"
        return (
            '<!DOCTYPE html><html><head><meta charset="utf-8"><style>body { margin: 0 }</style>'
            # Within the page, as each request that is not made is time that a sketch does not take.
            f"{p5}<script>{_sound()}</script></head><body>{scripts}</body></html>"
        ).encode()


def _one_expression(p5: Path) -> str | None:
    """The text of the p5 of the first generation that came with tilework; None for any other."""
    ours, given = shipped(1), _read(p5)
    if ours is None or given is None or given.body != ours.read_bytes():
        return None
    return given.body.decode("utf-8")


@cache
def _sound() -> str:
    return (BROWSER / "sound.js").read_text(encoding="utf-8")


def _read(file: Path) -> Response | None:
    try:
        if file.stat().st_size > _MOST_BYTES:
            return None
        body = file.read_bytes()
    except OSError:
        return None
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if file.suffix.lower() in {".js", ".mjs"}:
        kind = "text/javascript"
    return Response(200, f"{kind}; charset=utf-8" if kind.startswith("text/") else kind, body)
