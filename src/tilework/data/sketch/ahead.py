"""Several sketches drawn at once, each in a browser of its own, and given one after the other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Generic, TypeVar

from tilework.data.sketch.chromium import Chromium
from tilework.data.sketch.drawing import Frame

Job = TypeVar("Job")

# What may wait of one sketch until it is its turn.
_WAITING_BYTES = 64 * 2**20


class Given:
    """The frames of one sketch on their way from the thread that draws it; what waits is bounded."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._ended: BaseException | bool = False
        self._change = threading.Condition()

    def put(self, frame: Frame, stopped: threading.Event) -> bool:
        """Hand one over; False when nobody wants it any more."""
        with self._change:
            while self._bytes > _WAITING_BYTES and not stopped.is_set():
                self._change.wait(0.2)
            self._frames.append(frame)
            self._bytes += frame[1].nbytes
            self._change.notify_all()
        return not stopped.is_set()

    def end(self, how: BaseException | None) -> None:
        """Report that there are no more, or why."""
        with self._change:
            self._ended = how or True
            self._change.notify_all()

    def __iter__(self) -> Iterator[Frame]:
        """Each frame. Raises what the drawing raised, behind the last of them."""
        while True:
            with self._change:
                while not self._frames and not self._ended:
                    self._change.wait()
                if not self._frames:
                    break
                frame = self._frames.popleft()
                self._bytes -= frame[1].nbytes
                self._change.notify_all()
            yield frame
        if isinstance(self._ended, BaseException):
            raise self._ended


class Ahead(Generic[Job]):
    """`draw(chromium, job)` for each job, in as many threads and browsers as `workers` gives. Make it with `with`."""

    def __init__(self, jobs: Sequence[Job], draw: Callable[[Chromium, Job], Iterator[Frame]], workers: int) -> None:
        self._jobs, self._draw = jobs, draw
        self._given = [Given() for _ in jobs]
        self._next, self._wanted = 0, max(1, workers)
        self._taken = 0
        self._browsers: list[Chromium] = []
        self._change = threading.Condition()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"tilework-sketch-{n}", daemon=True)
            for n in range(min(self._wanted, len(jobs)))
        ]

    def __enter__(self) -> Ahead[Job]:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with self._change:
            self._change.notify_all()
        for thread in self._threads:
            while thread.is_alive():
                for chromium in list(self._browsers):  # a sketch may hang, and nobody wants it any more
                    chromium.give_up()
                thread.join(0.1)

    def __iter__(self) -> Iterator[tuple[Job, Given]]:
        """Each job with its frames, in order; the frames of one have to be taken before the next is."""
        for number, job in enumerate(self._jobs):
            with self._change:
                self._taken = number
                self._change.notify_all()
            yield job, self._given[number]

    def _work(self) -> None:
        with ExitStack() as open_browser:
            chromium: Chromium | None = None
            while (number := self._claim()) is not None:
                given, how = self._given[number], None
                try:
                    if chromium is None:
                        chromium = open_browser.enter_context(Chromium())
                        self._browsers.append(chromium)
                    for frame in self._draw(chromium, self._jobs[number]):
                        if not given.put(frame, self._stopped):
                            break
                except BaseException as error:  # whatever it is, it is raised where the frames are taken
                    how = error
                given.end(how)

    def _claim(self) -> int | None:
        """The next job; not further ahead of the one that is wanted now than there are threads."""
        with self._change:
            while (
                self._next < len(self._jobs) and self._next >= self._taken + self._wanted and not self._stopped.is_set()
            ):
                self._change.wait()
            if self._stopped.is_set() or self._next >= len(self._jobs):
                return None
            self._next += 1
            return self._next - 1
