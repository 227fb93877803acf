"""The two sockets: all runs, and one run. What a page may say, and what it is told when it says something else."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from anyio import to_thread
from starlette.websockets import WebSocket, WebSocketDisconnect

from tilework.errors import TileworkError, UserError
from tilework.protocol.errors import Problem
from tilework.protocol.socket import DoneMessage, Ref, RefusedMessage
from tilework.runs import steer
from tilework.runs.folder import RunFolder
from tilework.runs.live import CHANNELS
from tilework.studio.answers import FAULT, NotHere, error_body, read_json
from tilework.studio.listing import Listing
from tilework.studio.outside import deleted
from tilework.studio.viewer import Viewer
from tilework.studio.watch import Watcher, Watchers

MOST_VIEWERS = 200
TOO_MANY = 1013  # "try again later"

Message = dict[str, Any]
"""What a page sent: it is asked for what a `PageMessage` has, piece by piece."""


class Crowd:
    """Counts the open sockets of one studio."""

    def __init__(self, most: int = MOST_VIEWERS) -> None:
        self.most = most
        self.present = 0


async def runs_socket(socket: WebSocket) -> None:
    """`/ws/runs`: the list of runs, again whenever something in it has changed."""
    listing: Listing = socket.app.state.listing

    async def talk(viewer: Viewer) -> None:
        try:
            await listing.join(viewer)
            await _listen(socket, viewer, {})
        finally:
            listing.leave(viewer)

    await _converse(socket, talk)


async def run_socket(socket: WebSocket) -> None:
    """`/ws/runs/{id}`: hello, then news and frames of one run; commands the other way."""
    watchers: Watchers = socket.app.state.watchers
    run_id = socket.path_params["id"]

    async def talk(viewer: Viewer) -> None:
        try:
            folder = await to_thread.run_sync(socket.app.state.root.run, run_id)
        except NotHere as error:
            # The socket stays: a page would only try again and again.
            viewer.say(deleted(error.what))
            await _listen(socket, viewer, dict.fromkeys(("ack", "watch"), _nothing))
            return
        watcher = watchers.of(folder)
        try:
            await watcher.join(viewer)
            await _listen(socket, viewer, _page_says(watcher, viewer))
        finally:
            watcher.leave(viewer)

    await _converse(socket, talk)


async def _nothing(message: Message) -> None:
    """There is nothing to watch."""


def _page_says(watcher: Watcher, viewer: Viewer) -> dict[str, Callable[[Message], Awaitable[None]]]:
    """What each type of message does."""

    async def ack(message: Message) -> None:
        channel, seq = message.get("channel"), message.get("seq")
        if not isinstance(channel, str) or channel not in CHANNELS or not isinstance(seq, int):
            raise UserError("this acknowledges no frame", why="it needs a channel and a seq", fix="send {channel, seq}")
        watcher.acknowledged(viewer, channel, seq)

    async def watch(message: Message) -> None:
        if not isinstance(message.get("on"), bool):
            raise UserError("watch needs on: true or false")
        watcher.show(viewer, message["on"])

    async def command(message: Message) -> None:
        ref = message.get("ref")
        if not isinstance(ref, (int, str)) or len(str(ref)) > 100:
            raise UserError("a command needs a ref", why="its answer carries the same", fix="send a number")
        watcher.hurry()
        try:
            number = await to_thread.run_sync(_send, watcher.folder, message.get("kind"), message.get("payload"))
        except TileworkError as error:
            viewer.say(_refused(ref, error_body(error)))
        else:
            viewer.say(DoneMessage(type="answer", ref=ref, ok=True, id=number))

    return {"ack": ack, "watch": watch, "command": command}


def _refused(ref: Ref | None, problem: Problem) -> RefusedMessage:
    return {"type": "answer", "ref": ref, "ok": False, "error": problem}


def _send(folder: RunFolder, kind: object, payload: object) -> int:
    """Put one command into the run's store. Raises UserError."""
    payload = {} if payload is None else payload
    if not isinstance(kind, str) or not isinstance(payload, dict) or {"folder", "kind"} & payload.keys():
        raise UserError("a command needs a kind and a payload", why="a kind is text, a payload an object")
    steer.check(kind, payload)
    return steer.send(folder, kind, **payload)


async def _listen(socket: WebSocket, viewer: Viewer, known: dict[str, Callable[[Message], Awaitable[None]]]) -> None:
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
            said = message.get("ref")
            ref = said if isinstance(said, (int, str)) else None
            act = known.get(str(message.get("type")))
            if act is None:
                raise UserError(
                    f"there is no message of type {str(message.get('type'))[:40]!r}",
                    why=f"a page may send {', '.join(known) or 'nothing here'}",
                )
            await act(message)
        except TileworkError as error:
            viewer.say(_refused(ref, error_body(error)))
        except Exception:  # a fault of ours costs an answer, not the socket
            logging.getLogger("tilework.studio").exception("a message was not understood")
            viewer.say(_refused(ref, FAULT))


async def _converse(socket: WebSocket, talk: Callable[[Viewer], Awaitable[None]]) -> None:
    """Open the socket, and send what the viewer is to be told while `talk` goes on."""
    crowd: Crowd = socket.app.state.crowd
    await socket.accept()
    if crowd.present >= crowd.most:
        await socket.close(TOO_MANY, f"{crowd.most} pages are open already")
        return
    crowd.present += 1
    try:
        async with anyio.create_task_group() as group:
            viewer = Viewer(cut=group.cancel_scope.cancel)

            async def speak() -> None:
                with contextlib.suppress(WebSocketDisconnect, OSError):
                    while True:
                        message = await viewer.take()
                        if isinstance(message, str):
                            await socket.send_text(message)
                        else:
                            await socket.send_bytes(message)
                group.cancel_scope.cancel()

            async def listen() -> None:
                await talk(viewer)
                group.cancel_scope.cancel()

            group.start_soon(speak)
            group.start_soon(listen)
        # A page that was cut off reads nothing, no goodbye either: the server drops its connection.
    finally:
        crowd.present -= 1
