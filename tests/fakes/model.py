"""A model's process that is none: it speaks as a real one does and computes nothing; needs no torch, so it is there at once.

What it does is set by files in the folder of images that were sent: it finishes no ask while `hold` is there, and
writes a line to `begun` and one to `computed` for each; `loading` keeps it from being ready. The point `seed:N` gives
an image of N x 1000 bytes; some names end it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tilework.errors import UserError
from tilework.studio.models.courtesy import Courtesy
from tilework.studio.models.serving import Abilities, Response, Voice, listen, serve

COMMAND = (sys.executable, __file__)


class FakeModel:
    """The folder by which a test and the process talk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, what: str) -> None:
        with (self.folder / "begun").open("a") as file:
            file.write(what + "\n")
        while (self.folder / "hold").exists():
            time.sleep(0.005)
        with (self.folder / "computed").open("a") as file:
            file.write(what + "\n")


def _decode(model: FakeModel, ask: dict[str, Any]) -> Response:
    (point,) = ask["points"]
    model.begin(point)
    match point:
        case "image:refused":
            raise UserError("there is no such image", why="it was never sent", fix="send it")
        case "image:fault":
            raise ZeroDivisionError("a fault of ours")
        case "image:death":
            os.write(2, b"the last words\n")
            os.kill(os.getpid(), signal.SIGKILL)
        case "image:noise":
            sys.stdout.write("a library prints\n")
            os.write(1, b"and writes\n")
    size = int(point.partition(":")[2]) if point.startswith("seed:") else 1
    return Response({"points": [point]}, {"images": np.full((1, size, 1000, 1), size % 256, np.uint8)})


def _statistics(model: FakeModel, ask: dict[str, Any]) -> Response:
    (model.folder / "counting").touch()
    while not (model.folder / "go").exists():
        time.sleep(0.005)
    return Response({"images": 1, "kl": float("nan"), "active": 0})


def _file(model: FakeModel, ask: dict[str, Any], form: str) -> bytes:
    model.begin(form)
    return f"{form} of {ask['kind']}".encode()


def _image(model: FakeModel, name: str) -> dict[str, Any]:
    data = (model.folder / name).read_bytes()
    if not data.startswith(b"\x89PNG"):
        raise UserError("the image cannot be read as an image", why="it is damaged", fix="give an image file")
    return {"width": len(data), "height": 1}


def main() -> None:
    voice = Voice.taken()
    wanted = json.loads(sys.stdin.buffer.readline())
    waiting = listen(sys.stdin.buffer, voice)
    folder = Path(wanted["images"])
    with (folder / "started").open("a") as file:
        file.write(f"{os.getpid()} {wanted['which']}\n")
    voice.state("loading")
    while (folder / "loading").exists():
        time.sleep(0.005)
    checkpoint = Path(wanted["run"]) / "checkpoints" / wanted["which"]
    if not (checkpoint / "model.json").exists() or (checkpoint / "damaged").exists():
        problem = {"what": f"{checkpoint.name} is not a checkpoint", "why": "it is damaged", "fix": "restore it"}
        voice.state("ended", error=problem)
        sys.exit(1)
    voice.state("ready", device="cpu")
    serve(
        FakeModel(folder),
        Abilities({"decode": _decode, "statistics": _statistics}, _file, _image),
        waiting,
        voice,
        Courtesy(),
    )


if __name__ == "__main__":
    main()
