"""Who may talk to the studio: known Host, own Origin, and the cookie that the launch token buys. In front of every route.

Any page that a browser has open can send requests to the loopback interface, and a name that points there can be anybody's. So
nothing is served, and no socket is opened, before these three have been checked; nothing behind the guard needs to think of it.

Host is one of three things. The address that the studio listens at. A name of the loopback interface (localhost, 127.0.0.1,
[::1]) at any port, as it comes through `ssh -L 9000:localhost:7860`: a hostile page is shown under a name of its own, which can
be made to point here but stays in Host, while these names are resolved by nobody else; and the port may be any, since
it shows where the browser connected and not where it comes from. The address that was given with `--url`. Origin is
then the one that belongs to this Host (so a page at another port of localhost is another page), or the given one where
a proxy has put a Host of ours in the place of its own. What proxies add (X-Forwarded-Host and the like) is not read:
whoever can connect can send it.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tilework.studio.address import Address, is_loopback, seen_address
from tilework.studio.refusal import OPEN, Refusal, page_of, refused
from tilework.studio.responses import FAULT, refusal

_log = logging.getLogger("tilework.studio")
_SAFE = {"GET", "HEAD"}
PORT = 7860
"""Where a studio listens by default."""
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
    outside: Address | None = None
    """Given by the person who started it: where a browser reaches it from elsewhere."""

    @property
    def cookie(self) -> str:
        """Name of the cookie at the printed address."""
        return self.outside.cookie if self.outside else f"tilework-{self.port}"

    def addresses(self, host: str) -> list[Address]:
        """Those that a request with this Host may have been sent to, the most likely first; [] where it is none of ours.

        A proxy may replace Host by that of the machine behind it: then both the given address and this one are possible.
        """
        here = [Address("http", host)] if is_loopback(host) or host in self.hosts else []
        given = [self.outside] if self.outside and (here or self.outside.is_at(host)) else []
        return given + here


class Guard:
    """ASGI in front of `app`. Refuses what is not ours, answers the launch URL, adds the security headers to every answer."""

    def __init__(self, app: Starlette, keys: Keys) -> None:
        self.app = app
        self.keys = keys
        self._beginnings = {getattr(route, "path", "/").split("/")[1] for route in app.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        addresses = self._addresses(headers)
        scope = self._without_prefix(scope)
        refusal = self._wrong_host(scope, headers, addresses) or self._wrong_origin(scope, headers, addresses)
        known = not refusal and self._has_cookie(headers, addresses[0])
        if scope["type"] == "websocket":
            if not known:
                await receive()
                return await send({"type": "websocket.close", "code": _REFUSED, "reason": ""})
            return await self._logged(scope, receive, send)
        answered: Response | None = None
        if refusal:
            answered = refused(scope, headers, refusal)
        elif self.keys.outside and self._unknown_path(scope) and f"{scope['path']}/" == unquote(self.keys.outside.path):
            query = scope["query_string"].decode("latin-1")
            answered = RedirectResponse(self.keys.outside.path + (f"?{query}" if query else ""), status_code=308)
        elif (token := _token_in(scope)) is not None and (self._is_token(token) or not known):
            answered = self._login(token, addresses[0])
        elif not known:
            answered = refused(scope, headers, self._no_key(scope))
        return await self._headed(answered or self.app, addresses, scope, receive, send)

    # What is checked -------------------------------------------------------------------------------------------------

    def _addresses(self, headers: Headers) -> list[Address]:
        hosts = headers.getlist("host")
        return self.keys.addresses(hosts[0].lower()) if len(hosts) == 1 else []

    def _without_prefix(self, scope: Scope) -> Scope:
        """Some proxies take their path off, others leave it: both are one to what comes after."""
        prefix = unquote(self.keys.outside.path) if self.keys.outside else "/"
        rest = scope["path"].removeprefix(prefix)
        if prefix == "/" or rest == scope["path"] or rest.split("/")[0] not in self._beginnings:
            return scope
        return {**scope, "path": f"/{rest}", "raw_path": quote(f"/{rest}").encode()}

    def _wrong_host(self, scope: Scope, headers: Headers, addresses: list[Address]) -> Refusal | None:
        if addresses:
            return None
        ours = sorted(self.keys.hosts | ({self.keys.outside.host} if self.keys.outside else set()))
        what, why = "this is not the studio's address", f"it answers as {', '.join(ours)} only"
        path = self._unknown_path(scope) or "/"
        # Only for the words: browsers send these headers over https, and over http to the loopback interface alone.
        scheme = "https" if "sec-fetch-mode" in headers else "http"
        host = headers.get("host", "").lower()
        if self.keys.outside and self.keys.outside.lacks_port(host):
            fix = "let the proxy pass on the port as well: in nginx, `proxy_set_header Host $http_host;`"
            return Refusal("host", what, why, fix)
        return Refusal("host", what, why, self._if_own(seen_address(scheme, host, path)))

    def _wrong_origin(self, scope: Scope, headers: Headers, addresses: list[Address]) -> Refusal | None:
        origins = headers.getlist("origin")
        if not origins and scope["type"] == "http" and scope["method"] in _SAFE:
            return None  # a browser names no origin when it loads a page of its own accord
        if len(origins) == 1 and origins[0].lower() in {address.origin for address in addresses}:
            return None
        what, why = "this request comes from another page", "only the studio's own page may send it"
        scheme, _, host = (origins[0] if len(origins) == 1 else "").partition("://")
        return Refusal("origin", what, why, self._if_own(seen_address(scheme, host)))

    def _no_key(self, scope: Scope) -> Refusal:
        what, why = "this browser has no key to the studio", "the key is in the URL that was printed at its start"
        path = self._unknown_path(scope)
        if path is None or scope["type"] != "http" or scope["method"] not in _SAFE:
            return Refusal("key", what, why)
        command = f"tilework studio{self._port()} --url URL"
        fix = f"where a proxy passes on {path}, start it with `{command}`, URL being what the browser shows up to there"
        return Refusal("key", f"the studio is not set up to be reached at {path}", what, fix)

    def _unknown_path(self, scope: Scope) -> str | None:
        """The folder that was asked for, where it is none of the studio's own."""
        path = scope["raw_path"].decode("latin-1")
        return None if path.strip("/").split("/")[0] in self._beginnings else path.rpartition("/")[0] + "/"

    def _port(self) -> str:
        return "" if self.keys.port == PORT else f" --port {self.keys.port}"

    def _if_own(self, seen: Address | None) -> str:
        """The fix for who comes by an address that was not given."""
        if seen is None:
            return OPEN
        command = f"tilework studio{self._port()} --url {shlex.quote(seen.url)}"
        return f"where you have set up {seen.url} yourself, start the studio with it, path and all: `{command}`"

    def _has_cookie(self, headers: Headers, address: Address) -> bool:
        found = cookie_parser(headers.get("cookie", "")).get(address.cookie, "")
        return hmac.compare_digest(found.encode(), self.keys.session.encode())

    def _is_token(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.keys.token.encode())

    def _login(self, token: str, address: Address) -> Response:
        if not self._is_token(token):
            return page_of("This key is of another launch of the studio. Open the URL that was printed last.")
        response = RedirectResponse(address.path, status_code=303)  # the browser keeps what stands behind the #
        response.set_cookie(
            address.cookie,
            self.keys.session,
            path=address.path,
            secure=address.secure,
            httponly=True,
            samesite="strict",
        )
        return response

    async def _logged(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A socket; the server itself is silent, so its faults are logged here."""
        try:
            await self.app(scope, receive, send)
        except Exception:
            _log.exception("the studio failed at %s", scope["path"])
            raise

    # What every answer carries ---------------------------------------------------------------------------------------

    async def _headed(self, app: ASGIApp, addresses: list[Address], scope: Scope, receive: Receive, send: Send) -> None:
        begun = ended = False

        async def send_headed(message: Message) -> None:
            nonlocal begun, ended
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            if message["type"] == "http.response.start":
                begun = True
                _secure(MutableHeaders(scope=message), [address.sockets for address in addresses])
            await send(message)

        try:
            await app(scope, receive, send_headed)
        except Exception:
            _log.exception("the studio failed at %s", scope["path"])
            if begun and not ended:
                raise  # half an answer: only the end of the connection can show that
            if not begun:
                await refusal({"error": FAULT}, 500)(scope, receive, send_headed)


def _secure(headers: MutableHeaders, sockets: Iterable[str]) -> None:
    headers.setdefault("cache-control", "no-store")
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "no-referrer"
    headers["cross-origin-opener-policy"] = "same-origin"
    headers["cross-origin-resource-policy"] = "same-origin"
    headers["x-frame-options"] = "DENY"
    # Scripts and styles are files of our own; run names and specs can never become either. blob: and data: are images that
    # the page has drawn itself. Sockets are named because not every browser counts them as 'self'.
    # A page that was made elsewhere, and brings its style with it, has a policy of its own, without any script.
    headers.setdefault(
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        f"connect-src 'self'{''.join(f' {one}' for one in sockets)}; worker-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
    )


def _token_in(scope: Scope) -> str | None:
    if scope["path"] != "/" or scope["method"] != "GET":
        return None
    found = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=None).get("token")
    return found[0] if found else None
