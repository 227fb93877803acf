"""Who may talk to the studio: exact Host, own Origin, and the cookie that the launch token buys. In front of every route.

Any page that a browser has open can send requests to the loopback interface, and a name that points there can be anybody's. So
nothing is served, and no socket is opened, before these three have been checked; nothing behind the guard needs to think of it.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tilework.studio.answers import FAULT, answer

_log = logging.getLogger("tilework.studio")
_SAFE = {"GET", "HEAD"}
_REFUSED = 4403
"""Close code of a socket that may not be opened. Before `accept` the server makes HTTP 403 of it."""


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Keys:
    """One launch of the studio: its secrets, and the names under which it is reached (`127.0.0.1:7860`)."""

    hosts: frozenset[str]
    port: int
    token: str = field(default_factory=_secret, repr=False)
    """In the printed URL; buys the cookie."""
    session: str = field(default_factory=_secret, repr=False)
    """The cookie's value."""

    @property
    def cookie(self) -> str:
        """Name of the cookie. Cookies are shared by all ports of a host, so each studio has its own."""
        return f"tilework-{self.port}"


class Guard:
    """ASGI in front of `app`. Refuses what is not ours, answers the launch URL, adds the security headers to every answer."""

    def __init__(self, app: Starlette, keys: Keys) -> None:
        self.app = app
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        refusal = self._wrong_host(headers) or self._wrong_origin(scope, headers)
        if scope["type"] == "websocket":
            if refusal or not self._has_cookie(headers):
                await receive()
                return await send({"type": "websocket.close", "code": _REFUSED, "reason": ""})
            return await self._told(scope, receive, send)
        answered: Response | None = None
        if refusal:
            answered = _no(scope, *refusal)
        elif (token := _token_in(scope)) is not None and (self._is_token(token) or not self._has_cookie(headers)):
            answered = self._login(token)
        elif not self._has_cookie(headers):
            answered = _no(
                scope, "this browser has no key to the studio", "the key is in the URL that was printed at its start"
            )
        return await self._headed(answered or self.app, scope, receive, send)

    # What is checked -------------------------------------------------------------------------------------------------

    def _wrong_host(self, headers: Headers) -> tuple[str, str] | None:
        said = headers.getlist("host")
        if len(said) == 1 and said[0].lower() in self.keys.hosts:
            return None
        return "this is not the studio's address", f"it answers as {', '.join(sorted(self.keys.hosts))} only"

    def _wrong_origin(self, scope: Scope, headers: Headers) -> tuple[str, str] | None:
        said = headers.getlist("origin")
        own = {f"http://{host}" for host in self.keys.hosts}
        if not said and scope["type"] == "http" and scope["method"] in _SAFE:
            return None  # a browser names no origin when it loads a page of its own accord
        if len(said) == 1 and said[0].lower() in own:
            return None
        return "this request comes from another page", "only the studio's own page may send it"

    def _has_cookie(self, headers: Headers) -> bool:
        found = cookie_parser(headers.get("cookie", "")).get(self.keys.cookie, "")
        return hmac.compare_digest(found.encode(), self.keys.session.encode())

    def _is_token(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.keys.token.encode())

    def _login(self, token: str) -> Response:
        if not self._is_token(token):
            return _page("This key is of another launch of the studio. Open the URL that was printed last.")
        response = RedirectResponse("/", status_code=303)  # the browser keeps what stands behind the #
        response.set_cookie(self.keys.cookie, self.keys.session, path="/", httponly=True, samesite="strict")
        return response

    async def _told(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A socket; the server itself is silent, so its faults are told here."""
        try:
            await self.app(scope, receive, send)
        except Exception:
            _log.exception("the studio failed at %s", scope["path"])
            raise

    # What every answer carries ---------------------------------------------------------------------------------------

    async def _headed(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        begun = ended = False

        async def send_headed(message: Message) -> None:
            nonlocal begun, ended
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            if message["type"] == "http.response.start":
                begun = True
                _secure(MutableHeaders(scope=message), Headers(scope=scope).get("host", ""))
            await send(message)

        try:
            await app(scope, receive, send_headed)
        except Exception:
            _log.exception("the studio failed at %s", scope["path"])
            if begun and not ended:
                raise  # half an answer: only the end of the connection can say so
            if not begun:
                await answer({"error": FAULT}, 500)(scope, receive, send_headed)


def _secure(headers: MutableHeaders, host: str) -> None:
    headers.setdefault("cache-control", "no-store")
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "no-referrer"
    headers["cross-origin-opener-policy"] = "same-origin"
    headers["cross-origin-resource-policy"] = "same-origin"
    headers["x-frame-options"] = "DENY"
    # Scripts and styles are files of our own; run names and specs can never become either. blob: and data: are pictures that
    # the page has drawn itself. ws: is named because not every browser counts it as 'self'.
    headers["content-security-policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        f"connect-src 'self' ws://{host}; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def _token_in(scope: Scope) -> str | None:
    if scope["path"] != "/" or scope["method"] != "GET":
        return None
    found = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=None).get("token")
    return found[0] if found else None


def _no(scope: Scope, what: str, why: str) -> Response:
    fix = "open the URL that `tilework studio` printed"
    if scope["path"] == "/":
        return _page(f"{what[:1].upper()}{what[1:]}: {why}. Please {fix}.")
    return answer({"error": {"what": what, "why": why, "fix": fix}}, 403)


def _page(text: str) -> Response:
    """A page of one sentence. Its link helps who came from another site: a strict cookie travels with the second request only."""
    return HTMLResponse(
        f'<!doctype html><meta charset="utf-8"><title>tilework studio</title><p>{text}</p><p><a href="/">Try again</a></p>',
        status_code=403,
    )
