"""One feed for each run that is looked at, shared by all its connections: reads once, sends to everybody.

The live file is asked about sixty times a second, more often while a command waits for its answer, and only while a page is
visible; the store five times a second; the state from outside once. All reading is done in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable

from anyio import to_thread

from tilework.errors import TileworkError
from tilework.protocol.socket import News, RunMessage, StateMessage
from tilework.runs.folder import RunFolder
from tilework.studio.connection import Connection, Frame
from tilework.studio.details import NOTHING, hello
from tilework.studio.outside import state_of
from tilework.studio.paths import Root
from tilework.studio.responses import to_text
from tilework.studio.store_feed import StoreFeed
from tilework.studio.stream import Stream

LOOK_SECONDS = 1 / 60
HURRIED_SECONDS, HURRY_SECONDS = 1 / 250, 0.5
"""Between two looks, and for how long, after a command was sent: someone waits for its answer."""
STORE_SECONDS = 0.2
STATE_SECONDS = 1.0
_NUDGE_SECONDS = 0.5
"""How often it is signalled to the trainer that somebody watches (for the next two seconds)."""


class RunFeed:
    """Reads one run for its connections, from the first that joins to the last that leaves."""

    def __init__(self, root: Root, folder: RunFolder, ended: Callable[[RunFeed], None]) -> None:
        self.root, self.folder = root, folder
        self.connections: set[Connection] = set()
        self._greeted: set[Connection] = set()
        """Those that had their hello: what comes after it is for them."""
        self._ended = ended
        self._reader = StoreFeed(folder)
        self._stream = Stream(folder)
        self._generation = 0
        self._newest: dict[str, Frame] = {}
        self._answered = 0
        """The newest command that the trainer has answered, as far as the pages know."""
        self._hurried_until = 0.0
        self._hello = ""
        self._state: StateMessage | None = None
        self._problem = ""
        self._one_at_a_time = asyncio.Lock()
        """Around the journal: a hello and the news after it fit together without gap or overlap."""
        self._due = dict.fromkeys(("nudge", "store", "state"), 0.0)
        self.closing = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # Viewers ---------------------------------------------------------------------------------------------------------

    async def join(self, connection: Connection) -> None:
        """Send the connection all there is, and from now on what is new."""
        self.connections.add(connection)
        async with self._one_at_a_time:
            if self._state is None:
                self._state = await to_thread.run_sync(state_of, self.root, self.folder)
            if self._greeted:
                await self._read_news()  # which forgets the hello where there is any
            if not self._hello:
                await self._write_hello()
            self._greet(connection)
            self._greeted.add(connection)
        for frame in self._newest.values():
            connection.offer(frame)
        if self._task is None and not self.closing:
            self._task = asyncio.create_task(self._watch(), name=f"watch {self.folder.id}")
        self._wake.set()

    def _greet(self, connection: Connection) -> None:
        connection.send(self._hello)
        if self._state is not None:
            connection.send(self._state)

    def leave(self, connection: Connection) -> None:
        """Forget the connection; the last one ends the reading."""
        self.connections.discard(connection)
        self._greeted.discard(connection)
        if not self.connections:
            self.close()

    def close(self) -> None:
        """End the watching; `settled` returns when all files are closed."""
        if not self.closing:
            self.closing = True
            self._ended(self)
            self._wake.set()

    async def settled(self) -> None:
        """Wait until everything is let go of."""
        if self._task is not None:
            await asyncio.wait({self._task})
        else:
            self._reader.close()

    def acknowledged(self, connection: Connection, channel: str, seq: int) -> None:
        """A page has drawn a frame; if a newer one is here already, it gets that."""
        newest = self._newest.get(channel)
        if connection.acknowledged(channel, seq) and newest is not None and newest.seq != seq:
            connection.offer(newest)

    def show(self, connection: Connection, visible: bool) -> None:
        """A page was hidden or shown again."""
        if visible == connection.visible:
            return
        connection.visible = visible
        connection.forget_frames()
        if visible:
            self._due["nudge"] = 0.0
            for frame in self._newest.values():
                connection.offer(frame)
            self._wake.set()

    def hurry(self) -> None:
        """A command is on its way: its answer is not to wait for the next usual look."""
        self._hurried_until = time.monotonic() + HURRY_SECONDS

    # The watch -------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        try:
            while not self.closing:
                try:
                    await self._look()
                except Exception:  # a fault of ours costs one look, not the watch
                    logging.getLogger("tilework.studio").exception("watching %s failed", self.folder.id)
                    await asyncio.sleep(1.0)
                await self._pause()
        finally:
            self._stream.close()
            self._reader.close()

    async def _pause(self) -> None:
        """Until the next look; a hidden page is in no hurry."""
        if self._visible and self._stream.open:
            await asyncio.sleep(HURRIED_SECONDS if time.monotonic() < self._hurried_until else LOOK_SECONDS)
            return
        self._wake.clear()
        if not self.closing:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), STORE_SECONDS if self._visible else STATE_SECONDS)

    @property
    def _visible(self) -> bool:
        return any(connection.visible for connection in self.connections)

    async def _look(self) -> None:
        if self._visible:
            if self._stream.fresh:
                self._show(await to_thread.run_sync(self._stream.read))
            if self._is_due("nudge", _NUDGE_SECONDS):
                self._show(await to_thread.run_sync(self._stream.nudge))
        else:
            self._stream.close()
        if self._is_due("state", STATE_SECONDS):
            self._send_state(await to_thread.run_sync(state_of, self.root, self.folder))
        if self._is_due("store", STORE_SECONDS):
            async with self._one_at_a_time:
                await self._read_news()

    def _is_due(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every
        return True

    def _show(self, frames: Iterable[Frame]) -> None:
        if self._stream.generation != self._generation:
            self._generation = self._stream.generation
            self._newest.clear()
            self._answered = 0
            for connection in self.connections:
                connection.forget_frames()
        for frame in frames:
            self._newest[frame.channel] = frame
            self._send_applied(frame)
            for connection in self.connections:
                connection.offer(frame)

    def _send_applied(self, frame: Frame) -> None:
        """What has acted is sent at once: the frame that shows it may have to wait until a page has drawn the one
        before."""
        try:
            fresh = [one for one in frame.applied if int(one["id"]) > self._answered]
        except (TypeError, KeyError, ValueError):
            return  # a trainer of another version
        if fresh:
            self._hurried_until = 0.0
            self._answered = max(int(one["id"]) for one in fresh)
            self._broadcast([{"type": "applied", "applied": fresh}])

    def _broadcast(self, messages: Iterable[RunMessage]) -> None:
        for message in messages:
            text = to_text(message)
            for connection in list(self._greeted):
                connection.send(text)

    def _send_state(self, state: StateMessage) -> None:
        if state != self._state:
            self._state, self._hello = state, ""
            self._broadcast([state])

    async def _read_news(self) -> None:
        try:
            news = await to_thread.run_sync(self._reader.news)
        except TileworkError as error:
            if error.what != self._problem:
                self._problem, self._due["state"], self._hello = error.what, 0.0, ""
            return
        self._problem = ""
        if news is None:
            await self._write_hello()
            for connection in list(self._greeted):
                self._greet(connection)
            return
        if news:
            self._hello = ""
            self._broadcast(news)
        if any(message["type"] == "marks" for message in news):
            self._due["state"] = 0.0  # a run that began, went on or ended shows that there

    async def _write_hello(self) -> None:
        self._hello, news = await to_thread.run_sync(self._compose)
        self._broadcast(news)

    # In a thread ------------------------------------------------------------------------------------------------------

    def _compose(self) -> tuple[str, list[News]]:
        everything, news = NOTHING, list[News]()
        with contextlib.suppress(TileworkError):  # the state shows what is wrong with the store
            everything, news = self._reader.whole()
        return to_text(hello(self.folder, everything)), news


class RunFeeds:
    """The run feeds of a studio, by run."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._open: dict[str, RunFeed] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def of(self, folder: RunFolder) -> RunFeed:
        """The feed of a run, started where there is none."""
        found = self._open.get(folder.id)
        if found is None:
            found = self._open[folder.id] = RunFeed(self._root, folder, self._forget)
        return found

    def __len__(self) -> int:
        return len(self._open) + len(self._closing)

    def _forget(self, feed: RunFeed) -> None:
        self._open.pop(feed.folder.id, None)
        task = asyncio.ensure_future(feed.settled())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """End all watching and wait for it."""
        for feed in list(self._open.values()):
            feed.close()
        while self._closing:
            await asyncio.wait(set(self._closing))
