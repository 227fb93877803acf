"""Routes of models: the checkpoints of a run, an image that a page sends, a file that is made for it."""

from __future__ import annotations

import json
import re

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from tilework.errors import TileworkError, UserError
from tilework.protocol.http import ImageResponse, ModelsResponse
from tilework.studio.models.checked import shown
from tilework.studio.models.child import Child
from tilework.studio.models.choice import choose, device_of, listed
from tilework.studio.models.pool import Pool
from tilework.studio.models.uploads import MOST_BYTES, Uploads
from tilework.studio.responses import TooLarge, body_of, respond
from tilework.studio.runs_read import of_run

FORMATS = {"png": "image/png", "gif": "image/gif", "mp4": "video/mp4", "html": "text/html; charset=utf-8"}
"""The media type of each format."""


async def models(request: Request) -> Response:
    """`GET /api/models/{id}`."""
    return respond(ModelsResponse(checkpoints=await of_run(request, listed)))


async def image(request: Request) -> Response:
    """`POST /api/models/{id}/image`: kept, and read once by the model, so that what is none is refused here."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not re.fullmatch(r"image/[a-z0-9.+-]+", kind):
        raise UserError(
            "this file is no image",
            why=f"it was sent as {kind[:60]}" if kind else "it was sent without a content type",
            fix="choose a PNG, JPEG, WebP, GIF, TIFF or BMP; a program sends its bytes as image/png, image/jpeg, ...",
        )
    data = await _bytes_of(request)
    child = await _opened(request)
    uploads: Uploads = request.app.state.uploads
    name = await to_thread.run_sync(uploads.keep, data, request.query_params.get("name", ""))
    try:
        found = json.loads(await _pool(request).request(child, "image", {"name": name}))
    except TileworkError:
        await to_thread.run_sync(uploads.drop, name)
        raise
    return respond(ImageResponse(name=name, width=found["width"], height=found["height"]))


async def file(request: Request) -> Response:
    """`POST /api/models/{id}/file`."""
    body = await body_of(request)
    form, ask = body.get("format"), body.get("ask")
    if not isinstance(form, str) or form not in FORMATS:
        raise UserError(
            f"there is no format {shown(form)}" if "format" in body else "a file needs a format",
            why=f"the formats are {', '.join(FORMATS)}",
            fix="send one of them as format",
        )
    if not isinstance(ask, dict):
        raise UserError("a file needs an ask", why="it is made of its answer", fix="send {ask, format}")
    child = await _opened(request)
    data = await _pool(request).request(child, "file", {"ask": ask, "format": form})
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{child.chosen.run.id}-{str(ask.get('kind'))[:20]}")
    return Response(
        data, media_type=FORMATS[form], headers={"content-disposition": f'attachment; filename="{stem}.{form}"'}
    )


def _pool(request: Request) -> Pool:
    found: Pool = request.app.state.pool
    return found


async def _opened(request: Request) -> Child:
    """The process of the checkpoint that the query names."""
    which = request.query_params.get("which", "best")
    device = device_of(request.query_params.get("device", "auto"))
    return _pool(request).of(await of_run(request, lambda run: choose(run, which)), device)


async def _bytes_of(request: Request) -> bytes:
    """What was sent, as far as it is not too much."""
    data = bytearray()
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > MOST_BYTES:
        raise _too_large()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_BYTES:
            raise _too_large()
    if not data:
        raise UserError("an image of no bytes was sent", why="the file is empty", fix="choose another one")
    return bytes(data)


def _too_large() -> TooLarge:
    return TooLarge(
        "this image is too large", why=f"at most {MOST_BYTES // 2**20} MB are read", fix="send a smaller one"
    )
