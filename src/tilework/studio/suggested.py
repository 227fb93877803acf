"""Routes that bring images: the folders that a page may look into, and the spec that is proposed for one."""

from __future__ import annotations

import re
import secrets
import tempfile
from pathlib import Path
from typing import Any, cast

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tilework.errors import UserError
from tilework.protocol.folders import SuggestResponse
from tilework.studio.folders import Folders
from tilework.studio.responses import NotHere, body_of, respond

_ID = re.compile(r"[0-9a-f]{16}")
_MOST_KEPT, _MOST_PATHS = 32, 64


class Suggestions:
    """The proposals of one studio, as files of its own, until it ends. May be asked from any thread."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="tilework-suggested-", ignore_cleanup_errors=True)
        self.folder = Path(self._home.name)

    def new(self) -> str:
        """The id of one that is about to be made; the oldest goes where there are too many."""
        kept = sorted(self.folder.glob("*.yaml"), key=lambda file: file.stat().st_mtime_ns)
        for old in kept[: max(0, len(kept) - _MOST_KEPT + 1)]:
            for file in (old, old.with_suffix(".png")):
                file.unlink(missing_ok=True)
        return secrets.token_hex(8)

    def file(self, made: str, extension: str) -> Path:
        """A file of a proposal. Raises NotHere where there is none of that id."""
        path = self.folder / f"{made}.{extension}"
        if not _ID.fullmatch(made) or not path.is_file():
            raise NotHere(
                f"there is no proposal '{made[:40]}'",
                why="a proposal is kept until the studio ends",
                fix="choose the folder again",
            )
        return path

    def close(self) -> None:
        """Remove all of them."""
        self._home.cleanup()


def suggestions_of(request: Request) -> Suggestions:
    """Those of this studio."""
    found: Suggestions = request.app.state.suggestions
    return found


def _folders(request: Request) -> Folders:
    found: Folders = request.app.state.folders
    return found


async def folders(request: Request) -> Response:
    """`GET /api/folders?at=PATH`."""
    at = request.query_params.get("at")
    return respond(await to_thread.run_sync(_folders(request).listing, at or None))


async def suggest(request: Request) -> Response:
    """`POST /api/suggest`."""
    paths = _paths(await body_of(request))
    state = request.app.state

    def ask() -> SuggestResponse:
        given = [str(_folders(request).allowed(path)) for path in paths]
        kept = suggestions_of(request)
        made = kept.new()
        found = state.looking.suggest(given, kept.folder / f"{made}.yaml", kept.folder / f"{made}.png")
        return cast(SuggestResponse, {**found, "id": made})

    return respond(await to_thread.run_sync(ask))


async def sheet(request: Request) -> Response:
    """`GET /api/suggested/{id}/sheet.png`."""
    path = await to_thread.run_sync(suggestions_of(request).file, request.path_params["id"], "png")
    return FileResponse(path, media_type="image/png", headers={"cache-control": "private, max-age=3600"})


def _paths(body: dict[str, Any]) -> list[str]:
    paths = body.get("paths")
    if not (isinstance(paths, list) and paths and all(isinstance(path, str) for path in paths)):
        raise UserError("nothing was named to learn from", why="`paths` is a list of folders and files", fix="send one")
    if len(paths) > _MOST_PATHS:
        raise UserError(
            f"at most {_MOST_PATHS} paths are taken", why=f"{len(paths)} were sent", fix="send their folder"
        )
    return paths
