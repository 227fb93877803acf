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
from typing import TYPE_CHECKING, Any, TypeVar

from tilework.errors import UserError

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

T = TypeVar("T")

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_STARTS_WITHIN = 60.0
_CLOSES_WITHIN = 10.0
_ARGUMENTS = [
    # WebGL by software, the same on every machine; plain 2-D canvases in memory, where they are read from.
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-accelerated-2d-canvas",
    "--force-color-profile=srgb",
    # No way out: requests are answered by us; what slips by finds no name, no server, no direct connection.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--disable-background-networking",
    "--js-flags=--max-old-space-size=1024",
]
_NOWHERE = {"server": "http://127.0.0.1:1", "bypass": "<-loopback>"}


class TookTooLong(Exception):
    """A call was not answered in time; the browser has to be ended."""


class Chromium:
    """The browser. Make it with `with`; calls are coroutines that are run in its thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tilework-chromium", daemon=True)
        self._thread.start()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

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

    def browser(self) -> Browser:
        """The running browser; started at the first call, and again after `end`. Raises UserError where there is none."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = self.run(self._start(), _STARTS_WITHIN)
        return self._browser

    def end(self) -> None:
        """End the browser, whatever it is doing; the next sketch gets a new one."""
        browser, self._browser = self._browser, None
        if browser is not None:
            with contextlib.suppress(Exception):
                self.run(browser.close(), _CLOSES_WITHIN)

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
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()


def _on_path() -> str:
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise UserError(
            "there is no Chromium to draw sketches with",
            why=f"Playwright has none of its own, and none of {', '.join(_NAMES)} is on PATH",
            fix="run `playwright install chromium`",
        )
    return found
