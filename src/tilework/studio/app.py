"""The studio as one ASGI application: its routes, and what they share."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from tilework.errors import TileworkError
from tilework.protocol.errors import Refusal
from tilework.protocol.http import KeyResponse
from tilework.studio import (
    checks,
    explained,
    findings,
    page_files,
    reports,
    runs_read,
    runs_write,
    sockets,
    starting,
    suggested,
)
from tilework.studio.cards import Cards
from tilework.studio.folders import Folders
from tilework.studio.forms import Forms
from tilework.studio.guard import Guard, Keys
from tilework.studio.launch import Launcher
from tilework.studio.listing import Listing
from tilework.studio.models import routes as models
from tilework.studio.models.pool import Pool
from tilework.studio.models.socket import model_socket
from tilework.studio.models.uploads import Uploads
from tilework.studio.paths import Root
from tilework.studio.responses import FAULT, error_response, refusal, respond
from tilework.studio.run_feed import RunFeeds
from tilework.studio.talk import Clients
from tilework.studio.thumbs import Thumbs


async def _key(request: Request) -> Response:
    """`POST /api/key`: answered where the guard lets a page in that may also change something; with the path that was given."""
    return respond(KeyResponse(path=request.app.state.path))


ROUTES = [
    Route("/", page_files.index),
    Route("/assets/{path:path}", page_files.asset),
    Route("/api/key", _key, methods=["POST"]),
    Route("/api/runs", runs_read.runs),
    Route("/api/runs", runs_write.start, methods=["POST"]),
    Route("/api/runs/{id}", runs_read.run),
    Route("/api/runs/{id}/curves", runs_read.curves),
    Route("/api/runs/{id}/marks", runs_read.marks),
    Route("/api/runs/{id}/findings", runs_read.findings),
    Route("/api/runs/{id}/timeline", runs_read.timeline),
    Route("/api/runs/{id}/frames/{step:int}", runs_read.frame),
    Route("/api/runs/{id}/thumb.png", runs_read.thumb),
    Route("/api/runs/{id}/form", runs_write.form),
    Route("/api/runs/{id}/report", reports.report),
    Route("/api/runs/{id}/explain", explained.run),
    Route("/api/runs/{id}/checks", checks.checks),
    Route("/api/runs/{id}/findings/{code}/image", findings.image),
    Route("/api/runs/{id}/resume", runs_write.resume, methods=["POST"]),
    Route("/api/runs/{id}/apply", runs_write.apply, methods=["POST"]),
    Route("/api/runs/{id}/stop", runs_write.stop, methods=["POST"]),
    Route("/api/runs/{id}/delete", runs_write.delete, methods=["POST"]),
    Route("/api/compare", runs_read.compare),
    Route("/api/starts", starting.starts),
    Route("/api/starts", starting.begin, methods=["POST"]),
    Route("/api/starts/{name}", starting.start),
    Route("/api/starts/{name}/cancel", starting.cancel, methods=["POST"]),
    Route("/api/spare", starting.spare, methods=["POST"]),
    Route("/api/recipes", runs_write.recipes),
    Route("/api/recipes/{name}", runs_write.recipe),
    Route("/api/check", runs_write.check, methods=["POST"]),
    Route("/api/explain", explained.spec, methods=["POST"]),
    Route("/api/glossary", explained.glossary),
    Route("/api/folders", suggested.folders),
    Route("/api/suggest", suggested.suggest, methods=["POST"]),
    Route("/api/suggested/{id}", runs_write.suggested),
    Route("/api/suggested/{id}/sheet.png", suggested.sheet),
    Route("/api/models/{id}", models.models),
    Route("/api/models/{id}/image", models.image, methods=["POST"]),
    Route("/api/models/{id}/file", models.file, methods=["POST"]),
    WebSocketRoute("/ws/runs", sockets.runs_socket),
    WebSocketRoute("/ws/runs/{id}", sockets.run_socket),
    WebSocketRoute("/ws/models/{id}", model_socket),
]


def build(root: Root, keys: Keys, page: Path = page_files.PAGE, folders: Folders | None = None) -> Guard:
    """The application behind its guard. `.app` is the Starlette application, whose state holds what the routes share."""
    app = Starlette(
        routes=ROUTES,
        lifespan=_life,
        exception_handlers={TileworkError: error_response, HTTPException: _http_error, Exception: _fault},
    )
    app.router.redirect_slashes = False  # it would write an address in full, and behind a proxy a wrong one
    state = app.state
    state.root, state.page = root, page
    state.path = keys.outside.path if keys.outside else "/"
    state.cards, state.thumbs = Cards(root), Thumbs()
    state.listing = Listing(root, state.cards)
    state.feeds = RunFeeds(root)
    state.launcher, state.suggestions = Launcher(root), suggested.Suggestions()
    state.forms = Forms(root, state.suggestions)
    # A folder on a drive that does not answer must not keep a form waiting.
    state.looking, state.folders = Forms(root), folders or Folders.of()
    state.uploads = Uploads()
    state.pool = Pool(state.uploads.folder)
    state.clients = Clients()
    return Guard(app, keys)


@contextlib.asynccontextmanager
async def _life(app: Starlette) -> AsyncIterator[None]:
    """From the first request to the last: then all watching ends, and every model. Runs that were started here go on."""
    try:
        yield
    finally:
        await to_thread.run_sync(app.state.launcher.close)
        await app.state.feeds.close()
        await app.state.listing.close()
        await app.state.pool.close()
        await to_thread.run_sync(app.state.uploads.close)
        await to_thread.run_sync(app.state.forms.close)
        await to_thread.run_sync(app.state.looking.close)
        await to_thread.run_sync(app.state.suggestions.close)
        logging.getLogger("tilework.studio").debug("closed; %d runs go on", app.state.launcher.reap())


async def _http_error(request: Request, error: Exception) -> Response:
    """An unknown path, a method that it does not have."""
    assert isinstance(error, HTTPException)
    problem: Refusal = {
        "what": f"{error.detail}: {request.method} {request.url.path[:200]}",
        "why": "there is no such route",
        "fix": "",
    }
    return refusal({"error": problem}, error.status_code)


async def _fault(request: Request, error: Exception) -> Response:
    """A fault of ours; the guard writes its trace to the terminal."""
    return refusal({"error": FAULT}, 500)
