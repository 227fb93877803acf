"""One open page: what waits to be sent to it. Bounded, whatever the page does or leaves undone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tilework.protocol.frame import Applied
from tilework.protocol.socket import RunMessage
from tilework.studio.responses import to_text

MOST_TEXTS = 500
MOST_TEXT_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Frame:
    """One frame of a channel, shared by all its connections."""

    channel: str
    seq: int
    data: bytes
    applied: tuple[Applied, ...] = ()
    """The commands of late that have acted or were refused, as its header has them."""


class Connection:
    """Texts in order; of each channel's frames the newest, and only when the page has acknowledged the last one.

    A page that does not read fills its texts; then it is cut off, and finds everything in the hello of its next connection.
    """

    def __init__(self, cut: Callable[[], None]) -> None:
        self.visible = True
        self.cut_off = False
        self._cut = cut
        self._texts: deque[str] = deque()
        self._text_bytes = 0
        self._frames: dict[str, Frame] = {}
        self._flying: dict[str, Frame] = {}
        self._ready = asyncio.Event()

    def send(self, message: RunMessage | str) -> None:
        """Queue one text message. Cuts the connection off where too much waits."""
        text = message if isinstance(message, str) else to_text(message)
        self._texts.append(text)
        self._text_bytes += len(text)
        if len(self._texts) > MOST_TEXTS or (self._text_bytes > MOST_TEXT_BYTES and len(self._texts) > 1):
            self.cut_off = True
            self._texts.clear()
            self._text_bytes = 0
            self._frames.clear()
            self._cut()
        self._ready.set()

    def offer(self, frame: Frame) -> None:
        """Let the page have this frame if it waits for one of the channel; it replaces an older one that is not sent yet."""
        flying = self._flying.get(frame.channel)
        if self.visible and flying is None:
            self._frames[frame.channel] = frame
            self._ready.set()

    def acknowledged(self, channel: str, seq: int) -> bool:
        """The page has drawn a frame. True where that was the one it had been sent."""
        flying = self._flying.get(channel)
        if flying is None or flying.seq != seq:
            return False
        del self._flying[channel]
        return True

    def forget_frames(self) -> None:
        """The run's frames begin anew (a resume): nothing that was sent will be acknowledged in time."""
        self._flying.clear()
        self._frames.clear()

    @property
    def waiting(self) -> int:
        """Bytes that wait to be sent."""
        return self._text_bytes + sum(len(frame.data) for frame in self._frames.values())

    async def take(self) -> str | bytes:
        """The next message to send; waits for one."""
        while True:
            if self._texts:
                text = self._texts.popleft()
                self._text_bytes -= len(text)
                return text
            if self._frames:
                channel = next(iter(self._frames))
                frame = self._flying[channel] = self._frames.pop(channel)
                return frame.data
            self._ready.clear()
            await self._ready.wait()
