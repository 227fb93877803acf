"""What the studio sends over HTTP: JSON without NaN, and errors as what, why and fix."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tilework.errors import TileworkError, UserError
from tilework.protocol.errors import ErrorResponse, Refusal
from tilework.protocol.http import ResponseBody
from tilework.runs.frames import without_nan

MOST_BODY = 256 * 1024
"""Bytes that a request may carry."""

FAULT: Refusal = {"what": "the studio failed at this", "why": "see the terminal that it runs in", "fix": "report this"}
"""What a page gets for a fault of ours."""


class NotHere(UserError):
    """What was asked for does not exist (HTTP 404)."""


class Busy(UserError):
    """The run is in a state in which this cannot be done (HTTP 409)."""


class TooLarge(UserError):
    """More was sent than is ever needed (HTTP 413)."""


_STATUS: dict[type[TileworkError], int] = {NotHere: 404, Busy: 409, TooLarge: 413}


def to_text(value: Any) -> str:
    """JSON text that every browser reads: NaN and infinities become null, what JSON does not know becomes its text."""
    return json.dumps(without_nan(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str)


def respond(value: ResponseBody) -> Response:
    """A JSON response."""
    return _response(value, 200)


def refusal(value: ErrorResponse, status: int) -> Response:
    """A JSON response that gives the reason why there is no other."""
    return _response(value, status)


def _response(value: ResponseBody | ErrorResponse, status: int) -> Response:
    return Response(to_text(value), status_code=status, media_type="application/json")


def error_body(error: TileworkError) -> Refusal:
    """An error as the page shows it."""
    return {"what": error.what, "why": error.why, "fix": error.fix}


def error_response(request: Request, error: Exception) -> Response:
    """A `TileworkError` raised by a route, as JSON with the status that its class stands for (400 where it has none)."""
    assert isinstance(error, TileworkError)
    return refusal({"error": error_body(error)}, _STATUS.get(type(error), 400))


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def read_json(text: str | bytes) -> dict[str, Any]:
    """A JSON object that a page sent. Raises UserError for anything else, also for NaN and infinity."""
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UserError("this message is not JSON", why=str(error)[:200], fix="send one JSON object") from None
    if not isinstance(found, dict):
        raise UserError(
            "this message is not a JSON object", why=f"it is {json.dumps(found)[:60]}", fix="send one in braces: {...}"
        )
    return found


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries; an empty body counts as {}. Raises UserError, TooLarge."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_BODY:
            raise TooLarge("this request is too large", why=f"at most {MOST_BODY:,} bytes are read", fix="send less")
    return read_json(data) if data.strip() else {}
