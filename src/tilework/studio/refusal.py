"""What is answered to a request that the guard does not let in."""

from __future__ import annotations

import html
from typing import Literal, NamedTuple

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from tilework.protocol import errors
from tilework.studio import responses

OPEN = "open the URL that `tilework studio` printed"


class Refusal(NamedTuple):
    """Why a request is not answered. `kind` is what was missing: host, origin or key."""

    kind: Literal["host", "origin", "key"]
    what: str
    why: str
    fix: str = OPEN


def refused(scope: Scope, headers: Headers, refusal: Refusal) -> Response:
    """As a page to a person, as JSON to a program."""
    kind, what, why, fix = refusal
    if scope["path"] == "/" or "text/html" in headers.get("accept", ""):
        return page_of(f"{what[:1].upper()}{what[1:]}: {why}. {fix[:1].upper()}{fix[1:]}.")
    return responses.refusal({"error": errors.Refusal(kind=kind, what=what, why=why, fix=fix)}, 403)


def page_of(text: str) -> Response:
    """A page of one sentence. Its link helps who came from another site: a strict cookie travels with the second request only."""
    return HTMLResponse(
        '<!doctype html><meta charset="utf-8"><title>tilework studio</title>'
        f'<p>{html.escape(text, quote=False)}</p><p><a href="./">Try again</a></p>',
        status_code=403,
    )
