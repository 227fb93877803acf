"""A process that has loaded all that a training needs and waits for its command: `python -m tilework.cli.spare SECONDS`.

Whoever started it holds the other end of its standard input, and nobody else can reach it: one line of JSON, the words of a
command, makes it that command. The end of the input, or so many seconds without a line, ends it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import threading
from typing import cast

from tilework.runs import stage

FIRST = "rqvae-digits"
"""The recipe that the page offers first."""
READY = "ready"
"""Its stage once everything is loaded."""
LOADED = (
    "tilework.cli.app",
    "tilework.cli.summary",
    "tilework.cli.training",
    "tilework.engine",
    "tilework.engine.launch",
    "tilework.engine.preflight.running",
    "torch._dynamo",  # the first optimiser would load it: half of all the loading
    "accelerate",
    "sklearn.cluster",
    "sklearn.datasets",  # the digits, with which most people begin
    "PIL.Image",
    "torch.utils.flop_counter",
    "tilework.cli.launch",
    "tilework.data.build",
    "tilework.data.media.twins",
    "tilework.engine.api",
    "tilework.engine.selftest",
    "tilework.engine.tasks.autoencoder",
    "tilework.engine.probing.probes",
)


def main() -> None:
    """Load, wait, and be the command that comes."""
    stage.note(stage.Stage("torch"))
    load()
    stage.note(stage.Stage(READY))
    words = _words(float(sys.argv[1]))
    if words is None:
        return
    stage.note(stage.Stage("torch"))
    sys.argv[:] = ["tilework", *words]
    from tilework.cli import main as command

    command()


def load() -> None:
    """Load what a training needs before its first step: modules, the parts that are found by their names, and the images with
    which most people begin."""
    for name in LOADED:
        importlib.import_module(name)
    from tilework.data import prepare
    from tilework.data.contract import SourceConfig
    from tilework.doctor.diagnosis import shipped
    from tilework.engine.preflight.registered import checks
    from tilework.spec import load_spec

    shipped()
    list(checks())
    with contextlib.suppress(Exception):  # a full disk, for example: who trains sees the error
        prepare(cast(SourceConfig, load_spec(FIRST).data))  # type: ignore[attr-defined]


def _words(seconds: float) -> list[str] | None:
    """The words of the command; None where none came. The input is closed afterwards, as that of any command started there."""
    limit = threading.Timer(seconds, os._exit, [0])
    limit.daemon = True
    limit.start()
    line = sys.stdin.readline()
    limit.cancel()
    limit.join()  # a process that forks later has no other thread
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if not line:
        return None
    words = json.loads(line)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("a command is a list of words")
    return words


if __name__ == "__main__":
    main()
