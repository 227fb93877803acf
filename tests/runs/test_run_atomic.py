"""Atomic files: old or new, never half; a full disk and a forbidden folder are reported plainly."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

import children
import pytest

from tilework.errors import UserError
from tilework.runs.atomic import atomic_write_bytes, atomic_write_text


def test_replaces_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "state"
    atomic_write_bytes(path, b"old")
    atomic_write_bytes(path, b"newer")
    assert path.read_bytes() == b"newer"
    atomic_write_text(path, "zwölf\n")
    assert path.read_bytes() == "zwölf\n".encode()
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "no permission"),
    ],
)
def test_failures_name_the_folder_and_leave_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    path = tmp_path / "state"
    atomic_write_bytes(path, b"old")

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match=message) as caught:
        atomic_write_bytes(path, b"new")
    assert str(tmp_path) in str(caught.value)
    assert caught.value.fix
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit on Windows")
def test_a_real_limit_on_file_size(tmp_path: Path) -> None:
    code = (
        "import resource, sys, pathlib\n"
        "from tilework.errors import UserError\n"
        "from tilework.runs.atomic import atomic_write_bytes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: atomic_write_bytes(pathlib.Path(sys.argv[1]), b'x' * 5000)\n"
        "except UserError as e: print(e)\n"
    )
    path = tmp_path / "state"
    path.write_bytes(b"old")
    done = children.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "no space left" in done.stdout
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_real_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="no permission"):
            atomic_write_bytes(tmp_path / "state", b"new")
    finally:
        tmp_path.chmod(0o700)


def test_killed_while_writing_leaves_one_whole_version(tmp_path: Path) -> None:
    path = tmp_path / "state"
    code = (
        "import sys, pathlib, itertools\n"
        "from tilework.runs.atomic import atomic_write_bytes\n"
        "for i in itertools.count(): atomic_write_bytes(pathlib.Path(sys.argv[1]), bytes([i % 251]) * 300_000)\n"
    )
    for wait in (0.02, 0.05, 0.11):
        path.unlink(missing_ok=True)
        process = children.start([sys.executable, "-c", code, str(path)])
        while not path.exists():
            time.sleep(0.005)
        time.sleep(wait)
        process.kill()
        process.wait()
        data = path.read_bytes()
        assert len(data) == 300_000
        assert len(set(data)) == 1
