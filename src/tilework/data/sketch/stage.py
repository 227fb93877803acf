"""One sketch on its page: opened, drawn frame by frame, and reported where it fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tilework.data.sketch.broken import BrokeDown, TookTooLong
from tilework.data.sketch.chromium import Chromium
from tilework.data.sketch.found import Sketch
from tilework.data.sketch.requests import Requests
from tilework.data.sketch.server import BROWSER, Server
from tilework.data.sketch.story import LONGEST_ERROR, Kind, SketchFailed, Trouble, first_line
from tilework.data.sketch.tab import Tab, tab_for
from tilework.data.sketch.transport import unpacked

if TYPE_CHECKING:
    from playwright.async_api import Error as PageError

T = TypeVar("T")

_EPOCH_MS = 1_577_836_800_000  # 2020-01-01, the date of every first frame
_MOST_PIXELS = 16_000_000
_SCRIPTS = ("clock", "pending", "fences", "canvas", "instances", "pointer", "driver")
# What is quiet may only seem so: looked at so often before a sketch that is not ready is given up.
_LOOKS, _LOOK_EVERY = 10, 0.02
# Something that the page waits for and that no request stands for is forgotten after this time.
_FORGOTTEN_AFTER = 10.0


@dataclass(frozen=True)
class Pace:
    """How a sketch is drawn."""

    frames: int
    fps: float
    seconds: float
    """Longest that the sketch may take for all of it."""
    view: tuple[int, int]
    """windowWidth and windowHeight."""
    pointer: str = "none"


class Stage:
    """A page with one sketch and one version of p5. Make it with `with`."""

    def __init__(self, chromium: Chromium, sketch: Sketch, p5: Path | None, pace: Pace) -> None:
        self.chromium, self.pace = chromium, pace
        self.server = Server(sketch, p5)
        self._left = pace.seconds
        self._number = -1
        self._arrived: deque[str] = deque()
        self._threw: list[str] = []
        self._about: dict[str, Any] = {}
        self._tab: Tab | None = None
        self.requests = Requests(self.server, lambda: self._ask("__tilework.turns(3)"))

    def __enter__(self) -> Stage:
        self.chromium.start()  # not of the sketch's own time
        try:
            self._run(self._open())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        tab, self._tab = self._tab, None
        if tab is not None:
            self.chromium.leave(tab)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Each frame, (H, W, 3 | 4) uint8. Raises SketchFailed, after the last good frame where it fails later."""
        before: NDArray[np.uint8] | None = None
        self._number = 0
        while self._number < self.pace.frames:
            failure: SketchFailed | None = None
            done: dict[str, Any] = {}
            try:
                done = self._run(self._some_frames())
            except SketchFailed as error:
                failure = error
            while self._arrived:
                before = unpacked(self._arrived.popleft(), before)
                self._number += 1
                yield before
            if failure is not None:
                # The frames that had arrived were counted above; the trouble came with the one behind them.
                raise SketchFailed(self.trouble(failure.trouble.kind, failure.trouble.error, failure.trouble.amount))
            if done.get("none"):
                raise SketchFailed(self.trouble("no-canvas"))
            if done.get("large"):
                width, height = done["large"]
                raise SketchFailed(self.trouble("large-canvas", amount=f"{width}x{height}"))
            if "error" in done:
                raise SketchFailed(self.trouble("threw", first_line(str(done["error"]), str(done.get("stack", "")))))

    @property
    def blocked(self) -> tuple[str, ...]:
        """Addresses of the network that the sketch asked for."""
        return tuple(dict.fromkeys([*self.server.blocked, *map(str, self._about.get("blocked", ()))]))

    # In the browser's thread

    async def _open(self) -> None:
        scripts = (*self.server.preloaded, self._script())
        self._tab = tab = await tab_for(self.chromium, self.pace.view, scripts)
        await tab.admit(self, scripts)
        await tab.page.goto(self.server.first, wait_until="commit", timeout=self.pace.seconds * 1000)
        await self._until_ready()
        await self._ask("__tilework.begin()")

    def _script(self) -> str:
        files = ",\n".join((BROWSER / f"{name}.js").read_text(encoding="utf-8").rstrip() for name in _SCRIPTS)
        settings = {
            "seed": self.server.sketch.seed,
            "epoch": _EPOCH_MS,
            "mostPixels": _MOST_PIXELS,
            "pointer": self.pace.pointer,
        }
        parts = f"for (const part of [\n{files}\n]) part(shared, {json.dumps(settings)});"
        return f"(() => {{ 'use strict'; const shared = {{}}; {parts} }})();"

    async def _until_ready(self) -> None:
        looks = 0
        while True:
            state = await self._ask("__tilework.settled(1000)")
            if await self._awaits_requests() or state == "again":
                continue
            if state == "ready":
                return
            if state == "loading":
                await asyncio.sleep(_LOOK_EVERY)
                continue
            if await self._ask("__tilework.wait()"):
                looks = 0
                continue
            looks += 1
            if looks > _LOOKS:
                if state == "empty" and await self._ask("__tilework.hasCanvas()"):
                    return
                await self._ask_about()
                error = self._first_error()
                kind: Kind = "threw" if error else "never-ready" if state == "waiting" else "nothing-draws"
                raise SketchFailed(self.trouble(kind, error))
            await asyncio.sleep(_LOOK_EVERY)

    async def _some_frames(self) -> dict[str, Any]:
        """Draws some, and waits until nothing that they asked for is under way."""
        first, count = self._number, self.pace.frames - self._number
        done = await self._ask(f"__tilework.frames({first}, {count}, {self.pace.fps!r})")
        began = time.monotonic()
        while True:
            quiet = await self._ask("__tilework.quiet(1000)")
            if await self._awaits_requests():
                began = time.monotonic()
                continue
            if quiet:
                break
            if time.monotonic() - began > _FORGOTTEN_AFTER:
                await self._ask("__tilework.forget()")
                break
        await self._ask_about()
        return done if isinstance(done, dict) else {}

    async def _awaits_requests(self) -> bool:
        """Whether requests are on their way; then it waits for one of them to end."""
        requests = self.requests
        if requests.flood:
            raise SketchFailed(self.trouble("requests", amount=f"{requests.most:,}"))
        if not requests.flying:
            return False
        requests.one_landed.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(requests.one_landed.wait(), 0.1)
        return True

    async def _ask(self, expression: str) -> Any:
        if self._tab is None:  # an answer on its way when the sketch had already left
            raise SketchFailed(self.trouble("left"))
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = await self.chromium.unless_broken(self._tab.session.send("Runtime.evaluate", asked))
        if "exceptionDetails" in answer:
            raise SketchFailed(self.trouble("left"))
        return answer["result"].get("value")

    async def _ask_about(self) -> None:
        about = await self._ask("__tilework.about()")
        self._about = about if isinstance(about, dict) else {}

    def note_frame(self, payload: str) -> None:
        """A frame has arrived."""
        self._arrived.append(payload)

    def note_error(self, error: PageError) -> None:
        """The page threw."""
        if len(self._threw) < 20:
            name = "" if error.name in {None, "", "Error"} else f"{error.name}: "
            self._threw.append(first_line(name + error.message, error.stack or ""))

    # In the caller's thread

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        from playwright.async_api import Error

        began = time.monotonic()
        try:
            return self.chromium.run(work, max(0.1, self._left))
        except TookTooLong:
            self._tab = None
            self.chromium.end()
            raise SketchFailed(self.trouble("slow", amount=f"{self.pace.seconds:g}")) from None
        except BrokeDown as broken:
            self._tab = None
            self.chromium.end()
            if broken.most_bytes is not None:
                raise SketchFailed(self.trouble("memory", amount=f"{broken.most_bytes / 2**30:g} GiB")) from None
            raise SketchFailed(self.trouble("crashed")) from None
        except Error as error:
            raise SketchFailed(self.trouble("left", first_line(error.message))) from None
        finally:
            self._left -= time.monotonic() - began

    def _first_error(self) -> str:
        if self._threw:
            return self._threw[0]
        one = next(iter(self._about.get("threw", ())), None)
        return first_line(str(one["error"]), str(one["stack"])) if isinstance(one, dict) else ""

    def trouble(self, kind: Kind, error: str = "", amount: str = "") -> Trouble:
        console = [str(text) for text in self._about.get("console", ()) if str(text).strip()]
        return Trouble(
            kind,
            error,
            self._number,
            amount,
            self.blocked,
            tuple(self.server.missing),
            self.server.sketch.must_be_built,
            console[-1][:LONGEST_ERROR] if console else "",
        )
