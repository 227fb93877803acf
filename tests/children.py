"""Child processes of tests: `start` and `run` them here, and they end with their test, also when it fails.

A child starts with the default signal handlers, whatever the shell that began the test run ignores (a background job ignores
Ctrl-C), leads a process group of its own, and dies with the process that started it. At the end of the test run, any process
that it began and that is still there fails it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from warm import Forked
from warm import close as cool

MARK = "TILEWORK_TEST_RUN"
"""An environment variable by which all processes of a test run are known, however far from it they went."""
if "PYTEST_XDIST_WORKER" not in os.environ:  # workers have that of the process which started them
    os.environ[MARK] = secrets.token_hex(8)
# Where Python is set to keep no compiled files, each process would compile torch anew: they go to pytest's own cache.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parents[1] / ".pytest_cache" / "compiled")

# Run between fork and the command itself, as a program: a function could deadlock in a process with threads.
_LAUNCH = """
import os, signal, sys
for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(which, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
if sys.argv[1] and sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != int(sys.argv[1]):
        os._exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
"""
_started: list[subprocess.Popen[Any]] = []


def start(
    command: Sequence[object] | str, *, warm: bool = False, owned: bool = True, **options: Any
) -> subprocess.Popen[Any]:
    """`subprocess.Popen` for tests. A string is a line for the shell; `warm` begins Python with all imports done (warm.py)."""
    if warm:
        forked: Any = Forked(command, **options)  # type: ignore[arg-type]
        _started.append(forked)
        return forked
    words = ["bash", "-c", command] if isinstance(command, str) else [os.fspath(word) for word in command]  # type: ignore[call-overload]
    lasts = threading.current_thread() is threading.main_thread()  # the kernel's parent is the thread
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()) if lasts else ""]
    process = subprocess.Popen([*launcher, *words], start_new_session=True, **options)
    if owned:
        _started.append(process)
    return process


def run(
    command: Sequence[object] | str,
    *,
    timeout: float = 500.0,
    check: bool = False,
    capture_output: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` for tests. Nothing of the command's process group is left, whether it ends or runs out of time."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = start(command, **options)
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        end(process)
    done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    if check:
        assert done.returncode == 0, err
    return done


def end(process: subprocess.Popen[Any], patience: float = 5.0) -> None:
    """End a child and whatever it started: asked first, where it still runs, then killed."""
    family: list[psutil.Process] = []
    if process.poll() is None:
        with contextlib.suppress(psutil.Error):  # a launcher's workers lead groups of their own
            family = psutil.Process(process.pid).children(recursive=True)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    if process in _started:
        _started.remove(process)


@pytest.fixture(autouse=True)
def _children_end_with_their_test() -> Iterator[None]:
    yield
    while _started:
        end(_started[-1])


@pytest.fixture(scope="session", autouse=True)
def _warm_process_ends_with_the_tests() -> Iterator[None]:
    yield
    cool()


def left_over(patience: float = 3.0) -> list[psutil.Process]:
    """Processes of this test run that outlived it; those that are about to end are waited for."""
    give_up = time.monotonic() + patience
    while (found := [p for p in psutil.process_iter() if p.pid != os.getpid() and _is_ours(p)]) and (
        time.monotonic() < give_up
    ):
        time.sleep(0.1)
    return found


def _is_ours(process: psutil.Process) -> bool:
    try:
        return process.environ().get(MARK) == os.environ[MARK]
    except (psutil.Error, OSError):  # somebody else's, or gone
        return False


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Fail a test run that leaves processes behind, and end them. The workers of pytest-xdist have ended before."""
    result = yield
    if "PYTEST_XDIST_WORKER" in os.environ:
        return result
    for process in left_over():
        with contextlib.suppress(psutil.Error):
            where = process.environ().get("PYTEST_CURRENT_TEST", "an unknown test")
            what = " ".join(process.cmdline())
            process.kill()
            reporter = session.config.pluginmanager.get_plugin("terminalreporter")
            if reporter is not None:
                reporter.write_line(f"FAILED: {where} left process {process.pid} running: {what[:300]}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return result
