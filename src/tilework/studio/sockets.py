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
from tilework.studio.answers import NotHere, error_body
from tilework.studio.listing import Listing
from tilework.studio.outside import deleted
from tilework.studio.talk import Handlers, Message, converse, listen
from tilework.studio.viewer import Viewer
from tilework.studio.watch import Watcher, Watchers


async def runs_socket(socket: WebSocket) -> None:
    """`/ws/runs`: the list of runs, again whenever something in it has changed."""
    listing: Listing = socket.app.state.listing

    async def talk(viewer: Viewer) -> None:
        try:
            await listing.join(viewer)
            await listen(socket, {}, _refuses(viewer))
        finally:
            listing.leave(viewer)

    await converse(socket, Viewer, talk)


async def run_socket(socket: WebSocket) -> None:
    """`/ws/runs/{id}`: hello, then news and frames of one run; commands the other way."""
    watchers: Watchers = socket.app.state.watchers
    run_id = socket.path_params["id"]

    async def talk(viewer: Viewer) -> None:
        try:
            folder = await to_thread.run_sync(socket.app.state.root.run, run_id)
        except NotHere as error:
            # The socket stays: a page would only try again and again.
            viewer.send(deleted(error.what))
            await listen(socket, dict.fromkeys(("ack", "watch"), _nothing), _refuses(viewer))
            return
        watcher = watchers.of(folder)
        try:
            await watcher.join(viewer)
            await listen(socket, _handlers(watcher, viewer), _refuses(viewer))
        finally:
            watcher.leave(viewer)

    await converse(socket, Viewer, talk)


async def _nothing(message: Message) -> None:
    """There is nothing to watch."""


def _handlers(watcher: Watcher, viewer: Viewer) -> Handlers:
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
            viewer.send(_refused(ref, error_body(error)))
        else:
            viewer.send(DoneMessage(type="answer", ref=ref, ok=True, id=number))

    return {"ack": ack, "watch": watch, "command": command}


def _refuses(viewer: Viewer) -> Callable[[Ref | None, Problem], None]:
    return lambda ref, problem: viewer.send(_refused(ref, problem))


def _refused(ref: Ref | None, problem: Problem) -> RefusedMessage:
    return {"type": "answer", "ref": ref, "ok": False, "error": problem}


def _send(folder: RunFolder, kind: object, payload: object) -> int:
    """Put one command into the run's store. Raises UserError."""
    payload = {} if payload is None else payload
    if not isinstance(kind, str) or not isinstance(payload, dict) or {"folder", "kind"} & payload.keys():
        raise UserError("a command needs a kind and a payload", why="a kind is text, a payload an object")
    steer.check(kind, payload)
    return steer.send(folder, kind, **payload)
