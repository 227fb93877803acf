"""A socket's two directions: what a page sends is read message by message, what it gets is sent one after another."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from tilework.errors import TileworkError, UserError
from tilework.protocol.errors import Problem
from tilework.protocol.socket import Ref
from tilework.studio.responses import FAULT, error_body, read_json

MOST_CONNECTIONS = 200
MOST_MESSAGE = 2**20
"""Letters of a message that a page may send: as many tokens as an ask may have fit in it."""
TOO_MANY = 1013  # "try again later"

Message = dict[str, Any]
"""What a page sent: it is asked for what its model has, piece by piece."""
Handlers = Mapping[str, Callable[[Message], Awaitable[None]]]
"""What each type of message does."""


class Mailbox(Protocol):
    """What waits to be sent to a page."""

    async def take(self) -> str | bytes:
        """The next message; waits for one."""


B = TypeVar("B", bound=Mailbox)


class Clients:
    """Counts the open sockets of one studio."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self.most = most
        self.present = 0


async def listen(socket: WebSocket, known: Handlers, refuse: Callable[[Ref | None, Problem], None]) -> None:
    """Read messages until the page is gone. Whatever it sends, it gets a word back and nothing else happens."""
    while True:
        received = await socket.receive()
        if received["type"] == "websocket.disconnect":
            return
        ref = None
        try:
            text = received.get("text")
            if text is None:
                raise UserError("this message is binary", why="pages send text", fix="send one JSON object")
            message = read_json(text)
            given = message.get("ref")
            ref = given if isinstance(given, (int, str)) else None
            if len(text) > MOST_MESSAGE:
                raise UserError(
                    f"this message has {len(text):,} characters",
                    why=f"at most {MOST_MESSAGE:,} are read",
                    fix="ask for less",
                )
            act = known.get(str(message.get("type")))
            if act is None:
                raise UserError(
                    f"there is no message of type {str(message.get('type'))[:40]!r}",
                    why=f"a page may send {', '.join(known) or 'nothing here'}",
                )
            await act(message)
        except TileworkError as error:
            refuse(ref, error_body(error))
        except Exception:  # a fault of ours costs an answer, not the socket
            logging.getLogger("tilework.studio").exception("a message was not understood")
            refuse(ref, FAULT)


async def converse(
    socket: WebSocket, mailbox: Callable[[Callable[[], None]], B], talk: Callable[[B], Awaitable[None]]
) -> None:
    """Open the socket, and send what is in the mailbox while `talk` goes on. The mailbox is made with what cuts the page off."""
    clients: Clients = socket.app.state.clients
    await socket.accept()
    if clients.present >= clients.most:
        await socket.close(TOO_MANY, f"{clients.most} pages are open already")
        return
    clients.present += 1
    try:
        async with anyio.create_task_group() as group:
            box = mailbox(group.cancel_scope.cancel)

            async def speak() -> None:
                with contextlib.suppress(WebSocketDisconnect, OSError):
                    while True:
                        message = await box.take()
                        if isinstance(message, str):
                            await socket.send_text(message)
                        else:
                            await socket.send_bytes(message)
                group.cancel_scope.cancel()

            async def hear() -> None:
                await talk(box)
                group.cancel_scope.cancel()

            group.start_soon(speak)
            group.start_soon(hear)
        # A page that was cut off reads nothing, no goodbye either: the server drops its connection.
    finally:
        clients.present -= 1
