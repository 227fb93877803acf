"""What the studio's tests share: a real server on a free port, and a client that knows its key."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from commands import PATIENCE
from websockets.asyncio.client import ClientConnection, connect

from tilework.runs.frames import read_header
from tilework.studio.address import Address
from tilework.studio.server import Studio

HEADERS = {"content-type": "application/json"}


class Served:
    """A studio that answers, in a thread of this process."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.address = f"127.0.0.1:{studio.port}"
        self.origin = f"http://{self.address}"
        self.cookie = f"{studio.keys.cookie}={studio.keys.session}"
        self.client = httpx.Client(base_url=self.origin, timeout=PATIENCE, verify=False, trust_env=False)

    @property
    def state(self) -> Any:
        return self.studio.app.app.state

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request with everything that it needs."""
        headers = {"cookie": self.cookie, "origin": self.origin, **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return self.ask("POST", path, content=json.dumps(body or {}))

    @contextlib.asynccontextmanager
    async def socket(self, path: str, **more: Any) -> AsyncIterator[Page]:
        """An open page."""
        headers = {"Cookie": self.cookie, **more.pop("headers", {})}
        async with connect(
            f"ws://{self.address}{path}",
            additional_headers=headers,
            origin=more.pop("origin", self.origin),
            max_size=None,
            compression=None,
            **more,
        ) as connection:
            yield Page(connection)

    def seen(self, channel: str, seq: int) -> bool:
        """Whether the only watcher has read this frame (its number, unless a new process has begun to count again)."""
        (feed,) = self.state.feeds._open.values()
        newest = feed._newest.get(channel)
        return newest is not None and newest.seq == seq

    def run(self, run_id: str, **more: Any) -> contextlib.AbstractAsyncContextManager[Page]:
        return self.socket(f"/ws/runs/{run_id}", **more)


@contextlib.contextmanager
def serving(runs: Path, page: Path | None = None, outside: Address | None = None) -> Iterator[Served]:
    """A studio on a free port, and its end."""
    studio = Studio(runs, port=0, outside=outside, **({"page": page} if page else {}))
    thread = threading.Thread(target=lambda: studio.run(), name="server")
    thread.start()
    until(lambda: studio.server.started)
    found = Served(studio)
    try:
        yield found
    finally:
        found.client.close()
        studio.server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the server did not end"


class Page:
    """A client of a socket: takes messages, keeps what it received."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.texts: list[dict[str, Any]] = []
        self.frames: list[dict[str, Any]] = []

    async def take(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next message: a text, or the header of a frame under `frame`."""
        got = await asyncio.wait_for(self.connection.recv(), seconds)
        if isinstance(got, bytes):
            self.frames.append(read_header(got))
            return {"type": "frame", "frame": self.frames[-1], "bytes": len(got)}
        self.texts.append(json.loads(got))
        return self.texts[-1]

    async def until(
        self, wanted: Callable[[dict[str, Any]], bool], seconds: float = PATIENCE, ack: bool = True
    ) -> dict[str, Any]:
        """The first message that is wanted; acknowledges frames on the way."""
        end = time.monotonic() + seconds
        while True:
            message = await self.take(max(0.01, end - time.monotonic()))
            if message["type"] == "frame" and ack:
                await self.ack(message["frame"])
            if wanted(message):
                return message

    async def of_type(self, kind: str, seconds: float = PATIENCE) -> dict[str, Any]:
        return await self.until(lambda message: message["type"] == kind, seconds)

    async def so_far(self) -> list[dict[str, Any]]:
        """All messages that the server has had a reason to send by now, unacknowledged.

        It answers questions in their order. A text overtakes a frame that waits beside it, and is followed by it: that frame is
        there before the answer to a second question.
        """
        found = []
        for ref in ("first", "second"):
            await self.send({"type": "a question", "ref": ref})
            while (message := await self.take()).get("ref") != ref:
                found.append(message)
        return found

    async def send(self, message: Any) -> None:
        await self.connection.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    async def ack(self, header: dict[str, Any]) -> None:
        await self.send({"type": "ack", "channel": header["channel"], "seq": header["seq"]})


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


async def soon(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """`until` for a client that must go on reading."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)
