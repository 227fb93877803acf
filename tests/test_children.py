"""Child processes of tests: none ignores a signal, none outlives its test, and none escapes notice."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import children
import psutil
import pytest
from commands import PATIENCE

HERE = Path(__file__).parent
SLEEPER = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]


def gone(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(PATIENCE)
        return not process.is_running()
    return True


@pytest.fixture
def ignored() -> Iterator[None]:
    """This process ignores Ctrl-C and SIGTERM, as if a shell had begun it in the background."""
    before = {which: signal.signal(which, signal.SIG_IGN) for which in (signal.SIGINT, signal.SIGTERM)}
    yield
    for which, handler in before.items():
        signal.signal(which, handler)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_child_heeds_signals_that_its_starter_ignores(ignored: None, which: signal.Signals) -> None:
    child = children.start(SLEEPER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout.readline() == b"up\n"
    child.send_signal(which)
    assert child.wait(PATIENCE) == -which


def test_output_input_and_exit_code_are_the_commands_own() -> None:
    done = children.run("echo out; echo err >&2; exit 3", capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    with pytest.raises(AssertionError):
        children.run("exit 3", check=True)


def test_a_command_that_runs_out_of_time_is_ended_with_all_that_it_started() -> None:
    with pytest.raises(subprocess.TimeoutExpired) as late:
        children.run("sleep 600 & echo $!; wait", timeout=0.5, stdout=subprocess.PIPE, text=True)
    started = re.search(rb"\d+", late.value.output or b"")
    assert started is None or gone(int(started[0]))


@pytest.mark.skipif(sys.platform != "linux", reason="asked of the kernel of Linux alone")
def test_a_child_dies_with_a_killed_starter() -> None:
    code = "import children, time; print(children.start(['sleep', '600']).pid, flush=True); time.sleep(600)"
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    starter = children.start([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
    child = int(starter.stdout.readline())
    starter.kill()
    assert gone(child)


INNER = """
import os, subprocess, sys
import children

def test_fails_with_a_child_that_runs():
    print("CHILD", children.start(["sleep", "600"]).pid)
    assert False

def test_leaves_one():
    subprocess.Popen(["sleep", "600"], start_new_session=True)
"""


def test_a_run_of_tests_ends_its_children_and_fails_where_one_is_left(tmp_path: Path) -> None:
    (tmp_path / "test_inner.py").write_text(INNER)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", children.MARK))}
    command = [sys.executable, "-m", "pytest", "-p", "children", "-n", "2", "-c", os.devnull, "--rootdir", tmp_path]
    done = children.run(
        [*map(str, command), str(tmp_path)],
        env={**environment, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 1 passed" in done.stdout
    child = re.search(r"CHILD (\d+)", done.stdout)
    assert child is not None
    assert gone(int(child[1]))
    left = re.search(r"test_leaves_one \(call\) left process (\d+) running: sleep 600", done.stdout)
    assert left is not None, done.stdout
    assert gone(int(left[1]))


def test_no_test_starts_a_process_in_another_way() -> None:
    direct = re.compile(r"\bsubprocess\.(Popen|run|call|check_call|check_output)\(")
    own = {HERE / "children.py", Path(__file__)}
    assert [str(f) for f in HERE.rglob("*.py") if f not in own and direct.search(f.read_text())] == []
