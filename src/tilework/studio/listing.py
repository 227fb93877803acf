"""The list of runs for all pages that show it: read once a second while there is one, sent when it has changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from anyio import to_thread

from tilework.errors import TileworkError
from tilework.protocol.socket import RunsMessage
from tilework.studio.answers import to_text
from tilework.studio.cards import Cards
from tilework.studio.places import Root
from tilework.studio.viewer import Viewer

LOOK_SECONDS = 1.0


class Listing:
    """Sends all runs to its viewers."""

    def __init__(self, root: Root, cards: Cards) -> None:
        self._root, self._cards = root, cards
        self._viewers: set[Viewer] = set()
        self._text = ""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def join(self, viewer: Viewer) -> None:
        """Send the list now, and whenever it changes."""
        text = await to_thread.run_sync(self._read)
        viewer.send(text)
        self._viewers.add(viewer)
        if self._task is None:
            self._text = text
            self._task = asyncio.create_task(self._watch(), name="list of runs")

    def leave(self, viewer: Viewer) -> None:
        """Forget the viewer; the last one ends the looking."""
        self._viewers.discard(viewer)
        if not self._viewers:
            self._wake.set()

    def look_now(self) -> None:
        """Something was begun or deleted: do not wait for the second to end."""
        self._wake.set()

    async def close(self) -> None:
        """End the looking and wait for it."""
        self._viewers.clear()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _watch(self) -> None:
        try:
            while self._viewers:
                self._wake.clear()
                try:
                    text = await to_thread.run_sync(self._read)
                except Exception:  # costs one look
                    logging.getLogger("tilework.studio").exception("listing the runs failed")
                    text = self._text
                if text != self._text:
                    self._text = text
                    for viewer in list(self._viewers):
                        viewer.send(text)
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
