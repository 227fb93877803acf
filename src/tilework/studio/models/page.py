"""One page that looks at a model: what it has asked and waits for, and what waits to be sent to it. Bounded in both.

An ask goes to the process only when fewer than two answers wait to be sent and fewer than two asks of its lane are there already;
until then the newest of its key waits here. So a page that reads slowly, or a hand that moves quickly, never makes a queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tilework.errors import UserError
from tilework.protocol.errors import Problem
from tilework.protocol.socket import FailedMessage, ModelMessage
from tilework.studio.models.lanes import LONG, Lane, lane_of
from tilework.studio.responses import to_text

MOST_KEYS = 64
MOST_IN_LANE = 2
MOST_UNSENT = 2
_MOST_TEXTS = 500


@dataclass(frozen=True)
class PageAsk:
    """One ask as the page sent it."""

    ref: int
    key: str
    ask: dict[str, Any]

    @property
    def lane(self) -> Lane:
        """Whether a hand waits for it."""
        return lane_of(self.ask.get("kind"))


class Outbox:
    """Texts and answers that wait to be sent, in order. A page that sends nonsense and reads nothing is cut off."""

    def __init__(self, cut: Callable[[], None]) -> None:
        self._cut = cut
        self._waiting: deque[str | bytes] = deque()
        self._responses = 0
        self._ready = asyncio.Event()
        self.taken: Callable[[], None] = lambda: None
        """Called when an answer has left."""

    def send(self, message: ModelMessage) -> None:
        """Queue one text."""
        self._waiting.append(to_text(message))
        if len(self._waiting) > _MOST_TEXTS:
            self._waiting.clear()
            self._responses = 0
            self._cut()
        self._ready.set()

    def refuse(self, ref: int | str | None, problem: Problem) -> None:
        """Queue the refusal of a message."""
        self.send(
            FailedMessage(
                type="failed", ref=ref if isinstance(ref, int) and not isinstance(ref, bool) else None, error=problem
            )
        )

    def answer(self, frame: bytes) -> None:
        """Queue one answer."""
        self._waiting.append(frame)
        self._responses += 1
        self._ready.set()

    @property
    def responses(self) -> int:
        """How many answers wait."""
        return self._responses

    async def take(self) -> str | bytes:
        """The next message to send; waits for one. That it is asked for means that the one before has left."""
        while not self._waiting:
            self._ready.clear()
            await self._ready.wait()
        found = self._waiting.popleft()
        if isinstance(found, bytes):
            self._responses -= 1
            self.taken()
        return found


class PageAsks:
    """The asks of one page: the newest of each key that is still to be sent to the process, and those that are there."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._waiting: dict[str, PageAsk] = {}
        self._there: dict[int, PageAsk] = {}
        self._forgotten: set[int] = set()

    def put(self, ask: PageAsk) -> None:
        """A new ask. Raises UserError where too many keys wait already."""
        if len(self._waiting) >= MOST_KEYS and ask.key not in self._waiting:
            raise UserError(
                f"{MOST_KEYS} asks of this page wait already", why="each waits for those before", fix="ask for less"
            )
        if any(ask.ref in asks for asks in (self._there, {one.ref for one in self._waiting.values()})):
            raise UserError(f"ref {ask.ref} was used for an ask that waits", why="each ask needs its own")
        self._waiting[ask.key] = ask

    def forget(self, key: str) -> bool:
        """Nobody waits for this key. True where the process has to be notified."""
        self._waiting.pop(key, None)
        there = {ref for ref, one in self._there.items() if one.key == key} - self._forgotten
        self._forgotten |= there
        return bool(there)

    def due(self) -> list[PageAsk]:
        """What is to be sent to the process now; counts as there."""
        found: list[PageAsk] = []
        if self._outbox.responses >= MOST_UNSENT:
            return found
        lanes = [one.lane for one in self._there.values()]
        keys = {one.key for one in self._there.values()}
        for key, ask in list(self._waiting.items()):
            if lanes.count(ask.lane) < MOST_IN_LANE and key not in keys:
                found.append(ask)
                lanes.append(ask.lane)
                del self._waiting[key]
                self._there[ask.ref] = ask
        return found

    def waits(self, ref: int) -> bool:
        """Whether somebody waits for an ask that the process has."""
        return ref in self._there and ref not in self._forgotten

    def given_up(self, key: str) -> bool:
        """What is long is not waited for where a newer ask of its key has come. True where the process has to be
        notified."""
        there = {ref for ref, one in self._there.items() if one.key == key and one.ask.get("kind") in LONG}
        self._forgotten |= there
        return bool(there)

    def done(self, ref: int) -> bool:
        """The process has answered an ask. True where somebody waits for it."""
        known = self._there.pop(ref, None) is not None
        wanted = known and ref not in self._forgotten
        self._forgotten.discard(ref)
        return wanted

    def again(self) -> None:
        """The process has ended and another one will be asked: what was there waits once more."""
        there = [ask for ref, ask in self._there.items() if ref not in self._forgotten]
        self._waiting = {one.key: one for one in there} | self._waiting
        self._there.clear()
        self._forgotten.clear()

    def abandon(self) -> list[int]:
        """The process has ended: the refs of all that was asked and will not be answered."""
        refs = [ref for ref in self._there if ref not in self._forgotten] + [one.ref for one in self._waiting.values()]
        self._there.clear()
        self._waiting.clear()
        self._forgotten.clear()
        return refs
