"""The live file of a run: the newest frame of each channel, and what readers and senders signal to the trainer.

One memory-mapped file, made by the trainer. Its control page holds `watched_until` (seconds since 1970, written by whoever
watches) and `bell` (raised by whoever has put a command into the store); the trainer reads both at every step, which costs less
than a microsecond. Each channel is one frame behind a sequence lock: odd while it is written; a checksum catches what a lock in
shared memory cannot promise on every processor.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import time
import zlib
from pathlib import Path

from tilework.runs.atomic import cannot_hold_runs, write_error
from tilework.spec.disks import lacks_maps

MAGIC = b"tilework live 1\n"
CHANNELS = {"motion": 2 * 2**20, "images": 16 * 2**20}
"""Most bytes of a frame of each channel. The file is sparse: what is never written takes no disk."""

_PAGE = 4096
_STEP = 2**17
_WATCHED, _BELL = 64, 72
# For each channel: sequence number, length, checksum of the frame.
_SLOT = struct.Struct("<QQI")
_PLACES = {"motion": (_PAGE, 2 * _PAGE), "images": (_PAGE + 512, 2 * _PAGE + CHANNELS["motion"])}
_SIZE = 2 * _PAGE + sum(CHANNELS.values())


class LiveWriter:
    """The trainer's side. Replaces what an earlier process left."""

    def __init__(self, path: Path) -> None:
        temp = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self._file = open(temp, "w+b", buffering=0)  # noqa: SIM115 - room is reserved through it later
            self._file.truncate(_SIZE)
            self._fill(0, 2 * _PAGE)
            self._map = mmap.mmap(self._file.fileno(), _SIZE)
            self._map[: len(MAGIC)] = MAGIC
            # Renamed into place: a reader of an older file keeps that one, and sees by its path that it is old.
            os.replace(temp, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temp.unlink(missing_ok=True)
            if lacks_maps(error):
                reason = error.strerror or str(error)
                raise cannot_hold_runs(path.parent, "shared memory maps", reason) from error
            raise write_error(path, error) from error
        self._sequence = dict.fromkeys(CHANNELS, 0)
        self._reserved = dict.fromkeys(CHANNELS, 0)

    def _fill(self, start: int, end: int) -> None:
        """Give this part of the file its place on the disk. Writing to a hole through the map would end the process, unasked,
        where the disk is full; here that is an OSError."""
        self._file.seek(start)
        while start < end:
            start += self._file.write(bytes(end - start))

    @property
    def watched(self) -> bool:
        """Whether anybody watches right now."""
        return _double(self._map, _WATCHED) > time.time()

    @property
    def bell(self) -> int:
        """How often the bell was rung."""
        return int(struct.unpack_from("<Q", self._map, _BELL)[0])

    def write(self, channel: str, frame: bytes) -> bool:
        """Replace the newest frame; False where it is larger than the channel or the disk is full (the last one stays)."""
        slot, place = _PLACES[channel]
        if len(frame) > CHANNELS[channel]:
            return False
        if len(frame) > self._reserved[channel]:
            end = min(CHANNELS[channel], -(-len(frame) // _STEP) * _STEP)
            try:
                self._fill(place + self._reserved[channel], place + end)
            except OSError:
                return False
            self._reserved[channel] = end
        number = self._sequence[channel]
        _SLOT.pack_into(self._map, slot, number + 1, 0, 0)
        self._map[place : place + len(frame)] = frame
        _SLOT.pack_into(self._map, slot, number + 1, len(frame), zlib.crc32(frame))
        struct.pack_into("<Q", self._map, slot, number + 2)
        self._sequence[channel] = number + 2
        return True

    def close(self) -> None:
        """Let go of the file; it stays, for who watches to see the last frame."""
        self._map.close()
        self._file.close()


class LiveReader:
    """A reader's or sender's side. Raises FileNotFoundError where there is no live file, ValueError where it is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with open(path, "r+b") as file:
            found = os.fstat(file.fileno())
            if found.st_size != _SIZE:
                raise ValueError(f"{path} is no live file")
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self._identity = (found.st_dev, found.st_ino)
        if self._map[: len(MAGIC)] != MAGIC:
            self._map.close()
            raise ValueError(f"{path} is no live file")

    @property
    def current(self) -> bool:
        """False where another process has begun a new live file since, or the file is gone."""
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def watch(self, seconds: float = 2.0) -> None:
        """Signal that somebody watches, until `seconds` from now."""
        until = time.time() + seconds
        if _double(self._map, _WATCHED) < until:
            struct.pack_into("<d", self._map, _WATCHED, until)

    def ring(self) -> None:
        """Signal that a command waits in the store."""
        (count,) = struct.unpack_from("<Q", self._map, _BELL)
        struct.pack_into("<Q", self._map, _BELL, (count + 1) % 2**64)

    def sequence(self, channel: str) -> int:
        """Number of the newest frame; 0 = none yet. Cheap: whoever polls asks this first."""
        return int(struct.unpack_from("<Q", self._map, _PLACES[channel][0])[0]) // 2

    def newest(self, channel: str) -> tuple[int, bytes] | None:
        """(number, frame), or None where none was written yet or the writer is always quicker (try again later)."""
        slot, place = _PLACES[channel]
        for _ in range(20):
            number, length, checksum = _SLOT.unpack_from(self._map, slot)
            if number == 0:
                return None
            if number % 2 == 0 and length <= CHANNELS[channel]:
                frame = self._map[place : place + length]
                after = struct.unpack_from("<Q", self._map, slot)[0]
                if after == number and zlib.crc32(frame) == checksum:
                    return number // 2, frame
            time.sleep(0.0002)
        return None

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()


def ring(path: Path) -> None:
    """Raise the bell of a live file, if there is one: the trainer looks into the store within its next step."""
    try:
        reader = LiveReader(path)
    except (OSError, ValueError):
        return  # Nobody trains, or a trainer without a live file: it looks into the store every second anyway.
    reader.ring()
    reader.close()


def _double(memory: mmap.mmap, at: int) -> float:
    return float(struct.unpack_from("<d", memory, at)[0])
