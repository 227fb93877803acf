"""The studio's side of one model process: starts it, sends orders, hands on its output, and knows why it ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from tilework.errors import UserError
from tilework.protocol.errors import Problem
from tilework.studio.models.choice import Chosen
from tilework.studio.models.pipe import Output, What, hear, line

COMMAND = (sys.executable, "-m", "tilework.studio.models.process")
_LAST_LINES, _MOST_LETTERS = 12, 400
_WORDS = {"starting": "PyTorch is being loaded", "loading": "the model is being read", "ready": ""}
AGAIN = "ask again: it starts anew"


class Condition(NamedTuple):
    """What a model process is doing."""

    state: Literal["starting", "loading", "ready", "ended"]
    message: str = ""
    fix: str = ""


class Child:
    """One process, from its start to its end; every method runs in the event loop. `on_output` gets whatever it sends,
    and after its end what never will be answered is for whoever asked to know: the condition is `ended` then."""

    def __init__(
        self,
        chosen: Chosen,
        device: str,
        images: Path,
        on_output: Callable[[Child, Output | None], None],
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.chosen = chosen
        self.devices = {device}
        """What it may be asked for as: `auto` and what that turned out to be."""
        self.condition = Condition("starting", _WORDS["starting"])
        self.loaded = False
        """Whether it has ever been ready."""
        self.used = time.monotonic()
        """When it was last asked, or sent something."""
        self._on_output = on_output
        self._down: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._settled = asyncio.Event()
        self._process = _started(command)
        self._begin({"run": str(chosen.run.path), "which": chosen.checkpoint, "device": device, "images": str(images)})

    def order(self, do: str, page: int, ref: int, key: str, lane: str, what: dict[str, Any]) -> None:
        """Send an order. It is answered, or reported as dropped, unless the process ends."""
        self.used = time.monotonic()
        self._send({"do": do, "page": page, "ref": ref, "key": key, "lane": lane, "what": what})

    def forget(self, page: int, key: str) -> None:
        """Nobody waits for what was asked with this key."""
        self._send({"do": "forget", "page": page, "key": key})

    def leave(self, page: int) -> None:
        """A page is gone."""
        self._send({"do": "leave", "page": page})

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it may still answer."""
        return self.condition.state != "ended"

    def end(self, message: str, fix: str = AGAIN) -> None:
        """End it now: it has nothing to put in order."""
        if self.alive:
            self.condition = Condition("ended", message, fix)
            with contextlib.suppress(OSError):
                self._process.kill()
            self._on_output(self, None)

    async def settled(self) -> None:
        """Wait until the process is gone and its pipes are closed."""
        await self._settled.wait()

    # What goes on -----------------------------------------------------------------------------------------------------

    def _begin(self, first: dict[str, Any]) -> None:
        process, loop = self._process, asyncio.get_running_loop()
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._send(first)

        def in_loop(act: Callable[..., None], *arguments: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before the process
                loop.call_soon_threadsafe(act, *arguments)

        def read(source: IO[bytes], words: threading.Thread) -> None:
            with contextlib.suppress(OSError, ValueError):
                while (output := hear(source)) is not None:
                    in_loop(self._heard, output)
            process.kill()
            process.wait()
            self._down.put(None)
            words.join(1.0)  # what it has started may hold its standard error
            in_loop(self._gone, process.returncode)

        words = threading.Thread(target=_keep_words, args=(process.stderr, self._last_lines), daemon=True)
        words.start()
        for target, arguments in ((read, (process.stdout, words)), (_write, (process.stdin, self._down))):
            threading.Thread(target=target, args=arguments, daemon=True).start()

    def _send(self, message: dict[str, Any]) -> None:
        self._down.put(line(message))

    def _heard(self, output: Output) -> None:
        if not self.alive:
            return
        self.used = time.monotonic()
        if output.what is not What.STATE:
            self._on_output(self, output)
            return
        word = json.loads(output.body)
        if word["state"] == "ended":
            problem: Problem = word["error"]
            message = ": ".join(part for part in (problem["what"], problem["why"]) if part)
            self.condition = Condition("ended", message, problem["fix"])
        else:
            self.condition = Condition(word["state"], _WORDS[word["state"]])
            self.loaded |= word["state"] == "ready"
            self.devices |= {word["device"]} if "device" in word else set()
        self._on_output(self, None)

    def _gone(self, code: int) -> None:
        if self.alive:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            words = " ".join(self._last_lines)
            self.condition = Condition("ended", f"the process of the model {how}{': ' if words else ''}{words}", AGAIN)
            self._on_output(self, None)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        self._settled.set()


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the studio's terminal is for the studio
        )
    except OSError as error:
        raise UserError(
            "the process of the model could not be started", why=str(error), fix="end other programs, then ask again"
        ) from error


def _write(goal: IO[bytes], messages: queue.SimpleQueue[bytes | None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        while (message := messages.get()) is not None:
            goal.write(message)
            goal.flush()


def _keep_words(source: IO[bytes], lines: deque[str]) -> None:
    """The last lines of standard error, which go to the studio's terminal as well."""
    with contextlib.suppress(OSError, ValueError):
        while found := source.readline(_MOST_LETTERS):
            text = found.decode(errors="replace")
            sys.stderr.write(text)
            if text.strip():
                lines.append(text.strip())
