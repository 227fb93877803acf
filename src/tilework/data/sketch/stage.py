"""One sketch on its page: opened, stepped frame by frame, and told why where it fails."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tilework.data.pictures import Unreadable
from tilework.data.sketch.chromium import Chromium, TookTooLong
from tilework.data.sketch.found import Sketch
from tilework.data.sketch.server import ORIGIN, Server

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, Route, WebSocketRoute
    from playwright.async_api import Error as PageError

T = TypeVar("T")

_EPOCH_MS = 1_577_836_800_000  # 2020-01-01, the date of every first frame
_MOST_PIXELS = 16_000_000
# How long a page that is loaded may go on without anything that draws.
_SETTLES_WITHIN = 1.5
_POLL = 0.02
_LONGEST_TOLD = 300


class SketchFailed(Unreadable):
    """The sketch cannot be drawn (any further); the message is the reason, for a person."""


@dataclass(frozen=True)
class Pace:
    """How a sketch is drawn."""

    frames: int
    fps: float
    seconds: float
    """Longest that the sketch may take for all of it."""
    view: tuple[int, int]
    """windowWidth and windowHeight."""


def pictures(chromium: Chromium, sketch: Sketch, pace: Pace) -> Iterator[bytes]:
    """Each frame as a PNG. Raises SketchFailed, after the last good frame where it fails later."""
    if not sketch.p5 and sketch.begin.endswith(".js"):
        raise SketchFailed("there is no p5 for it: put p5.min.js into its folder, or write data.p5=FILE")
    stage = _Stage(chromium, sketch, pace)
    try:
        stage.open()
        for number in range(pace.frames):
            yield stage.frame(number)
    finally:
        stage.close()


class _Stage:
    def __init__(self, chromium: Chromium, sketch: Sketch, pace: Pace) -> None:
        self.chromium, self.pace = chromium, pace
        self.server = Server(sketch, next(iter(sketch.p5), None))
        self.left = pace.seconds
        self.number = -1
        self.said: list[str] = []
        self.threw: list[str] = []
        self.context: BrowserContext | None = None
        self.page: Page | None = None

    def open(self) -> None:
        """Load the sketch and let its setup() end."""
        self.chromium.browser()
        self._run(self._open())

    def frame(self, number: int) -> bytes:
        """Draw frame `number`; they come in order."""
        self.number = number
        assert self.page is not None
        done = self._run(self.page.evaluate("([n, fps]) => window.__tilework.step(n, fps)", [number, self.pace.fps]))
        self._check_network()
        if not isinstance(done, dict) or "error" in done or not str(done.get("png", "")).startswith("data:image/png;"):
            about = done if isinstance(done, dict) else {}
            raise SketchFailed(
                self._story(_told(str(about.get("error", "it left the page")), str(about.get("stack", ""))))
            )
        return base64.b64decode(str(done["png"]).partition(",")[2])

    def close(self) -> None:
        """Leave the page."""
        if self.context is not None:
            try:
                self.chromium.run(self.context.close(), 5)
            except Exception:  # a page that hangs: the browser goes with it
                self.chromium.end()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        from playwright.async_api import Error

        began = time.monotonic()
        try:
            return self.chromium.run(work, max(0.1, self.left))
        except TookTooLong:
            self.chromium.end()
            self.context = None
            where = f"frame {self.number:,}" if self.number >= 0 else "setup() or loading"
            raise SketchFailed(self._story(f"it took longer than {self.pace.seconds:g} seconds, at {where}")) from None
        except Error as error:
            self._check_network()
            raise SketchFailed(self._story(_told(error.message))) from None
        finally:
            self.left -= time.monotonic() - began

    async def _open(self) -> None:
        browser = self.chromium.browser()
        width, height = self.pace.view
        self.context = await browser.new_context(
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
        await self.context.route("**/*", self._answer)
        await self.context.route_web_socket("**/*", self._no_socket)
        driver = Path(__file__).with_name("driver.js").read_text(encoding="utf-8")
        settings = f"{{seed: {self.server.sketch.seed}, epoch: {_EPOCH_MS}, mostPixels: {_MOST_PIXELS}}}"
        await self.context.add_init_script(f"{driver.rstrip()}({settings});")
        self.page = page = await self.context.new_page()
        self.context.on("page", lambda popup: asyncio.ensure_future(popup.close()))
        page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.dismiss()))
        page.on("console", self._console)
        page.on("pageerror", self._threw)
        # Told by the page itself, so before the frame that asked is done: where a sketch is cut off does not hang on luck.
        messages = await self.context.new_cdp_session(page)
        messages.on("Network.requestWillBeSent", lambda sent: self.server.note(str(sent["request"]["url"])))
        await messages.send("Network.enable")
        await page.goto(self.server.first, wait_until="commit", timeout=self.pace.seconds * 1000)
        await self._until_ready(page)
        await page.evaluate("() => window.__tilework.hold()")

    async def _until_ready(self, page: Page) -> None:
        idle = 0.0
        while True:
            state = await page.evaluate("() => window.__tilework.state()")
            self._check_network()
            if state == "ready":
                return
            # An error alone may be of another script; but then the sketch must get ready soon.
            if self.threw or state == "empty":
                idle += _POLL
            if idle > _SETTLES_WITHIN:
                if self.threw:
                    raise SketchFailed(self._story(self.threw[0]))
                raise SketchFailed(self._story("it never draws: it has neither setup() nor draw(), and no canvas"))
            await asyncio.sleep(_POLL)

    async def _answer(self, route: Route, request: Request) -> None:
        main = self.page is not None and request.is_navigation_request() and request.frame == self.page.main_frame
        if main and request.url != self.server.first:
            self.server.refused.append(request.url)
        answer = None if self.server.refused and main else self.server.answer(request.url)
        if answer is None:
            self.server.note(request.url)
            await route.abort("blockedbyclient")
            return
        headers = {
            "content-type": answer.kind,
            "cache-control": "no-store",
            "content-security-policy": "worker-src 'none'; object-src 'none'; frame-ancestors 'self'",
            "x-content-type-options": "nosniff",
        }
        await route.fulfill(status=answer.status, headers=headers, body=answer.body)

    def _no_socket(self, socket: WebSocketRoute) -> None:
        self.server.refused.append(socket.url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "log"} and len(self.said) < 20:
            self.said.append(message.text[:_LONGEST_TOLD])

    def _threw(self, error: PageError) -> None:
        name = "" if error.name in {None, "", "Error"} else f"{error.name}: "
        self.threw.append(_told(name + error.message, error.stack or ""))

    def _check_network(self) -> None:
        if self.server.refused:
            raise SketchFailed(self._story(f"it asks for the network: {self.server.refused[0][:_LONGEST_TOLD]}"))

    def _story(self, reason: str) -> str:
        """What happened, when, and what the sketch last said itself."""
        when = f" (frame {self.number:,})" if self.number > 0 and "frame " not in reason else ""
        said = [text for text in self.said if text.strip() and text not in reason]
        return f"{reason}{when}" + (f"; its console: {said[-1]}" if said else "")


def _told(message: str, stack: str = "") -> str:
    """An error's first line, with the line of the sketch that it comes from."""
    first = next((line.strip() for line in message.splitlines() if line.strip()), "an error without words")
    first = first.removeprefix("Page.evaluate: ").removeprefix("Error: ")
    places = re.findall(re.escape(ORIGIN) + r"/([^\s:)]+):(\d+)", stack)
    own = next(((file, line) for file, line in places if not re.search(r"p5[^/]*\.js$", file)), None)
    return first[:_LONGEST_TOLD] + (f" ({own[0]}:{own[1]})" if own else "")
