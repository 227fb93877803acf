"""How the process of a model answers: one thread reads, one for each lane computes. Which asks there are is given from
outside.

No error of an ask ends the process, and nothing that a library prints gets between the answers.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from tilework.errors import TileworkError, UserError
from tilework.protocol.dream import MadeProgress
from tilework.protocol.errors import Problem
from tilework.protocol.explore import MadeResponse
from tilework.protocol.frame import VERSION
from tilework.runs.frames import pack
from tilework.studio.models.checked import checked
from tilework.studio.models.courtesy import Courtesy
from tilework.studio.models.lanes import LONG
from tilework.studio.models.pipe import Output, What, send
from tilework.studio.models.progress import AskProgress, Unwanted, of_ask
from tilework.studio.models.waiting import Order, Waiting

if TYPE_CHECKING:
    from numpy.typing import NDArray

M = TypeVar("M")
_SWITCH_SECONDS = 0.0005
"""The most that the quick lane waits for Python code of the slow one; by itself Python takes ten times that."""


@dataclass(frozen=True)
class Response:
    """What an ask has as its answer."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Abilities(Generic[M]):
    """What can be asked of a model that is open."""

    asks: Mapping[str, Callable[[M, dict[str, Any]], Response]]
    file: Callable[[M, dict[str, Any], str], bytes]
    image: Callable[[M, str], dict[str, Any]]


class Voice:
    """The way up to the studio, for several threads."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._one_at_a_time = threading.Lock()

    @classmethod
    def taken(cls) -> Voice:
        """What was standard output, for answers alone: whatever else is printed goes to standard error."""
        handle = os.dup(1)
        os.dup2(2, 1)
        return cls(handle)

    def send(self, what: What, page: int = 0, ref: int = 0, body: bytes = b"") -> None:
        """Write one message; a process that nobody hears ends."""
        try:
            with self._one_at_a_time:
                send(self._handle, Output(what, page, ref, body))
        except OSError:
            os._exit(0)

    def state(self, state: str, **more: object) -> None:
        """Send what the process does."""
        self.send(What.STATE, body=json.dumps({"state": state, **more}).encode())


def problem_of(error: BaseException) -> Problem:
    """An error as the page shows it; of a fault of ours the trace goes to standard error."""
    if isinstance(error, TileworkError):
        return error.parts()
    traceback.print_exception(error)
    why = f"{type(error).__name__}: {error}"[:300]
    return {"what": "the model could not answer this", "why": why, "fix": "see the terminal of the studio"}


def listen(source: IO[bytes], voice: Voice) -> Waiting:
    """Read orders in a thread of its own, from now on. The process ends when its input does, whatever it is doing."""
    waiting = Waiting(lambda order: voice.send(What.DROPPED, order.page, order.ref))

    def read() -> NoReturn:
        try:
            for text in source:
                _heed(waiting, json.loads(text))
        finally:
            os._exit(0)

    threading.Thread(target=read, daemon=True, name="orders").start()
    return waiting


def _heed(waiting: Waiting, message: dict[str, Any]) -> None:
    if message["do"] == "forget":
        waiting.forget(message["page"], message["key"])
    elif message["do"] == "leave":
        waiting.leave(message["page"])
    else:
        waiting.put(
            Order(message["page"], message["ref"], message["key"], message["lane"], message["do"], message["what"])
        )


def serve(model: M, abilities: Abilities[M], waiting: Waiting, voice: Voice, courtesy: Courtesy) -> NoReturn:
    """Answer until the input ends. Whoever opened the model has its long work call `courtesy.give_way` between pieces."""
    sys.setswitchinterval(_SWITCH_SECONDS)

    def work(order: Order) -> None:
        try:
            with of_ask(_progress_of(waiting, voice, order)):
                what, body = _done(model, abilities, order)
        except Unwanted:
            what, body = What.DROPPED, b""
        except Exception as error:
            what, body = What.FAILED, json.dumps(problem_of(error)).encode()
        waiting.done(order)
        voice.send(what, order.page, order.ref, body)

    def slow() -> NoReturn:
        courtesy.be_slow()
        while True:
            waiting.wait("slow")
            courtesy.give_way()  # what waits may be replaced by a newer one meanwhile
            work(waiting.take("slow"))

    threading.Thread(target=slow, daemon=True, name="slow").start()
    while True:
        order = waiting.take("quick")
        with courtesy.quick():
            work(order)


def _progress_of(waiting: Waiting, voice: Voice, order: Order) -> AskProgress:
    """How an order reports its progress; the studio's own orders, files, report nothing. Only what is long is given
    up."""
    kind = order.what.get("kind") if order.do == "ask" else (order.what.get("ask") or {}).get("kind")
    if kind not in LONG:
        return AskProgress()

    def report(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        header = MadeProgress(v=VERSION, channel="progress", ref=order.ref, kind=kind, facts=facts)
        voice.send(What.PROGRESS, order.page, order.ref, pack(header, arrays))

    return AskProgress(lambda: waiting.wanted(order), report if order.do == "ask" else None)


def _done(model: M, abilities: Abilities[M], order: Order) -> tuple[What, bytes]:
    if order.do == "image":
        return What.REPLY, json.dumps(abilities.image(model, str(order.what["name"]))).encode()
    if order.do == "file":
        return What.REPLY, abilities.file(model, checked(order.what["ask"]), str(order.what["format"]))
    begin = time.perf_counter()
    ask = checked(order.what)
    act = abilities.asks.get(ask["kind"])
    if act is None:
        raise UserError(f"this model does not answer {ask['kind']}", why=f"it answers {', '.join(abilities.asks)}")
    found = act(model, ask)
    ms = (time.perf_counter() - begin) * 1000
    header = MadeResponse(
        v=VERSION, channel="response", ref=order.ref, kind=ask["kind"], ms=round(ms, 2), facts=found.facts
    )
    return What.ANSWER, pack(header, found.arrays)
