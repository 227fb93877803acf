"""The run lock: one trainer per run, and it vanishes with the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import children
import pytest

from tilework.errors import UserError
from tilework.runs.lock import RunLock, holder

HOLD = (
    "import sys, pathlib\n"
    "from tilework.runs.lock import RunLock\n"
    "with RunLock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()\n"
)


def hold(folder: Path) -> subprocess.Popen[str]:
    process = children.start(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_by_name(tmp_path: Path) -> None:
    process = hold(tmp_path)
    try:
        with pytest.raises(UserError, match=f"run {tmp_path.name} is being trained by process {process.pid}") as caught:
            RunLock(tmp_path).acquire()
        assert caught.value.fix == f"stop that process first (kill {process.pid})"
        found = holder(tmp_path)
        assert found is not None
        assert found.pid == process.pid
    finally:
        process.communicate("")
    assert holder(tmp_path) is None
    with RunLock(tmp_path):
        pass


def test_it_vanishes_with_a_killed_process(tmp_path: Path) -> None:
    process = hold(tmp_path)
    process.kill()
    process.communicate()
    assert holder(tmp_path) is None
    with RunLock(tmp_path):
        found = holder(tmp_path)
        assert found is not None
        assert found.pid == os.getpid()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_it_does_not_live_on_in_forked_workers(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib, time\n"
        "from tilework.runs.lock import RunLock\n"
        "lock = RunLock(pathlib.Path(sys.argv[1])).acquire()\n"
        "begun, begins = os.pipe()\n"
        "worker = os.fork()\n"
        "if worker == 0: os.write(begins, b'.'); time.sleep(60); os._exit(0)\n"
        "os.read(begun, 1)\n"  # a busy machine may not have let it begin
        "print(worker, flush=True); time.sleep(60)\n"
    )
    process = children.start([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    try:
        assert holder(tmp_path) is not None
        process.kill()
        process.wait()
        os.kill(worker, 0)  # the worker still lives
        assert holder(tmp_path) is None
    finally:
        os.kill(worker, signal.SIGKILL)
        process.stdout.close()


def test_a_second_lock_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    first = RunLock(tmp_path).acquire()
    assert first.acquire() is first  # asking again for what one has is fine
    with pytest.raises(UserError, match="is being trained"):
        RunLock(tmp_path).acquire()
    first.release()
    first.release()
    RunLock(tmp_path).acquire().release()


def test_looking_does_not_stop_a_trainer(tmp_path: Path) -> None:
    RunLock(tmp_path).acquire().release()
    code = (
        "import sys, pathlib\nfrom tilework.runs.lock import holder\nprint('go', flush=True)\n"
        "while True: holder(pathlib.Path(sys.argv[1]))\n"
    )
    process = children.start([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(200):
            RunLock(tmp_path).acquire().release()
    finally:
        process.kill()
        process.communicate()


def test_a_folder_that_is_gone_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lock could not be written"):
        RunLock(tmp_path / "gone").acquire()
    assert holder(tmp_path / "gone") is None


def test_an_unreadable_note_still_refuses(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        (tmp_path / "lock").write_text("?")
        with pytest.raises(UserError, match="by another process"):
            RunLock(tmp_path).acquire()
