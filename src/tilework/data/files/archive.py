"""The images in a .zip or .tar archive: listed, and read one by one into memory; nothing is ever unpacked to the disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, cast

from tilework.data.media.extensions import HEAD, READ, TAR, ZIP, begins_as, format_of, format_of_unknown, kind_of
from tilework.data.media.images import WHOLE_BYTES, Unreadable
from tilework.errors import UserError

RATIO, FREE = 200, 2**30
"""An archive may unpack to this many times its size; what unpacks to fewer bytes than `FREE` in all may do more."""
_MEMBER_FREE = 64 * 2**20
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, RuntimeError,
    NotImplementedError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive."""

    name: str
    """Its path within, with forward slashes."""
    bytes: int
    place: int
    """Number in the zip's directory, offset of its content in a plain tar, number of the entry in a packed one."""
    problem: str = ""
    image: bool = False
    """Its name does not give its kind, and it begins as an image does."""


@dataclass
class Archive:
    """An archive of which `members` are known."""

    path: Path
    members: tuple[Member, ...]
    streamed: bool
    """A packed tar: its members can only be read from the first to the last."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _zip: zipfile.ZipFile | None = field(default=None, repr=False)

    def read(self, number: int) -> bytes:
        """All of member `number`, of an archive that is not streamed. Raises Unreadable."""
        member = self.members[number]
        try:
            if not is_zip(self.path):
                with open(self.path, "rb") as file:
                    file.seek(member.place)
                    packed = file.read(member.bytes)
            else:
                with self._lock:  # a ZipFile counts its open members without one
                    if self._zip is None:
                        self._zip = zipfile.ZipFile(self.path)
                    with self._zip.open(self._zip.infolist()[member.place]) as inside:
                        packed = inside.read(member.bytes)
                        if inside.read(1):
                            raise Unreadable("it is larger than the archive's entry states")
        except _BROKEN as error:
            raise Unreadable(f"it cannot be unpacked ({plain(error)})") from None
        if len(packed) < member.bytes:
            raise Unreadable("the archive breaks off within it")
        return packed

    def stream(self, numbers: Sequence[int]) -> Iterator[tuple[int, bytes | Unreadable]]:
        """(number, content) of each of these members, which ascend, of an archive that is streamed."""
        wanted = {self.members[number].place: number for number in numbers}
        given = 0
        try:
            for place, entry, tar in _entries(self.path):
                number = wanted.get(place)
                if number is None:
                    continue
                content = tar.extractfile(entry)
                packed = b"" if content is None else content.read(entry.size)
                if len(packed) < entry.size:
                    raise EOFError("it ends too early")
                given += 1
                yield number, packed
                if given == len(wanted):
                    return
        except _BROKEN as error:
            for number in list(wanted.values())[given:]:
                yield number, Unreadable(f"the archive is broken before or in it ({plain(error)})")


def is_archive(path: Path) -> bool:
    """Whether a file is an archive that can be read, by its extension or by its content."""
    if path.name.lower().endswith((*ZIP, *TAR)):
        return True
    return format_of_unknown(path) in {"ZIP", "TAR"}


def is_zip(path: Path) -> bool:
    """Whether it is a zip and not a tar; by its content, where that shows it."""
    begins = begins_as(path)
    return begins == "ZIP" if begins else path.name.lower().endswith(ZIP)


def open_archive(path: Path) -> Archive:
    """Its members, those that cannot be read included. Raises Unreadable where it is no archive or its directory is damaged."""
    try:
        about = os.stat(path)
        if about.st_size == 0:
            raise Unreadable("the file is empty")
        return Archive(path, _members(path, about.st_size, about.st_mtime_ns), _packed(path))
    except _BROKEN as error:
        raise Unreadable(f"it is a damaged archive ({plain(error)})") from None


def given_archive(path: Path) -> Archive:
    """The archive that a person named. Raises UserError where it is none or damaged."""
    try:
        return open_archive(path)
    except Unreadable as reason:
        raise not_read(path, str(reason)) from None


def not_read(path: Path, why: str) -> UserError:
    """The message for an archive that is of no use."""
    return UserError(f"{path} cannot be read", why=why, fix="fetch it again, or unpack it and give the folder")


def _packed(path: Path) -> bool:
    return not is_zip(path) and begins_as(path) in {"GZIP", "XZ", "BZIP2"}


@lru_cache(maxsize=4)  # listing a packed tar means unpacking it, and a preparation asks several times
def _members(path: Path, size: int, modified_ns: int) -> tuple[Member, ...]:
    found = list(_of_zip(path) if is_zip(path) else _of_tar(path))
    limit, total, out = max(FREE, RATIO * size), 0, []
    for member in found:
        total += 0 if member.problem else member.bytes
        problem = member.problem or (
            f"the archive unpacks to more than {RATIO} times its size" if total > limit else ""
        )
        out.append(replace(member, problem=problem))
    return tuple(out)


def _of_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for number, info in enumerate(archive.infolist()):
            if info.is_dir() or info.filename.endswith("\\"):
                continue
            problem = _named_outside(info.filename)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind == stat.S_IFLNK:
                problem = problem or "it is a link, which an archive's images never follow"
            if info.flag_bits & 1:
                problem = problem or "it is encrypted; unpack the archive with its password and add the folder"
            if info.file_size > _MEMBER_FREE and info.file_size > RATIO * max(1, info.compress_size):
                problem = (
                    problem or f"it would unpack to {info.file_size // max(1, info.compress_size):,} times its size"
                )
            problem = problem or _too_large(info.file_size)
            image = not problem and kind_of(info.filename) == "unknown" and _is_image(partial(archive.open, info))
            yield Member(_plain_name(info.filename), info.file_size, number, problem, image)


def _of_tar(path: Path) -> Iterator[Member]:
    place, packed = 0, _packed(path)
    ends: list[int] = []  # of the images
    try:
        for place, entry, tar in _entries(path):
            if entry.isdir():
                continue
            problem = _named_outside(entry.name)
            if entry.issym() or entry.islnk():
                problem = problem or "it is a link, which an archive's images never follow"
            elif not entry.isreg() or entry.issparse():
                problem = problem or "it is not a regular file"
            problem = problem or _too_large(entry.size)
            where = place if packed else entry.offset_data
            image = not problem and kind_of(entry.name) == "unknown" and _is_image(partial(tar.extractfile, entry))
            if not problem and (image or kind_of(entry.name) == "image"):
                ends.append(entry.offset_data + entry.size)
            yield Member(_plain_name(entry.name), entry.size, where, problem, image)
    except _BROKEN as error:
        if place == 0 and not path.name.lower().endswith(TAR):
            raise
        read = error.read if isinstance(error, _Cut) else 0
        whole = sum(end <= read for end in ends)
        lost = f"{whole:,} image{'s' * (whole != 1)} before that could be taken, and whatever followed is lost"
        yield Member(path.name, 0, place, f"the archive is broken behind entry {place:,} ({plain(error)}): {lost}")


def _entries(path: Path) -> Iterator[tuple[int, tarfile.TarInfo, tarfile.TarFile]]:
    """(number from 1, entry, tar) of a tar, packed or not."""
    packed = begins_as(path)
    size = os.path.getsize(path)
    if packed not in _UNPACKERS:
        with _cut_short(lambda: size):
            with tarfile.open(path, "r:") as tar:
                yield from ((number, entry, tar) for number, entry in enumerate(tar, 1))
                end = tar.offset
            with open(path, "rb") as file:
                file.seek(end)
                if file.read(512) != bytes(512):  # cut short where an entry would begin: tarfile does not report that
                    raise EOFError("it ends without its end mark")
        return
    limit = max(FREE, RATIO * size)
    with _UNPACKERS[packed](path) as unpacked:
        counted = _Counted(cast("IO[bytes]", unpacked), limit)
        with _cut_short(lambda: limit - counted.left), tarfile.open(fileobj=counted, mode="r|") as tar:
            number = 0
            while (entry := tar.next()) is not None:
                number += 1
                yield number, entry, tar
                tar.members = []  # type: ignore[attr-defined]  # a stream is never gone back in; it would keep them all
        with _cut_short(lambda: limit - counted.left):
            while counted.read(2**16):  # a file that is cut short or damaged behind the last entry fails only here
                pass


class _Cut(EOFError):
    """A tar that is broken somewhere; up to byte `read` of what it unpacks to it could be read."""

    def __init__(self, why: str, read: int) -> None:
        super().__init__(why)
        self.read = read


@contextmanager
def _cut_short(read: Callable[[], int]) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise _Cut(plain(error), read()) from None


_UNPACKERS: dict[str, type[gzip.GzipFile | lzma.LZMAFile | bz2.BZ2File]] = {
    "GZIP": gzip.GzipFile,
    "XZ": lzma.LZMAFile,
    "BZIP2": bz2.BZ2File,
}


class _Counted(io.RawIOBase):
    """What is unpacked, up to a limit: a small file may unpack to any number of bytes."""

    def __init__(self, inner: IO[bytes], limit: int) -> None:
        self._inner, self.left, self._empty = inner, limit, 0

    def read(self, size: int = -1) -> bytes:
        part = self._inner.read(size)
        self.left -= len(part)
        self._empty = 0 if part else self._empty + 1
        if self._empty > 9:  # tarfile would go on for ever over a member that claims to be larger than the file
            raise EOFError("it ends too early")
        if self.left < 0:
            raise ValueError(f"it unpacks to more than {RATIO} times its size")
        return part


def _plain_name(name: str) -> str:
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
    return "/".join(parts) or name


def _named_outside(name: str) -> str:
    there = name.replace("\\", "/")
    outside = there.startswith("/") or there[1:2] == ":" or ".." in there.split("/") or "\0" in there
    return "its name leads out of the archive" if outside else ""


def _too_large(size: int) -> str:
    many = f"it has {size / 2**20:,.0f} MiB, more than the {WHOLE_BYTES // 2**20} that are taken out of an archive"
    return many if size > WHOLE_BYTES else ""


def _is_image(opened: Callable[[], IO[bytes] | None]) -> bool:
    try:
        content = opened()
        return content is not None and format_of(content.read(HEAD)) in READ
    except _BROKEN:
        return False


def plain(error: BaseException) -> str:
    """What went wrong, for a person."""
    text = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return text.strip().rstrip(".") or type(error).__name__
