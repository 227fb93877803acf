"""One watcher for each run that is looked at, shared by all its viewers: reads once, sends to everybody.

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
from tilework.studio.answers import to_text
from tilework.studio.details import NOTHING, hello
from tilework.studio.journal import Journal
from tilework.studio.outside import state_of
from tilework.studio.places import Root
from tilework.studio.stream import Stream
from tilework.studio.viewer import Frame, Viewer

LOOK_SECONDS = 1 / 60
HURRIED_SECONDS, HURRY_SECONDS = 1 / 250, 0.5
"""Between two looks, and for how long, after a command was sent: someone waits for its answer."""
STORE_SECONDS = 0.2
STATE_SECONDS = 1.0
_NUDGE_SECONDS = 0.5
"""How often it is signalled to the trainer that somebody watches (for the next two seconds)."""


class Watcher:
    """Reads one run for its viewers, from the first that joins to the last that leaves."""

    def __init__(self, root: Root, folder: RunFolder, ended: Callable[[Watcher], None]) -> None:
        self.root, self.folder = root, folder
        self.viewers: set[Viewer] = set()
        self._greeted: set[Viewer] = set()
        """Those that had their hello: what comes after it is for them."""
        self._ended = ended
        self._journal = Journal(folder)
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

    async def join(self, viewer: Viewer) -> None:
        """Send the viewer all there is, and from now on what is new."""
        self.viewers.add(viewer)
        async with self._one_at_a_time:
            if self._state is None:
                self._state = await to_thread.run_sync(state_of, self.root, self.folder)
            if self._greeted:
                await self._read_news()  # which forgets the hello where there is any
            if not self._hello:
                await self._write_hello()
            self._greet(viewer)
            self._greeted.add(viewer)
        for frame in self._newest.values():
            viewer.offer(frame)
        if self._task is None and not self.closing:
            self._task = asyncio.create_task(self._watch(), name=f"watch {self.folder.id}")
        self._wake.set()

    def _greet(self, viewer: Viewer) -> None:
        viewer.send(self._hello)
        if self._state is not None:
            viewer.send(self._state)

    def leave(self, viewer: Viewer) -> None:
        """Forget the viewer; the last one ends the watching."""
        self.viewers.discard(viewer)
        self._greeted.discard(viewer)
        if not self.viewers:
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
            self._journal.close()

    def acknowledged(self, viewer: Viewer, channel: str, seq: int) -> None:
        """A page has drawn a frame; if a newer one is here already, it gets that."""
        newest = self._newest.get(channel)
        if viewer.acknowledged(channel, seq) and newest is not None and newest.seq != seq:
            viewer.offer(newest)

    def show(self, viewer: Viewer, visible: bool) -> None:
        """A page was hidden or shown again."""
        if visible == viewer.visible:
            return
        viewer.visible = visible
        viewer.forget_frames()
        if visible:
            self._due["nudge"] = 0.0
            for frame in self._newest.values():
                viewer.offer(frame)
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
            self._journal.close()

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
        return any(viewer.visible for viewer in self.viewers)

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
            for viewer in self.viewers:
                viewer.forget_frames()
        for frame in frames:
            self._newest[frame.channel] = frame
            self._send_applied(frame)
            for viewer in self.viewers:
                viewer.offer(frame)

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
            for viewer in list(self._greeted):
                viewer.send(text)

    def _send_state(self, state: StateMessage) -> None:
        if state != self._state:
            self._state, self._hello = state, ""
            self._broadcast([state])

    async def _read_news(self) -> None:
        try:
            news = await to_thread.run_sync(self._journal.news)
        except TileworkError as error:
            if error.what != self._problem:
                self._problem, self._due["state"], self._hello = error.what, 0.0, ""
            return
        self._problem = ""
        if news is None:
            await self._write_hello()
            for viewer in list(self._greeted):
                self._greet(viewer)
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
            everything, news = self._journal.whole()
        return to_text(hello(self.folder, everything)), news


class Watchers:
    """The watchers of a studio, by run."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._open: dict[str, Watcher] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def of(self, folder: RunFolder) -> Watcher:
        """The watcher of a run, begun where there is none."""
        found = self._open.get(folder.id)
        if found is None:
            found = self._open[folder.id] = Watcher(self._root, folder, self._forget)
        return found

    def __len__(self) -> int:
        return len(self._open) + len(self._ending)

    def _forget(self, watcher: Watcher) -> None:
        self._open.pop(watcher.folder.id, None)
        task = asyncio.ensure_future(watcher.settled())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End all watching and wait for it."""
        for watcher in list(self._open.values()):
            watcher.close()
        while self._ending:
            await asyncio.wait(set(self._ending))
