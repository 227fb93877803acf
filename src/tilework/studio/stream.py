"""A run's live file as a run feed reads it: the newest whole frame of each channel, across the processes that train the run."""

from __future__ import annotations

from tilework.runs.folder import RunFolder
from tilework.runs.frames import read_header
from tilework.runs.live import CHANNELS, LiveReader
from tilework.studio.connection import Frame


class Stream:
    """Opens the live file when there is one, and the next one when another process has begun it. Not for two threads at once."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._reader: LiveReader | None = None
        self._numbers: dict[str, int] = {}
        self.generation = 0
        """Rises with each new live file: its frames count from 1 again."""

    @property
    def open(self) -> bool:
        """Whether there is a live file to read."""
        return self._reader is not None

    @property
    def fresh(self) -> bool:
        """Whether there is a frame that was not read yet. Eight bytes of shared memory a channel: no thread is worth that."""
        reader = self._reader
        return reader is not None and any(reader.sequence(c) != self._numbers.get(c, 0) for c in CHANNELS)

    def nudge(self) -> list[Frame]:
        """Signal to the trainer that somebody watches, for the next two seconds; finds its live file first.

        Returns the last words of a trainer that has ended: it removes the file right after them.
        """
        last: list[Frame] = []
        if self._reader is not None and not self._reader.current:
            last = self.read()
            self.close()
        if self._reader is None and not self._folder.live.is_symlink():
            try:
                self._reader = LiveReader(self._folder.live)
            except (OSError, ValueError):
                return last
            self._numbers.clear()
            self.generation += 1
            last = []
        if self._reader is not None:
            self._reader.watch()
        return last

    def read(self) -> list[Frame]:
        """What is new, whole and true frames only."""
        found: list[Frame] = []
        for channel in CHANNELS:
            if self._reader is None or self._reader.sequence(channel) == self._numbers.get(channel, 0):
                continue
            newest = self._reader.newest(channel)
            if newest is None:
                continue  # the trainer writes it this very moment
            self._numbers[channel], data = newest
            try:
                header = read_header(data)
                found.append(Frame(channel, int(header["seq"]), data, tuple(header.get("applied") or ())))
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
        return found

    def close(self) -> None:
        """Let go of the file."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
