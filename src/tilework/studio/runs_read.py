"""Routes that read one run. Each reads in a thread: the event loop waits for no disk."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TypeVar

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from tilework.doctor.diagnosis import diagnose
from tilework.doctor.entries import findings_response
from tilework.doctor.opening import opened
from tilework.errors import TileworkError, UserError
from tilework.protocol.finding import FindingsResponse
from tilework.protocol.http import CompareResponse, MarksResponse, RunsResponse, TimelineResponse
from tilework.protocol.run import RunResponse
from tilework.runs.folder import RunFolder
from tilework.studio.compare import differences
from tilework.studio.details import NOTHING, about
from tilework.studio.paths import Root, inside
from tilework.studio.responses import NotHere, respond
from tilework.studio.store_feed import StoreFeed

_MOST_ROWS = 20_000
_MOST_FRAME = 64 * 2**20
T = TypeVar("T")


def root_of(request: Request) -> Root:
    """The folder of runs."""
    found: Root = request.app.state.root
    return found


async def of_run(request: Request, question: Callable[[RunFolder], T]) -> T:
    """Ask something about the run that the path names, in a thread. Raises NotHere for an unknown id."""
    root = root_of(request)
    return await to_thread.run_sync(lambda: question(root.run(request.path_params["id"])))


def _from_store(question: Callable[[StoreFeed], T]) -> Callable[[RunFolder], T]:
    def ask(folder: RunFolder) -> T:
        reader = StoreFeed(folder)
        try:
            return question(reader)
        finally:
            reader.close()

    return ask


async def runs(request: Request) -> Response:
    """`GET /api/runs`."""
    cards = await to_thread.run_sync(request.app.state.cards.all)
    return respond(RunsResponse(root=str(root_of(request).path), runs=cards))


async def run(request: Request) -> Response:
    """`GET /api/runs/{id}`."""

    def ask(folder: RunFolder) -> RunResponse:
        reader = StoreFeed(folder)
        try:
            everything = reader.whole()[0]
        except TileworkError:
            everything = NOTHING  # the card shows why
        finally:
            reader.close()
        return about(root_of(request), folder, everything)

    return respond(await of_run(request, ask))


async def curves(request: Request) -> Response:
    """`GET /api/runs/{id}/curves?most=2000`."""
    text = request.query_params.get("most", "2000")
    if not (text.isascii() and text.isdigit() and 2 <= int(text[:9]) <= _MOST_ROWS):
        raise UserError(f"most={text[:40]} is no number of rows", fix=f"give 2 to {_MOST_ROWS:,}")
    return respond(await of_run(request, _from_store(lambda reader: reader.all_curves(int(text)))))


async def marks(request: Request) -> Response:
    """`GET /api/runs/{id}/marks`."""
    return respond(MarksResponse(marks=await of_run(request, _from_store(StoreFeed.all_marks))))


async def findings(request: Request) -> Response:
    """`GET /api/runs/{id}/findings`: judged as its rows are now."""

    def ask(folder: RunFolder) -> FindingsResponse:
        for name in ("run.db", "spec.yaml"):
            if (folder.path / name).is_symlink():
                raise NotHere(f"{name} of run {folder.id} is a link", why="links are not followed", fix="copy the file")
        with opened(folder) as case:
            return findings_response(folder, case.step, diagnose(case, tolerant=True))

    return respond(await of_run(request, ask))


async def timeline(request: Request) -> Response:
    """`GET /api/runs/{id}/timeline`."""
    return respond(TimelineResponse(steps=await of_run(request, _from_store(StoreFeed.all_steps))))


async def frame(request: Request) -> Response:
    """`GET /api/runs/{id}/frames/{step}`."""
    step: int = request.path_params["step"]

    def ask(folder: RunFolder) -> bytes:
        name = _from_store(lambda reader: reader.frame_file(step) if step < 2**62 else None)(folder)
        if name is None:
            raise NotHere(f"run {folder.id} has no stored frame of step {step}", why="the timeline lists those it has")
        return _inflated(inside(folder, name).read_bytes(), folder, step)

    return Response(await of_run(request, ask), media_type="application/octet-stream")


def _inflated(packed: bytes, folder: RunFolder, step: int) -> bytes:
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(packed, _MOST_FRAME)
        if not inflater.eof:
            raise zlib.error("it is cut short, or too large")
    except zlib.error as error:
        raise NotHere(f"the stored frame of step {step} of run {folder.id} is damaged", why=str(error)) from None
    return data


async def thumb(request: Request) -> Response:
    """`GET /api/runs/{id}/thumb.png`."""
    png = await of_run(request, request.app.state.thumbs.of)
    return Response(png, media_type="image/png", headers={"cache-control": "private, max-age=60"})


async def compare(request: Request) -> Response:
    """`GET /api/compare?a=ID&b=ID`."""
    root = root_of(request)
    a, b = request.query_params.get("a", ""), request.query_params.get("b", "")
    found = await to_thread.run_sync(lambda: differences(root.run(a), root.run(b)))
    return respond(CompareResponse(differences=found))
