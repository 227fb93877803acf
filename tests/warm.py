"""Python commands without the seconds of imports: a process that has loaded torch forks one whenever it is asked.

What is forked is a process of its own, with its own group, environment, folder and default signals, as a shell would start it.
Tests of how a command begins (its imports, signals meanwhile) start one with `children.start` instead. Run as a program, this
file is the process that forks, or (with `--ask`) one that asks it on behalf of a shell.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

SOCKET = "TILEWORK_TEST_WARM"
"""An environment variable: where the process that forks listens."""
LOADED = ["tilework.cli.app", "tilework.cli.summary", "tilework.engine", "tilework.engine.autoencoder.fitting",
          "tilework.report.page", "tilework.studio.models.asks", "torch._dynamo", "accelerate", "sklearn.cluster"]  # fmt: skip
_LENGTH = 8
_KEPT: dict[str, Any] = {}


# Asking ---------------------------------------------------------------------------------------------------------------


class Forked:
    """As much of a `subprocess.Popen` as tests use. `command` begins with sys.executable, then -m, -c or a script."""

    def __init__(
        self,
        command: Sequence[object],
        *,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        env: dict[str, str] | None = None,
        cwd: str | Path | None = None,
        text: bool = False,
        **_: object,
    ) -> None:
        self.args = [str(os.fspath(word)) for word in command]  # type: ignore[call-overload]
        assert self.args[0] == sys.executable, "only Python is warm"
        self.returncode: int | None = None
        self.stdin: IO[Any] | None = None
        if stdin == subprocess.PIPE:
            given_in, ours = os.pipe()
            self.stdin = os.fdopen(ours, "w", encoding="utf-8") if text else os.fdopen(ours, "wb")
        else:
            given_in = os.open(os.devnull, os.O_RDONLY) if stdin is None else _handle(stdin)
        self.stdout, given_out = _opened(stdout, 1, text)
        self.stderr, given_err = (None, given_out) if stderr == subprocess.STDOUT else _opened(stderr, 2, text)
        order = {"argv": self.args[1:], "env": dict(os.environ if env is None else env), "cwd": str(cwd or os.getcwd())}
        self._connection = asked(order, [given_in, given_out, given_err])
        for handle in {given_in, given_out, given_err} - {1, 2}:
            os.close(handle)
        self.pid = int(_read(self._connection))

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(_read(self._connection) or -signal.SIGKILL)
            self._connection.close()
        return self.returncode

    def send_signal(self, which: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, which)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[Any, Any]:
        found: dict[int, Any] = {}
        pipes = [(number, pipe) for number, pipe in enumerate((self.stdout, self.stderr)) if pipe is not None]
        readers = [threading.Thread(target=lambda n=n, p=p: found.update({n: p.read()})) for n, p in pipes]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        for _, pipe in pipes:
            pipe.close()
        return found.get(0), found.get(1)


def _handle(file: int | IO[Any]) -> int:
    if file == subprocess.DEVNULL:
        return os.open(os.devnull, os.O_RDWR)
    return os.dup(file if isinstance(file, int) else file.fileno())


def _opened(file: int | IO[Any] | None, inherited: int, text: bool) -> tuple[Any, int]:
    """Our end of an output, and its own."""
    if file is None:
        return None, inherited
    if file != subprocess.PIPE:
        return None, _handle(file)
    ours, theirs = os.pipe()
    return (os.fdopen(ours, "r", encoding="utf-8") if text else os.fdopen(ours, "rb")), theirs


def asked(order: dict[str, Any], handles: list[int]) -> socket.socket:
    """A connection on which the new process's id comes first, and its exit code last."""
    begin()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ[SOCKET])
    body = json.dumps(order).encode()
    socket.send_fds(connection, [len(body).to_bytes(_LENGTH, "big")], handles)
    connection.sendall(body)
    return connection


def _read(connection: socket.socket) -> str:
    found = b""
    while not found.endswith(b"\n") and (more := connection.recv(1)):
        found += more
    return found.decode().strip()


def begin() -> None:
    """Start the process that forks, unless there is one. It ends with the thread that has started it."""
    if SOCKET in os.environ:
        return
    import children

    folder = tempfile.mkdtemp(prefix="warm")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = os.path.join(folder, "socket")
    _KEPT["process"] = process = children.start([sys.executable, __file__, path], stdout=subprocess.PIPE, owned=False)
    assert process.stdout is not None
    assert process.stdout.readline(), "the warm process did not begin"
    os.environ[SOCKET] = path


def close() -> None:
    """End the process that forks, if it was begun here."""
    import children

    if "process" in _KEPT:
        children.end(_KEPT.pop("process"))
        os.environ.pop(SOCKET, None)


def shell_folder(folder: Path) -> Path:
    """A folder for a shell's PATH with a `tilework` and a `python` that are warm."""
    begin()
    for name, command in (("tilework", "-m tilework"), ("python", "")):
        program = folder / name
        if not program.exists():
            program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {__file__} --ask {command} "$@"\n')
            program.chmod(0o700)
    return folder


def _ask() -> int:
    order = {"argv": sys.argv[2:], "env": dict(os.environ), "cwd": os.getcwd()}
    connection = asked(order, [0, 1, 2])
    _read(connection)
    return int(_read(connection) or 1)


# Forking --------------------------------------------------------------------------------------------------------------


def _listen(path: str) -> None:
    import importlib

    for name in LOADED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a process with threads cannot be forked safely"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(16)
    print("ready", flush=True)  # noqa: T201
    living: dict[int, socket.socket] = {}
    while True:
        if select.select([server], [], [], 0.01 if living else None)[0]:
            connection, _ = server.accept()
            order, handles = _order(connection)
            pid = os.fork()
            if not pid:
                server.close()
                for each in (connection, *living.values()):
                    each.close()
                _ended(_become, order, handles)
            for handle in handles:
                os.close(handle)
            living[pid] = connection
            connection.sendall(f"{pid}\n".encode())
        for pid in list(living):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                connection = living.pop(pid)
                with contextlib.suppress(OSError):
                    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
                connection.close()


def _order(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    head, handles, _, _ = socket.recv_fds(connection, _LENGTH, 3)
    left = int.from_bytes(head, "big")
    body = b""
    while len(body) < left:
        body += connection.recv(left - len(body))
    return json.loads(body), handles


def _become(order: dict[str, Any], handles: list[int]) -> None:
    """In the forked process: be the command."""
    import runpy

    starter = os.getppid()
    os.setsid()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != starter:
            os._exit(1)
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(order["env"])
    if os.environ.get("PYTHONUNBUFFERED"):
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    os.chdir(order["cwd"])
    how, *rest = order["argv"]
    sys.path[0] = "" if how.startswith("-") else str(Path(how).parent)
    sys.path[1:1] = [p for p in order["env"].get("PYTHONPATH", "").split(os.pathsep) if p]
    if how == "-m":
        sys.argv[:] = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif how == "-c":
        sys.argv[:] = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv[:] = [how, *rest]
        runpy.run_path(how, run_name="__main__")


def _ended(command: Callable[..., None], *arguments: Any) -> NoReturn:
    """Run and exit as Python does, but for the end of all its modules, which would take longer than a small training."""
    code = 0
    try:
        command(*arguments)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        traceback.print_exception(error)
        code = 1
        if isinstance(error, KeyboardInterrupt):
            code = -signal.SIGINT
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "--ask":
        sys.exit(_ask())
    _listen(sys.argv[1])
