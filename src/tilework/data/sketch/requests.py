"""The requests of one page: answered from files, one after the other in the order in which they were made."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tilework.data.sketch.broken import BrokeDown
from tilework.data.sketch.server import ORIGIN, Server
from tilework.data.sketch.story import SketchFailed

if TYPE_CHECKING:
    from playwright.async_api import Request, Route, WebSocketRoute

MOST_REQUESTS = 5_000
# Kinds whose answer runs code of the sketch: its order is part of the image.
_ORDERED = frozenset({"script", "image", "font", "fetch", "xhr", "stylesheet"})
# Kinds that end when it pleases them.
_NOT_AWAITED = frozenset(
    {"Media", "EventSource", "WebSocket", "Ping", "Manifest", "Prefetch", "CSPViolationReport", "TextTrack"}
)
# For an answer that the page no longer wants; what it does want comes at once.
_TAKEN_WITHIN = 5.0
_HEADERS = {
    "cache-control": "no-store",
    "access-control-allow-origin": "*",
    # A document in a sandbox: no windows, no downloads, no forms, no questions to the user.
    "content-security-policy": "sandbox allow-scripts allow-same-origin; worker-src 'none'; object-src 'none'; "
    "frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
}


class Requests:
    """What a sketch asks for. `flying` is what it has not been given yet; `one_landed` is set when that changes."""

    def __init__(self, server: Server, turns: Callable[[], Awaitable[object]]) -> None:
        self.server = server
        self.flying: dict[str, str] = {}
        self.one_landed = asyncio.Event()
        self.count, self.most = 0, MOST_REQUESTS
        self.elsewhere = False
        """It was given a document under another address than its own, which may keep things under that."""
        self._turns = turns
        self._one_by_one = asyncio.Lock()
        self._taken: dict[Request, asyncio.Future[None]] = {}
        self._begun = False

    @property
    def flood(self) -> bool:
        """Whether there were more than a sketch can need."""
        return self.count > self.most

    async def respond(self, route: Route, request: Request) -> None:
        """Answer one; a page that goes elsewhere stays where it is."""
        from playwright.async_api import Error

        self.count += 1
        # Error: the page is being closed, or has taken its request back; what that means for the sketch is reported
        # elsewhere.
        with contextlib.suppress(Error, SketchFailed, BrokeDown):
            if request.is_navigation_request() and request.frame.parent_frame is None:
                if self._begun or request.url != self.server.first:
                    self._block(request.url)
                    await route.fulfill(status=204)
                    return
                self._begun = True
            elif request.is_navigation_request() and not request.url.startswith(f"{ORIGIN}/"):
                self.elsewhere = True
            if self.flood:
                await route.abort("failed")
                return
            async with self._one_by_one:
                await self._in_turn(route, request)

    async def _in_turn(self, route: Route, request: Request) -> None:
        respond = self.server.respond(request.url)
        future = self._taken[request] = asyncio.get_running_loop().create_future()
        try:
            if respond is None:
                self._block(request.url)
                await route.abort("internetdisconnected")
            else:
                headers = {"content-type": respond.kind, **_HEADERS}
                await route.fulfill(status=respond.status, headers=headers, body=respond.body)
            if request.resource_type in _ORDERED:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(future, _TAKEN_WITHIN)
                    await asyncio.wait_for(self._turns(), _TAKEN_WITHIN)
        finally:
            self._taken.pop(request, None)

    def refuse_socket(self, socket: WebSocketRoute) -> None:
        """A socket that the page did not keep from itself leads nowhere."""
        self._block(socket.url)

    def _block(self, url: str) -> None:
        if not url.startswith((f"{ORIGIN}/", "data:", "blob:", "about:")):
            self.server.block(url)

    def is_taken(self, request: Request) -> None:
        future = self._taken.get(request)
        if future is not None and not future.done():
            future.set_result(None)

    def sent(self, sent: dict[str, Any]) -> None:
        if sent.get("type") not in _NOT_AWAITED:
            self.flying[str(sent["requestId"])] = str(sent["request"]["url"])

    def landed(self, one: dict[str, Any]) -> None:
        url = self.flying.pop(str(one["requestId"]), None)
        if url is not None and "errorText" in one:
            self._block(url)
        self.one_landed.set()
