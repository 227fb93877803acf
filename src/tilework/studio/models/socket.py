"""`/ws/models/{id}`: asks and answers of an open model."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket

from tilework.studio.models.page import Outbox
from tilework.studio.models.visit import Visit
from tilework.studio.talk import converse, listen


async def model_socket(socket: WebSocket) -> None:
    """The state of the model's process first, and at every change; an answer for every ask that is not replaced or forgotten."""
    state, query = socket.app.state, socket.query_params
    wanted = (socket.path_params["id"], query.get("which", "best"), query.get("device", "auto"))

    async def talk(outbox: Outbox) -> None:
        visit = Visit(state.root, state.pool, wanted, outbox)
        watch = asyncio.create_task(visit.watch(), name="newer checkpoints")
        try:
            await visit.open()
            await listen(socket, visit.handlers(), outbox.refuse)
        finally:
            watch.cancel()
            visit.leave()

    await converse(socket, Outbox, talk)
