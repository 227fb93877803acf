"""One file from the network into a folder: whole and checked, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from tilework.data.store.cache import cannot_write
from tilework.errors import UserError

_TIMEOUT_SECONDS = 30
_CHUNK = 2**20


def fetch(name: str, bases: Sequence[str], folder: Path, md5: str | None, fix: str) -> Path:
    """`folder/name`, downloaded from the first of the `bases` that has it (with this MD5, where one is given).

    Raises UserError with `fix` where none has it, and where the folder cannot be written.
    """
    target = folder / name
    if target.is_file():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        with os.fdopen(handle, "wb") as out:
            reasons = []
            for base in bases:
                out.seek(0)
                out.truncate()
                try:
                    found = _copy(f"{base.rstrip('/')}/{name}", out)
                except (
                    urllib.error.URLError,
                    http.client.HTTPException,
                    TimeoutError,
                    ConnectionError,
                    ValueError,
                ) as error:
                    reasons.append(f"{base}: {getattr(error, 'reason', error)}")
                    continue
                if md5 is None or found == md5:
                    break
                reasons.append(f"{base}: the file differs from the published one (MD5 {found})")
            else:
                raise UserError(f"{name} could not be downloaded", why="; ".join(reasons), fix=fix)
        os.replace(part, target)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
    return target


def _copy(url: str, out: BinaryIO) -> str:
    """Copy a URL's content into an open file; returns its MD5."""
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"{url} is not a web address")
    seen = hashlib.md5(usedforsecurity=False)
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as page:
        promised = page.headers.get("Content-Length")
        while chunk := page.read(_CHUNK):
            seen.update(chunk)
            out.write(chunk)
    if promised is not None and out.tell() != int(promised):
        raise ValueError(f"the connection ended after {out.tell():,} of {promised} bytes")
    return seen.hexdigest()
