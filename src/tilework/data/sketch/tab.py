"""A page that one sketch after another is opened on; each meets the world as if it were the first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from tilework.data.sketch.requests import Requests
from tilework.data.sketch.server import ORIGIN

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Dialog, Page, Request, Route, WebSocketRoute
    from playwright.async_api import Error as PageError

    from tilework.data.sketch.chromium import Chromium

_BINDING = "__tilework_give"
_BLANK = "about:blank"
# More than this of memory that is not given back, and the next sketch gets a new process.
MOST_LEFT = 256 * 2**20


class Guest(Protocol):
    """The sketch that is on the page: it is notified of what happens there, and nothing else is."""

    @property
    def requests(self) -> Requests: ...

    def note_frame(self, payload: str) -> None: ...

    def note_error(self, error: PageError) -> None: ...


class Tab:
    """A page in a context of its own. The process behind it, with p5 already parsed, stays from one guest to the next."""

    def __init__(self, chromium: Chromium, view: tuple[int, int]) -> None:
        self.chromium, self.view = chromium, view
        self.guest: Guest | None = None
        self._spoilt = False
        self._scripts: dict[str, Any] = {}
        self._bytes_when_new = 0
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._session: CDPSession | None = None

    @property
    def page(self) -> Page:
        assert self._page is not None
        return self._page

    @property
    def session(self) -> CDPSession:
        assert self._session is not None
        return self._session

    async def open(self) -> None:
        """Have the page, with nobody on it."""
        browser = await self.chromium.browser()
        width, height = self.view
        self._context = context = await browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=1,
            accept_downloads=False,
            service_workers="block",
            offline=True,
            permissions=[],
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="no-preference",
            color_scheme="light",
        )
        await context.route("**/*", self._respond)
        await context.route_web_socket("**/*", self._refuse_socket)
        self._page = page = await context.new_page()
        context.on("page", self._close_popup)
        page.on("dialog", _dismiss)
        page.on("pageerror", self._note_error)
        page.on("crash", lambda _: self.chromium.broke_down())
        page.on("requestfinished", self._is_taken)
        page.on("requestfailed", self._is_taken)
        self._session = session = await context.new_cdp_session(page)
        session.on("Runtime.bindingCalled", self._note_frame)
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._landed)
        session.on("Network.loadingFailed", self._landed)
        await session.send("Runtime.addBinding", {"name": _BINDING})
        # The answers themselves are not kept for anybody who would look at them afterwards.
        await session.send("Network.enable", {"maxTotalBufferSize": 0, "maxResourceBufferSize": 0})
        await session.send("Runtime.enable")
        self._bytes_when_new = await self.chromium.page_bytes()

    async def admit(self, guest: Guest, scripts: tuple[str, ...]) -> None:
        """Let a sketch in; `scripts` run first in every document of it."""
        assert self._context is not None
        for script in [one for one in self._scripts if one not in scripts]:
            await self._scripts.pop(script).close()
        for script in scripts:
            if script not in self._scripts:
                self._scripts[script] = await self._context.add_init_script(script)
        self.guest = guest

    def takes(self, view: tuple[int, int], scripts: tuple[str, ...]) -> bool:
        """Whether a sketch with this view and these can come next. Old versions of Playwright cannot take a script back."""
        return view == self.view and all(
            one in scripts or hasattr(held, "close") for one, held in self._scripts.items()
        )

    async def leave(self) -> bool:
        """See the sketch out, and clear up behind it; False where the page is closed instead, as no other can come."""
        guest, self.guest = self.guest, None
        if self._spoilt or guest is None or guest.requests.flood or guest.requests.elsewhere:
            await self.close()
            return False
        # Its last messages, sent as it goes, are over when there is an answer; then nothing is left to write what is
        # cleared.
        await self.session.send("Page.navigate", {"url": _BLANK})
        await self.session.send("Runtime.evaluate", {"expression": "0"})
        assert self._context is not None
        _, _, _, now = await asyncio.gather(
            self.session.send("Storage.clearDataForOrigin", {"origin": ORIGIN, "storageTypes": "all"}),
            self._context.clear_cookies(),
            self.session.send("Page.resetNavigationHistory"),
            self.chromium.page_bytes(),
        )
        self.chromium.left_over = max(0, now - self._bytes_when_new)
        if self._spoilt or self.page.url != _BLANK or self.chromium.left_over > MOST_LEFT:
            await self.close()
            return False
        return True

    async def close(self) -> None:
        """Close it with all that it holds."""
        self.guest, self.chromium.left_over = None, 0
        if self._context is not None:
            await self._context.close()

    # What happens on it; nothing is notified when nobody is there.

    async def _respond(self, route: Route, request: Request) -> None:
        if self.guest is not None:
            await self.guest.requests.respond(route, request)
            return
        from playwright.async_api import Error

        try:
            await route.abort("failed")
        except Error:  # of a document that is gone
            return

    def _refuse_socket(self, socket: WebSocketRoute) -> None:
        if self.guest is not None:
            self.guest.requests.refuse_socket(socket)

    def _is_taken(self, request: Request) -> None:
        if self.guest is not None:
            self.guest.requests.is_taken(request)

    def _note_frame(self, call: dict[str, Any]) -> None:
        if call.get("name") == _BINDING and self.guest is not None:
            self.guest.note_frame(str(call["payload"]))

    def _sent(self, sent: dict[str, Any]) -> None:
        if self.guest is not None:
            self.guest.requests.sent(sent)

    def _landed(self, one: dict[str, Any]) -> None:
        if self.guest is not None:
            self.guest.requests.landed(one)

    def _note_error(self, error: PageError) -> None:
        if self.guest is not None:
            self.guest.note_error(error)

    async def _close_popup(self, popup: Page) -> None:
        self._spoilt = True
        await popup.close()


async def _dismiss(dialog: Dialog) -> None:
    await dialog.dismiss()


async def tab_for(chromium: Chromium, view: tuple[int, int], scripts: tuple[str, ...]) -> Tab:
    """The tab of this browser, or a new one where that does not suit."""
    kept, chromium.tab = chromium.tab, None
    if isinstance(kept, Tab):
        if kept.takes(view, scripts):
            return kept
        await kept.close()
    tab = Tab(chromium, view)
    await tab.open()
    return tab
