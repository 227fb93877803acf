"""The model processes of one studio: at most four, the one that was not asked for the longest makes way, none outlives it."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from tilework.errors import UserError
from tilework.studio.models.child import COMMAND, Child
from tilework.studio.models.choice import Chosen
from tilework.studio.models.pipe import Output, What
from tilework.studio.responses import Busy

MOST_OPEN = 4
"""As many as a page compares."""
IDLE_SECONDS = 300.0
_LOOK_SECONDS = 5.0
_MOST_REQUESTS = 8


class Guest(Protocol):
    """Whoever asks a model: a page."""

    def hear(self, child: Child, output: Output | None) -> None:
        """Output of the process; None = its condition is another one."""


class Pool:
    """Opens, shares and ends model processes; lives in the event loop."""

    def __init__(self, images: Path, command: Sequence[str] = COMMAND) -> None:
        self.most, self.idle_seconds = MOST_OPEN, IDLE_SECONDS
        self._images, self._command = images, command
        self._open: list[Child] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._guests: dict[int, Guest] = {}
        self._replies: dict[int, tuple[Child, asyncio.Future[bytes]]] = {}
        self._numbers = itertools.count(1)
        self._watch: asyncio.Task[None] | None = None

    def of(self, chosen: Chosen, device: str) -> Child:
        """The process of a checkpoint on a device, begun where there is none; room is made for it."""
        found = next((one for one in self._open if one.chosen.place == chosen.place and device in one.devices), None)
        if found is None:
            while len(self._open) >= self.most:
                eldest = min(self._open, key=lambda one: one.used)
                eldest.end(f"it made way for another model: at most {self.most} are open at once")
            found = Child(chosen, device, self._images, self._on_output, self._command)
            self._open.append(found)
            if self._watch is None:
                self._watch = asyncio.create_task(self._end_idle(), name="idle models")
        found.used = time.monotonic()
        return found

    def join(self, guest: Guest) -> int:
        """A number for a page, under which it asks."""
        number = next(self._numbers)
        self._guests[number] = guest
        return number

    def leave(self, number: int) -> None:
        """A page is gone: nothing of it is computed any more."""
        self._guests.pop(number, None)
        for child in self._open:
            child.leave(number)

    async def request(self, child: Child, do: str, what: dict[str, Any]) -> bytes:
        """Something that the studio itself asks. Raises UserError: the error of the process, or that it has ended."""
        if sum(one is child for one, _ in self._replies.values()) >= _MOST_REQUESTS:
            raise Busy(f"{_MOST_REQUESTS} files of this model are being made", why="each takes its time", fix="wait")
        ref = next(self._numbers)
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._replies[ref] = (child, reply)
        try:
            if child.alive:
                child.order(do, 0, ref, str(ref), "slow", what)
            else:
                self._fail(child)
            return await reply
        finally:
            self._replies.pop(ref, None)
            if child.alive and not reply.done():
                child.forget(0, str(ref))

    def __len__(self) -> int:
        return len(self._open) + len(self._closing)

    async def close(self) -> None:
        """End all of them and wait for it."""
        if self._watch is not None:
            self._watch.cancel()
        for child in list(self._open):
            child.end("the studio ends", "")
        while self._closing:
            await asyncio.wait(set(self._closing))

    # What goes on -----------------------------------------------------------------------------------------------------

    def _on_output(self, child: Child, output: Output | None) -> None:
        if output is None:
            if not child.alive and child in self._open:
                self._open.remove(child)
                task = asyncio.ensure_future(child.settled())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
                self._fail(child)
            for guest in list(self._guests.values()):
                guest.hear(child, None)
        elif output.page:
            asker = self._guests.get(output.page)
            if asker is not None:
                asker.hear(child, output)
        elif output.ref in self._replies:
            self._reply(output)

    def _reply(self, output: Output) -> None:
        _, reply = self._replies[output.ref]
        if reply.done():
            return
        if output.what is What.REPLY:
            reply.set_result(output.body)
        else:
            problem = json.loads(output.body)
            reply.set_exception(UserError(problem["what"], why=problem["why"], fix=problem["fix"]))

    def _fail(self, child: Child) -> None:
        """Nobody who waits for this process will get a reply."""
        state = child.condition
        for asked, reply in list(self._replies.values()):
            if asked is child and not reply.done():
                reply.set_exception(UserError("the model is not open any more", why=state.message, fix=state.fix))

    async def _end_idle(self) -> None:
        while True:
            await asyncio.sleep(min(_LOOK_SECONDS, self.idle_seconds / 4))
            now = time.monotonic()
            for child in list(self._open):
                busy = not child.loaded or any(asked is child for asked, _ in self._replies.values())
                if now - child.used > self.idle_seconds and not busy:
                    minutes = self.idle_seconds / 60
                    child.end(f"nothing was asked of it for {minutes:g} minutes", "the next ask starts it again")
