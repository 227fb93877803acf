"""A page at a model: which checkpoint it has open, what it gets of it, and its asks on their way there and back."""

from __future__ import annotations

import asyncio
import contextlib
import json

from anyio import to_thread

from tilework.errors import TileworkError, UserError
from tilework.protocol.socket import GoneMessage, ModelStateMessage, NewerMessage
from tilework.studio.models.child import AGAIN, Child
from tilework.studio.models.choice import Chosen, choose, device_of
from tilework.studio.models.page import Outbox, PageAsk, PageAsks
from tilework.studio.models.pipe import Output, What
from tilework.studio.models.pool import Pool
from tilework.studio.paths import Root
from tilework.studio.responses import NotHere, error_body
from tilework.studio.talk import Handlers, Message

LOOK_SECONDS = 1.0
"""How often a run is looked at for a newer checkpoint."""
_MOST_LETTERS = 100


class Visit:
    """One open page. What it has open stays open, whatever its run does, until the process ends; the next ask starts it again."""

    def __init__(self, root: Root, pool: Pool, wanted: tuple[str, str, str], outbox: Outbox) -> None:
        self._root, self._pool, self._outbox = root, pool, outbox
        self._wanted = wanted
        self._reported = ""
        """What the page knows of its run: the place of a newer checkpoint, or that it is gone."""
        self._asks = PageAsks(outbox)
        self._child: Child | None = None
        self._number = pool.join(self)
        self._opening = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        outbox.taken = self._pump

    async def open(self) -> None:
        """Have the checkpoint open that was asked for; the page gets an error where there is none."""
        async with self._opening:
            if self._child is not None and self._child.alive:
                self._pump()
                return
            try:
                self._child = self._pool.of(await self._choose(), self._wanted[2])
            except TileworkError as error:
                self._child = None
                self._abandon(error)
                message = ": ".join(part for part in (error.what, error.why) if part)
                self._outbox.send(
                    ModelStateMessage(
                        type="state", state="ended", checkpoint=None, step=None, message=message, fix=error.fix
                    )
                )
                if isinstance(error, NotHere):
                    await self._send_gone(error)
                return
            self._send_state(self._child)
        self._pump()

    async def _choose(self) -> Chosen:
        run_id, which, device = self._wanted
        device_of(device)
        return await to_thread.run_sync(lambda: choose(self._root.run(run_id), which))

    def handlers(self) -> Handlers:
        """What each message of the page does."""

        async def ask(message: Message) -> None:
            ref, key, what = message.get("ref"), message.get("key"), message.get("ask")
            if not isinstance(ref, int) or isinstance(ref, bool) or not 0 <= ref < 2**53:
                raise UserError("an ask needs a ref", why="its response carries the same", fix="send a whole number")
            if not isinstance(key, str) or len(key) > _MOST_LETTERS or not isinstance(what, dict):
                raise UserError(
                    "an ask needs a key and an ask",
                    why=f"a key is text of at most {_MOST_LETTERS} letters, an ask an object",
                )
            self._asks.put(PageAsk(ref, key, what))
            if self._asks.given_up(key) and self._child is not None:
                self._child.forget(self._number, key)
            await self.open()

        async def forget(message: Message) -> None:
            key = message.get("key")
            if not isinstance(key, str):
                raise UserError("forget needs a key", why="it is that of the ask", fix="send it")
            if self._asks.forget(key) and self._child is not None:
                self._child.forget(self._number, key)

        return {"ask": ask, "forget": forget}

    def hear(self, child: Child, output: Output | None) -> None:
        """Output of the process; None = its condition is another one."""
        if child is not self._child:
            return
        if output is not None and output.what is What.PROGRESS:
            if self._asks.waits(output.ref) and not self._outbox.responses:  # a page that reads slowly gets less of it
                self._outbox.answer(output.body)
            return
        if output is not None:
            if self._asks.done(output.ref):
                if output.what is What.ANSWER:
                    self._outbox.answer(output.body)
                elif output.what is What.FAILED:
                    self._outbox.refuse(output.ref, json.loads(output.body))
            self._pump()
            return
        if child.alive:
            self._send_state(child)
        elif child.loaded:
            self._end(child)
        else:
            self._task = asyncio.create_task(self._end_or_again(child), name="the checkpoint may have been replaced")

    def _end(self, child: Child) -> None:
        self._send_state(child)
        self._abandon(UserError("the model is not open", why=child.condition.message, fix=AGAIN))

    async def _end_or_again(self, child: Child) -> None:
        """A run that goes on may have replaced the checkpoint while it was being read: then the newer one is opened."""
        try:
            newest = await self._choose()
        except TileworkError:
            newest = child.chosen
        if newest.place == child.chosen.place:
            self._end(child)
        else:
            self._asks.again()
            await self.open()

    def leave(self) -> None:
        """The page is gone."""
        self._pool.leave(self._number)

    async def watch(self) -> None:
        """Notify the page when its run has a newer checkpoint of what it asked for, and when it is deleted."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            child = self._child
            if child is None or not child.alive:
                continue
            try:
                newest = await self._choose()
            except NotHere as error:
                await self._send_gone(error)
                continue
            except TileworkError:
                continue
            if newest.place not in {child.chosen.place, self._reported}:
                self._reported = newest.place
                self._outbox.send(NewerMessage(type="newer", checkpoint=newest.checkpoint, step=newest.step))

    async def _send_gone(self, error: NotHere) -> None:
        """Notify the page, once, where it is the run that is not there, and not its checkpoint alone."""
        if self._reported != "gone" and not await to_thread.run_sync(self._is_there):
            self._reported = "gone"
            self._outbox.send(GoneMessage(type="gone", message=error.what))

    def _is_there(self) -> bool:
        with contextlib.suppress(NotHere):
            self._root.run(self._wanted[0])
            return True
        return False

    def _pump(self) -> None:
        if self._child is not None and self._child.alive:
            for ask in self._asks.due():
                self._child.order("ask", self._number, ask.ref, ask.key, ask.lane, ask.ask)

    def _abandon(self, error: TileworkError) -> None:
        for ref in self._asks.abandon():
            self._outbox.refuse(ref, error_body(error))

    def _send_state(self, child: Child) -> None:
        condition, chosen = child.condition, child.chosen
        self._outbox.send(
            ModelStateMessage(
                type="state",
                state=condition.state,
                checkpoint=chosen.checkpoint,
                step=chosen.step,
                message=condition.message,
                fix=condition.fix,
            )
        )
