"""A headless Chromium in a thread of its own, with nothing to reach, and every call to it within a time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import shutil
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tilework.data.sketch.broken import BrokeDown, TookTooLong
from tilework.errors import UserError

if TYPE_CHECKING:
    from playwright.async_api import Browser, CDPSession, Playwright

T = TypeVar("T")

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_STARTS_WITHIN = 60.0
_CLOSES_WITHIN = 10.0
_LEAVES_WITHIN = 5.0
_LOOKS_EVERY = 0.2
MOST_BYTES = 3 * 2**30
"""Of memory that the pages of one browser may take, with what draws WebGL for them."""
_ARGUMENTS = [
    # WebGL by software, the same on every machine; plain 2-D canvases in memory, where they are read from.
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-accelerated-2d-canvas",
    # Nobody looks at the page: what is read are its canvases. On a GPU that is software, putting it together costs a fifth.
    "--disable-gpu-compositing",
    "--disable-gpu-rasterization",
    "--force-color-profile=srgb",
    # No way out: requests are answered by us; what slips by finds no name, no server, no direct connection.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--disable-background-networking",
    "--js-flags=--max-old-space-size=1024",
]
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_NOWHERE = {"server": "http://127.0.0.1:1", "bypass": "<-loopback>"}


class Kept(Protocol):
    """A page that a sketch used."""

    async def leave(self) -> bool:
        """Put it in order; whether it can be used again."""
        ...


class Chromium:
    """A browser for one page at a time. Make it with `with`; calls are coroutines that are run in its thread."""

    def __init__(self, most_bytes: int | None = None) -> None:
        self.most_bytes = MOST_BYTES if most_bytes is None else most_bytes
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tilework-chromium", daemon=True)
        self._thread.start()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._broken: asyncio.Future[BrokeDown] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._system: CDPSession | None = None
        self.tab: Kept | None = None
        """The page that the last sketch left, ready for the next one."""
        self.left_over = 0
        """Bytes that it holds of what came before, which are not the next one's fault."""

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self.run(self._close(), _CLOSES_WITHIN)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSES_WITHIN)

    def run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """The result of `work`. Raises TookTooLong after `seconds`."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except concurrent.futures.TimeoutError:
            if future.done():  # its own, and not ours
                raise
            future.cancel()
            raise TookTooLong from None

    def start(self) -> None:
        """Have it running: at the first call, and again after `end`. Raises UserError where there is none."""
        if self._browser is None or not self._browser.is_connected():
            self.run(self._started(), _STARTS_WITHIN)

    def end(self) -> None:
        """End the browser, whatever it is doing; the next sketch gets a new one."""
        browser, self._browser = self._browser, None
        self.tab, self.left_over = None, 0
        if browser is not None:
            with contextlib.suppress(Exception):
                self.run(browser.close(), _CLOSES_WITHIN)

    def leave(self, tab: Kept) -> None:
        """Take back the page that a sketch used; one that hangs takes the browser with it."""
        try:
            if self.run(tab.leave(), _LEAVES_WITHIN):
                self.tab = tab
        except Exception:
            self.end()
        if (
            self._broken is not None and self._broken.done()
        ):  # as the sketch left: the next one has nothing to do with it
            self.end()

    def give_up(self) -> None:
        """From any thread: what is under way ends now, as if the browser had broken down."""
        self._loop.call_soon_threadsafe(self.broke_down)

    # In its thread

    async def browser(self) -> Browser:
        """The running browser."""
        assert self._browser is not None
        return self._browser

    def broke_down(self, most_bytes: int | None = None) -> None:
        """Report that the page is gone, or has to go."""
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(BrokeDown(most_bytes))

    async def unless_broken(self, call: Coroutine[Any, Any, T]) -> T:
        """The answer to a call to the page. Raises BrokeDown as soon as there is nobody left to answer."""
        assert self._broken is not None
        task: asyncio.Future[T] = asyncio.ensure_future(call)
        either: set[asyncio.Future[Any]] = {task, self._broken}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        if self._broken.done():
            with contextlib.suppress(BaseException):
                await task
            raise self._broken.result()
        return task.result()

    async def _started(self) -> None:
        self._browser = browser = await self._start()
        self.tab, self.left_over = None, 0
        self._system = await browser.new_browser_cdp_session()
        self._broken = asyncio.get_running_loop().create_future()
        browser.on("disconnected", lambda _: self.broke_down())
        if self._watch is not None:
            self._watch.cancel()
        self._watch = asyncio.ensure_future(self._watch_memory(browser))

    async def _watch_memory(self, browser: Browser) -> None:
        """A page that takes memory without end is stopped before the machine has none left."""
        while browser.is_connected():
            try:
                bytes_now = await self.page_bytes()
            except Exception:  # it is being closed
                return
            if bytes_now > self.most_bytes + self.left_over:
                self.broke_down(self.most_bytes)
                await browser.close()
                return
            await asyncio.sleep(_LOOKS_EVERY)

    async def page_bytes(self) -> int:
        """Memory that the pages hold, with what draws WebGL for them."""
        assert self._system is not None
        found = await self._system.send("SystemInfo.getProcessInfo")
        ids = [int(one["id"]) for one in found["processInfo"] if one["type"] in {"renderer", "GPU"}]
        return sum(map(resident_bytes, ids))

    async def _start(self) -> Browser:
        try:
            from playwright.async_api import Error, async_playwright
        except ImportError:
            raise UserError(
                "sketches need the library Playwright",
                why="it is not installed; it steers the browser that draws them",
                fix="pip install 'tilework[p5]', then `playwright install chromium`",
            ) from None
        if self._playwright is None:
            self._playwright = await async_playwright().start()
        chromium = self._playwright.chromium
        executable = None if Path(chromium.executable_path).exists() else _on_path()
        # Chromium's own sandbox cannot be had as root, nor in most containers; the rest of the fence stands without it.
        fences = [False] if os.name == "posix" and os.geteuid() == 0 else [True, False]
        for fence in fences:
            try:
                return await chromium.launch(
                    executable_path=executable,
                    headless=True,
                    args=_ARGUMENTS,
                    chromium_sandbox=fence,
                    proxy=_NOWHERE,  # type: ignore[arg-type]
                    timeout=_STARTS_WITHIN * 1000 / 2,
                )
            except Error as error:
                if fence and "sandbox" in error.message.lower():
                    continue
                raise UserError(
                    "Chromium does not start",
                    why=error.message.splitlines()[0],
                    fix="run `playwright install --with-deps chromium`, which brings it and what it needs",
                ) from None
        raise AssertionError("the loop returns or raises")

    async def _close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


def _on_path() -> str:
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise UserError(
            "there is no Chromium to draw sketches with",
            why=f"Playwright has none of its own, and none of {', '.join(_NAMES)} is on PATH",
            fix="run `playwright install chromium`",
        )
    return found


def resident_bytes(process: int) -> int:
    """Memory that a process holds; 0 where /proc does not give it."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0
