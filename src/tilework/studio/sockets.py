"""The two sockets: all runs, and one run. What a page may send, and what it gets when it sends something else."""

from __future__ import annotations

from collections.abc import Callable

from anyio import to_thread
from starlette.websockets import WebSocket

from tilework.errors import TileworkError, UserError
from tilework.protocol.errors import Problem
from tilework.protocol.socket import DoneMessage, Ref, RefusedMessage
from tilework.runs import steer
from tilework.runs.folder import RunFolder
from tilework.runs.live import CHANNELS
from tilework.studio.connection import Connection
from tilework.studio.listing import Listing
from tilework.studio.outside import deleted
from tilework.studio.responses import NotHere, error_body
from tilework.studio.run_feed import RunFeed, RunFeeds
from tilework.studio.talk import Handlers, Message, converse, listen


async def runs_socket(socket: WebSocket) -> None:
    """`/ws/runs`: the list of runs, again whenever something in it has changed."""
    listing: Listing = socket.app.state.listing

    async def talk(connection: Connection) -> None:
        try:
            await listing.join(connection)
            await listen(socket, {}, _refuses(connection))
        finally:
            listing.leave(connection)

    await converse(socket, Connection, talk)


async def run_socket(socket: WebSocket) -> None:
    """`/ws/runs/{id}`: hello, then news and frames of one run; commands the other way."""
    feeds: RunFeeds = socket.app.state.feeds
    run_id = socket.path_params["id"]

    async def talk(connection: Connection) -> None:
        try:
            folder = await to_thread.run_sync(socket.app.state.root.run, run_id)
        except NotHere as error:
            # The socket stays: a page would only try again and again.
            connection.send(deleted(error.what))
            await listen(socket, dict.fromkeys(("ack", "watch"), _nothing), _refuses(connection))
            return
        feed = feeds.of(folder)
        try:
            await feed.join(connection)
            await listen(socket, _handlers(feed, connection), _refuses(connection))
        finally:
            feed.leave(connection)

    await converse(socket, Connection, talk)


async def _nothing(message: Message) -> None:
    """There is nothing to watch."""


def _handlers(feed: RunFeed, connection: Connection) -> Handlers:
    """What each type of message does."""

    async def ack(message: Message) -> None:
        channel, seq = message.get("channel"), message.get("seq")
        if not isinstance(channel, str) or channel not in CHANNELS or not isinstance(seq, int):
            raise UserError("this acknowledges no frame", why="it needs a channel and a seq", fix="send {channel, seq}")
        feed.acknowledged(connection, channel, seq)

    async def watch(message: Message) -> None:
        if not isinstance(message.get("on"), bool):
            raise UserError("watch needs on: true or false")
        feed.show(connection, message["on"])

    async def command(message: Message) -> None:
        ref = message.get("ref")
        if not isinstance(ref, (int, str)) or len(str(ref)) > 100:
            raise UserError("a command needs a ref", why="its response carries the same", fix="send a number")
        feed.hurry()
        try:
            number = await to_thread.run_sync(_send, feed.folder, message.get("kind"), message.get("payload"))
        except TileworkError as error:
            connection.send(_refused(ref, error_body(error)))
        else:
            connection.send(DoneMessage(type="response", ref=ref, ok=True, id=number))

    return {"ack": ack, "watch": watch, "command": command}


def _refuses(connection: Connection) -> Callable[[Ref | None, Problem], None]:
    return lambda ref, problem: connection.send(_refused(ref, problem))


def _refused(ref: Ref | None, problem: Problem) -> RefusedMessage:
    return {"type": "response", "ref": ref, "ok": False, "error": problem}


def _send(folder: RunFolder, kind: object, payload: object) -> int:
    """Put one command into the run's store. Raises UserError."""
    payload = {} if payload is None else payload
    if not isinstance(kind, str) or not isinstance(payload, dict) or {"folder", "kind"} & payload.keys():
        raise UserError("a command needs a kind and a payload", why="a kind is text, a payload an object")
    steer.check(kind, payload)
    return steer.send(folder, kind, **payload)
