"""The built front end: one page and its assets, which are package data."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from tilework.studio.responses import NotHere

PAGE = Path(__file__).parent / "page"

_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_LONG = "public, max-age=31536000, immutable"  # the names of assets carry a hash of what is in them
_MISSING = """<!doctype html><meta charset="utf-8"><title>tilework studio</title>
<h1>The studio's page was not built</h1>
<p>This copy of tilework has no front end: it was installed with the web build skipped, or from sources that were never built.
Runs are not touched by this; <code>tilework runs</code>, <code>show</code> and <code>report</code> work.</p>
<p>Fix: <code>uv sync --reinstall-package tilework</code> in the checkout, or install a released wheel.</p>"""


def built(folder: Path = PAGE) -> bool:
    """Whether there is a front end to serve."""
    return (folder / "index.html").is_file()


async def index(request: Request) -> Response:
    """`/`: the page, or in plain words that there is none."""
    folder: Path = request.app.state.page
    if not await to_thread.run_sync(built, folder):
        return HTMLResponse(_MISSING, status_code=503)
    return await to_thread.run_sync(_file, folder / "index.html", request, "no-cache")


async def asset(request: Request) -> Response:
    """`/assets/...`: a file of the page."""
    folder: Path = request.app.state.page
    return await to_thread.run_sync(_asset, folder, request)


def _asset(folder: Path, request: Request) -> Response:
    home = (folder / "assets").resolve()
    try:
        path = (home / request.path_params["path"]).resolve()
        found = path.is_relative_to(home) and path.is_file()
    except (OSError, ValueError, RuntimeError):
        found = False
    if not found:
        raise NotHere("there is no such file", why="the page was built anew, or never had it", fix="reload the page")
    return _file(path, request, _LONG)


def _file(path: Path, request: Request, cache: str) -> Response:
    """The file, or its compressed twin beside it where the browser takes that."""
    headers = {"cache-control": cache, "vary": "accept-encoding"}
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = path.with_name(path.name + ".gz")
    if "gzip" in request.headers.get("accept-encoding", "") and packed.is_file():
        return FileResponse(packed, media_type=kind, headers={**headers, "content-encoding": "gzip"})
    return FileResponse(path, media_type=kind, headers=headers)
