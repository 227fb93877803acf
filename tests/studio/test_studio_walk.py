"""The first walk of docs/walk.md, from the command to the pixel: what it names is called in its order."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from commands import Outcome
from studio_fakes import serving, until
from walks import ROOT, links_of

from tilework.runs.live import LiveReader

Link = tuple[str, str]
TINY = ("engine.epochs=null", "engine.steps=12", "engine.batch_size=64", "engine.start_batches=1", "engine.threads=1")


def walk() -> list[str]:
    """The text of each of its links."""
    text = (ROOT / "docs" / "walk.md").read_text(encoding="utf-8")
    return re.split(r"^\d+\. ", text.split("## A token's walk")[0], flags=re.MULTILINE)[1:]


def named(numbers: Iterable[int]) -> list[Link]:
    """The files and names of some links, from 1, in the order of the walk; what is data and is not called is left out."""
    links = [link for number in numbers for link in links_of(walk()[number - 1])]
    return [(file, name) for file, name in links if name and name != "Header"]


@contextmanager
def followed(links: Iterable[Link]) -> Iterator[list[Link]]:
    """The calls of these names in this thread and those begun in it, in their order, each as often as it is called."""
    wanted = {(str(ROOT / file), name): (file, name) for file, name in links}
    calls: list[Link] = []

    def seen(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (found := wanted.get((frame.f_code.co_filename, frame.f_code.co_qualname))):
            calls.append(found)

    threading.setprofile(seen)
    sys.setprofile(seen)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


def missed(links: Iterable[Link], calls: Iterable[Link]) -> Link | None:
    """The first link that is not called after those before it; None where all of them are."""
    left = iter(calls)
    return next((link for link in links if link not in left), None)


@contextmanager
def watching(runs: Path) -> Iterator[None]:
    """Somebody who looks at every run of a folder."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            for live in runs.glob("*/live"):
                try:
                    reader = LiveReader(live)
                except (OSError, ValueError):  # it is being made
                    continue
                reader.watch()
                reader.close()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_from_the_command_to_the_live_file(
    tilework: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILEWORK_PREFLIGHT", "0")  # it takes steps of its own before the run is made
    links = named(range(1, 10))
    assert len(links) >= 18
    with watching(tmp_path), followed(links) as calls:
        done = tilework("train", "rqvae-digits", *TINY, "--runs", tmp_path)
    assert done.code == 0, done.err
    assert missed(links, calls) is None
    assert missed([links[-1], links[0]], calls) == links[0], (
        "another order would be seen: the command is read once, and first"
    )


def test_from_the_live_file_to_the_socket(tmp_path: Path) -> None:
    import asyncio

    from fakes.moving import MovingTrainer

    links = named([10])
    assert len(links) == 5
    with followed(links) as calls, serving(tmp_path) as served, MovingTrainer(tmp_path) as trainer:

        async def look() -> None:
            async with served.run(trainer.id) as page:
                await page.until(lambda message: message["type"] == "frame")

        asyncio.run(look())
        until(lambda: missed(links, calls) is None)


def test_from_the_socket_to_the_pixel() -> None:
    """In the browser each file calls on the next: its name stands in it as a call, or it is made there."""
    links = named([11, 12])
    assert [name for _, name in links] == [
        "Run", "RunSocket", "decodeFrame", "Stage", "LatentCanvas", "makeScene", "drawLatent",
    ]  # fmt: skip
    texts = {name: (ROOT / file).read_text(encoding="utf-8") for file, name in links}
    calls = [("Run", "RunSocket"), ("RunSocket", "decodeFrame"), ("Run", "Stage"), ("LatentCanvas", "makeScene"),
             ("LatentCanvas", "drawLatent")]  # fmt: skip
    for caller, called in calls:
        assert re.search(rf"^import .*\b{called}\b", texts[caller], re.MULTILINE), f"{caller} does not import {called}"
        assert re.search(rf"\b{called}\(", texts[caller]), f"{caller} does not call {called}"
    assert "stage.listen(" in texts["LatentCanvas"], "the stage notifies the canvas"
