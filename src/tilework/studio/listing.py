"""The list of runs for all pages that show it: read once a second while there is one, sent when it has changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from anyio import to_thread

from tilework.errors import TileworkError
from tilework.protocol.socket import RunsMessage
from tilework.studio.cards import Cards
from tilework.studio.connection import Connection
from tilework.studio.paths import Root
from tilework.studio.responses import to_text

LOOK_SECONDS = 1.0


class Listing:
    """Sends all runs to its connections."""

    def __init__(self, root: Root, cards: Cards) -> None:
        self._root, self._cards = root, cards
        self._connections: set[Connection] = set()
        self._text = ""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def join(self, connection: Connection) -> None:
        """Send the list now, and whenever it changes."""
        text = await to_thread.run_sync(self._read)
        connection.send(text)
        self._connections.add(connection)
        if self._task is None:
            self._text = text
            self._task = asyncio.create_task(self._watch(), name="list of runs")

    def leave(self, connection: Connection) -> None:
        """Forget the connection; the last one ends the reading."""
        self._connections.discard(connection)
        if not self._connections:
            self._wake.set()

    def look_now(self) -> None:
        """Something was begun or deleted: do not wait for the second to end."""
        self._wake.set()

    async def close(self) -> None:
        """End the looking and wait for it."""
        self._connections.clear()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _watch(self) -> None:
        try:
            while self._connections:
                self._wake.clear()
                try:
                    text = await to_thread.run_sync(self._read)
                except Exception:  # costs one look
                    logging.getLogger("tilework.studio").exception("listing the runs failed")
                    text = self._text
                if text != self._text:
                    self._text = text
                    for connection in list(self._connections):
                        connection.send(text)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
        finally:
            self._task = None

    def _read(self) -> str:
        try:
            message = RunsMessage(type="runs", root=str(self._root.path), runs=self._cards.all())
        except TileworkError as error:
            message = RunsMessage(type="runs", root=str(self._root.path), runs=[], problem=error.what)
        return to_text(message)
