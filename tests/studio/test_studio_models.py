"""The socket and the routes of open models against a process that is none: states, newest wins, bounds, ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from conforming import faults
from fakes.model import COMMAND
from studio_fakes import Page, Served, serving, soon, until

from tilework.protocol import socket
from tilework.protocol.explore import ResponseHeader
from tilework.runs.checkpoints import point
from tilework.runs.folder import RunFolder
from tilework.runs.frames import unpack


def checkpoint(run: RunFolder, name: str, *which: str) -> Path:
    """A checkpoint folder that is none, and what points at it."""
    folder = run.checkpoints / name
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(f'{{"step": {int(name.split("-")[1])}}}')
    for one in which:
        point(run.checkpoints, one, folder)
    return folder


@pytest.fixture
def run(root: Path) -> RunFolder:
    found = RunFolder.create(root, "some", "name: a\n")
    checkpoint(found, "step-00000010", "last")
    checkpoint(found, "best-00000010", "best")
    return found


@pytest.fixture
def desk(served: Served, run: RunFolder) -> Path:
    """The folder by which a test controls the processes."""
    served.state.pool._command = COMMAND
    folder: Path = served.state.uploads.folder
    return folder


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


async def ask(page: Page, ref: int, what: str = "seed:1", key: str = "image", kind: str = "decode") -> None:
    body: dict[str, Any] = {"kind": kind} | ({"points": [what]} if kind == "decode" else {})
    await page.send({"type": "ask", "ref": ref, "key": key, "ask": body})


async def state(page: Page, wanted: str) -> dict[str, Any]:
    return await page.until(lambda m: m["type"] == "state" and m["state"] == wanted, ack=False)


async def answer(page: Page, ref: int) -> dict[str, Any]:
    """The answer or the refusal of an ask."""
    found = await page.until(lambda m: m.get("frame", m).get("ref") == ref, ack=False)
    return found.get("frame", found)


def model(served: Served, run: RunFolder, query: str = "") -> Any:
    return served.socket(f"/ws/models/{run.id}{query}")


def test_what_is_loaded_is_reported_and_every_ask_has_an_answer(served: Served, run: RunFolder, desk: Path) -> None:
    (desk / "loading").touch()

    async def look() -> Page:
        async with model(served, run) as page:
            first = await page.take()
            assert (first["state"], first["checkpoint"], first["step"]) == ("starting", "best-00000010", 10)
            await ask(page, 1)  # it waits until the model is there
            await state(page, "loading")
            (desk / "loading").unlink()
            await state(page, "ready")
            raw = await asyncio.wait_for(page.connection.recv(), 150)
            assert isinstance(raw, bytes)
            header, arrays = unpack(raw)
            assert list(faults(header, ResponseHeader)) == []
            assert (header["ref"], header["kind"], header["facts"]) == (1, "decode", {"points": ["seed:1"]})
            assert arrays["images"].shape == (1, 1, 1000, 1)
            for ref, what, expected in (
                (2, "image:refused", "there is no such image"),
                (3, "image:fault", "could not answer"),
            ):
                await ask(page, ref, what)
                assert expected in (await answer(page, ref))["error"]["what"]
            await ask(page, 4, "image:noise")  # what is printed does not get between the answers
            assert (await answer(page, 4))["kind"] == "decode"
            await ask(page, 5, kind="about")
            assert "does not answer about" in (await answer(page, 5))["error"]["what"]
            return page

    page = asyncio.run(look())
    for message in page.texts:
        assert list(faults(message, socket.ModelMessage)) == []


BAD: list[Any] = [
    "", "[]", b"\x00", {"type": "sing"}, {"type": "ask"}, {"type": "ask", "ref": 1}, {"type": "forget"},
    {"type": "ask", "ref": "1", "key": "a", "ask": {}}, {"type": "ask", "ref": True, "key": "a", "ask": {}},
    {"type": "ask", "ref": -1, "key": "a", "ask": {}}, {"type": "ask", "ref": 10**30, "key": "a", "ask": {}},
    {"type": "ask", "ref": 1, "key": 7, "ask": {}}, {"type": "ask", "ref": 1, "key": "a" * 1000, "ask": {}},
    {"type": "ask", "ref": 1, "key": "a", "ask": []}, {"type": "ask", "ref": 1, "key": "a", "ask": {}},
    {"type": "ask", "ref": 1, "key": "a", "ask": {"kind": ["map"]}},
    {"type": "ask", "ref": 1, "key": "a", "ask": {"kind": "decode", "points": [None]}},
    '{"type": "ask", "ref": 1, "key": "a", "ask": {"kind": "plane", "point": "zero", "x": 0, "y": NaN}}',
    '{"type": "ask", "ref": 1, "key": "a", "ask": {"kind": "plane", "point": "zero", "x": 0, "y": 1, "low": 1e999}}',
]  # fmt: skip


def test_whatever_a_page_sends_it_gets_a_word_back(served: Served, run: RunFolder, desk: Path) -> None:
    async def send_all() -> None:
        async with model(served, run) as page:
            await state(page, "ready")
            for message in BAD:
                await page.send(message)
                failed = await page.of_type("failed")
                assert failed["error"]["what"], message
                assert list(faults(failed, socket.ModelMessage)) == []
            await ask(page, 9)
            assert (await answer(page, 9))["kind"] == "decode"

    asyncio.run(send_all())
    assert lines(desk / "computed") == ["seed:1"]


def test_of_many_asks_of_a_key_the_first_and_the_newest_are_computed(
    served: Served, run: RunFolder, desk: Path
) -> None:
    async def drag() -> None:
        async with model(served, run) as page:
            await state(page, "ready")
            (desk / "hold").touch()
            await ask(page, 1)
            await soon(lambda: lines(desk / "begun") == ["seed:1"])
            for ref in range(2, 101):
                await ask(page, ref, f"seed:{ref}")
            await page.send({"type": "sing", "ref": 0})  # answered in its order: all of them were heard
            await answer(page, 0)
            (desk / "hold").unlink()
            assert (await answer(page, 1))["ref"] == 1
            newest = await page.take()
            assert newest["frame"]["ref"] == 100, "and nothing in between"

    asyncio.run(drag())
    assert lines(desk / "computed") == ["seed:1", "seed:100"]


def test_what_nobody_waits_for_is_not_computed(served: Served, run: RunFolder, desk: Path) -> None:
    """Forgotten where it waits at the studio, and where it waits at the process; and all that a page that is gone had asked."""

    async def forget() -> None:
        async with model(served, run) as page, model(served, run) as other:
            await state(page, "ready")
            await state(other, "ready")
            (desk / "hold").touch()
            await ask(page, 1, "seed:1", "a")
            await soon(lambda: lines(desk / "begun"))
            for ref, key in ((2, "b"), (3, "c"), (4, "d")):  # one of them goes to the process, two wait for it
                await ask(page, ref, f"seed:{ref}", key)
            async with model(served, run) as third:
                await ask(third, 1, "seed:30")
                await third.send({"type": "sing", "ref": 0})
                await answer(third, 0)
            for key in ("b", "c", "never"):
                await page.send({"type": "forget", "key": key})
            await ask(other, 9, "seed:9")
            await other.send({"type": "sing", "ref": 0})
            await answer(other, 0)
            await page.send({"type": "sing", "ref": 0})
            await answer(page, 0)
            await soon(lambda: len(served.state.pool._guests) == 2)
            # The process reads this after all that was sent before.
            await ask(other, 10, key="numbers", kind="statistics")
            await soon(lambda: (desk / "counting").exists())
            (desk / "hold").unlink()
            await answer(page, 4)
            await answer(other, 9)
            (desk / "go").touch()
            await answer(other, 10)

    asyncio.run(forget())
    assert sorted(lines(desk / "computed")) == ["seed:1", "seed:4", "seed:9"]


def test_a_hand_does_not_wait_for_what_is_slow(served: Served, run: RunFolder, desk: Path) -> None:
    async def drag() -> None:
        async with model(served, run) as page:
            await ask(page, 1, key="numbers", kind="statistics")
            for ref in range(2, 20):
                await ask(page, ref, f"seed:{ref}", key=str(ref))
                await answer(page, ref)
            (desk / "go").touch()
            found = await answer(page, 1)
            assert found["facts"]["kl"] is None, "what is no number travels as null"

    asyncio.run(drag())


def test_a_page_that_reads_nothing_makes_no_queue(served: Served, run: RunFolder, desk: Path) -> None:
    async def sleep() -> None:
        async with model(served, run) as page, model(served, run, "?device=auto") as other:
            await state(page, "ready")
            page.connection.transport.pause_reading()
            for ref in range(50):
                await ask(page, ref, "seed:4000", key=str(ref))  # 4 MB each
            await state(other, "ready")
            await soon(lambda: len(lines(desk / "computed")) >= 3)
            for ref in range(20):
                await ask(other, ref, "seed:1", key="b")
                await answer(other, ref)
            page.connection.transport.resume_reading()
            done = lines(desk / "computed").count("seed:4000")
            assert done <= 8, "a few that wait to be sent, a few at the process"
            for _ in range(50):
                await page.until(lambda m: m["type"] == "frame", ack=False)

    asyncio.run(sleep())
    assert lines(desk / "computed").count("seed:4000") == 50, "each key is answered, in the end"


def test_two_pages_share_a_process_and_hear_only_their_own(served: Served, run: RunFolder, desk: Path) -> None:
    async def look() -> None:
        async with (
            model(served, run) as one,
            model(served, run, "?which=best&device=cpu") as two,
            model(served, run, "?which=best-00000010") as three,
            model(served, run, "?which=last") as four,
        ):
            for page in (one, two, three, four):
                await state(page, "ready")
            for number, page in enumerate((one, two, three, four)):
                await ask(page, 1, f"seed:{number}")
            for number, page in enumerate((one, two, three, four)):
                assert (await answer(page, 1))["facts"]["points"] == [f"seed:{number}"]
            for page in (one, two, three, four):
                await page.send({"type": "sing", "ref": 0})
                assert "no message" in (await page.take())["error"]["what"], "nothing was sent beside its answer"

    asyncio.run(look())
    started = [line.split()[1] for line in lines(desk / "started")]
    # `cpu` may be asked for before it is known that `auto` is the same.
    assert started.count("step-00000010") == 1
    assert started.count("best-00000010") in {1, 2}


def test_the_one_that_was_not_asked_for_the_longest_makes_way(served: Served, run: RunFolder, desk: Path) -> None:
    for step in range(11, 15):
        checkpoint(run, f"step-{step:08d}")
    pool = served.state.pool

    async def look() -> None:
        async with model(served, run, "?which=11") as eldest, model(served, run, "?which=12") as second:
            await state(eldest, "ready")
            await state(second, "ready")
            async with model(served, run, "?which=13") as third:
                await state(third, "ready")  # two visits at once may open their models in either order
                async with model(served, run, "?which=14") as fourth:
                    await state(fourth, "ready")
                    await ask(eldest, 1)
                    await answer(eldest, 1)
                    async with model(served, run, "?which=10") as fifth:
                        gone = await state(second, "ended")
                        assert "made way" in gone["message"]
                        await state(fifth, "ready")
                        assert len(pool._open) == pool.most == 4
                        await ask(second, 2)  # asked again, it starts again
                        await state(second, "ready")
                        assert (await answer(second, 2))["kind"] == "decode"
                        await state(third, "ended")

    asyncio.run(look())


def test_a_process_that_dies_is_reported_with_its_last_output_and_starts_again(
    served: Served, run: RunFolder, desk: Path
) -> None:
    async def look() -> None:
        async with model(served, run) as page, model(served, run) as other:
            await state(page, "ready")
            await state(other, "ready")
            await ask(page, 1, "image:death")
            ended = await state(page, "ended")
            assert "signal 9" in ended["message"]
            assert "the last words" in ended["message"]
            assert "ask again" in ended["fix"]
            failed = await answer(page, 1)
            assert failed["type"] == "failed"
            assert (await state(other, "ended"))["message"] == ended["message"]
            await ask(other, 2)
            await state(other, "ready")
            assert (await answer(other, 2))["kind"] == "decode"
            await ask(page, 3)
            assert (await answer(page, 3))["kind"] == "decode"
        assert len({line.split()[0] for line in lines(desk / "started")}) == 2

    asyncio.run(look())


def test_a_checkpoint_that_cannot_be_read_is_reported_with_the_reason(
    served: Served, run: RunFolder, desk: Path
) -> None:
    (run.checkpoints / "best-00000010" / "damaged").touch()

    async def look() -> None:
        async with model(served, run) as page:
            await ask(page, 1)
            ended = await state(page, "ended")
            assert ended["message"] == "best-00000010 is not a checkpoint: it is damaged"
            assert ended["fix"] == "restore it"
            assert "is damaged" in (await answer(page, 1))["error"]["why"]

    asyncio.run(look())
    assert len(lines(desk / "started")) == 1, "it is not tried again and again"


def test_a_checkpoint_that_is_replaced_while_it_is_read(served: Served, run: RunFolder, desk: Path) -> None:
    (desk / "loading").touch()

    async def look() -> None:
        async with model(served, run) as page:
            await ask(page, 1)
            await state(page, "loading")
            checkpoint(run, "best-00000030", "best")
            shutil.rmtree(run.checkpoints / "best-00000010")
            (desk / "loading").unlink()
            ready = await state(page, "ready")
            assert (ready["checkpoint"], ready["step"]) == ("best-00000030", 30)
            assert (await answer(page, 1))["kind"] == "decode", "what was asked of the one is answered by the other"

    asyncio.run(look())


def test_a_newer_checkpoint_is_reported_and_what_is_open_stays_open(
    served: Served, run: RunFolder, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tilework.studio.models.visit.LOOK_SECONDS", 0.02)

    async def look() -> None:
        async with model(served, run) as page, model(served, run, "?which=best-00000010") as fixed:
            await state(page, "ready")
            await state(fixed, "ready")
            checkpoint(run, "best-00000030", "best")
            shutil.rmtree(run.checkpoints / "best-00000010")
            newer = await page.of_type("newer")
            assert (newer["checkpoint"], newer["step"]) == ("best-00000030", 30)
            for one in (page, fixed):
                await ask(one, 1)
                assert (await answer(one, 1))["kind"] == "decode"
            async with model(served, run) as again:
                assert (await state(again, "ready"))["checkpoint"] == "best-00000030"
            shutil.move(run.path, run.path.parent / ".trash" / run.id)
            assert run.id in (await page.of_type("gone"))["message"]
            assert run.id in (await fixed.of_type("gone"))["message"]
            await ask(page, 2)
            assert (await answer(page, 2))["kind"] == "decode"
            (served.state.pool._open[0]).end("as if it had died")
            await state(page, "ended")
            await ask(page, 3)
            assert (await answer(page, 3))["error"]["what"].startswith("there is no run")
            assert "there is no run" in (await state(page, "ended"))["message"]
        types = [message["type"] for message in page.texts if message["type"] in {"newer", "gone"}]
        assert types == ["newer", "gone"], "each once"

    (run.path.parent / ".trash").mkdir()
    asyncio.run(look())


def test_what_is_not_there_is_reported_and_can_come_later(served: Served, root: Path, desk: Path) -> None:
    bare = RunFolder.create(root, "bare", "name: a\n")

    async def look() -> None:
        async with served.socket("/ws/models/nowhere") as page:
            assert "there is no run" in (await page.take())["message"]
            assert "nowhere" in (await page.of_type("gone"))["message"], "a run, not its checkpoint, is not there"
        async with served.socket(f"/ws/models/{bare.id}?device=tpu") as page:
            assert "no device" in (await page.take())["message"]
        async with model(served, bare) as page:
            first = await page.take()
            assert (first["state"], first["checkpoint"]) == ("ended", None)
            assert "has no checkpoint" in first["message"]
            await ask(page, 1)
            assert "has no checkpoint" in (await answer(page, 1))["error"]["what"]
            checkpoint(bare, "step-00000005", "last")
            await ask(page, 2)
            assert (await state(page, "ready"))["checkpoint"] == "step-00000005"
            assert (await answer(page, 2))["kind"] == "decode"

    asyncio.run(look())


def test_a_process_that_cannot_be_started(served: Served, run: RunFolder, desk: Path) -> None:
    served.state.pool._command = ("/nowhere/python",)

    async def look() -> None:
        async with model(served, run) as page:
            assert "could not be started" in (await page.take())["message"]
            await ask(page, 1)
            assert "could not be started" in (await answer(page, 1))["error"]["what"]
            served.state.pool._command = COMMAND
            await ask(page, 2)
            assert (await answer(page, 2))["kind"] == "decode"

    asyncio.run(look())


def test_an_idle_process_ends(served: Served, run: RunFolder, desk: Path) -> None:
    served.state.pool.idle_seconds = 0.2

    async def look() -> None:
        async with model(served, run) as page:
            await state(page, "ready")
            assert "nothing was asked" in (await state(page, "ended"))["message"]
            served.state.pool.idle_seconds = 300
            await ask(page, 1)
            assert (await answer(page, 1))["kind"] == "decode"

    asyncio.run(look())


def test_a_page_that_comes_back_finds_it_open(served: Served, run: RunFolder, desk: Path) -> None:
    async def look() -> None:
        for _ in range(3):
            async with model(served, run) as page:
                await ask(page, 1)
                await answer(page, 1)

    asyncio.run(look())
    assert len(lines(desk / "started")) == 1


def test_nothing_is_left_after_the_studio_ends(root: Path, run: RunFolder) -> None:
    """Also what still loads, what computes, and what does not read its input."""
    with serving(root) as served:
        served.state.pool._command = COMMAND
        desk: Path = served.state.uploads.folder
        checkpoint(run, "step-00000011")

        async def look() -> None:
            async with model(served, run) as page, model(served, run, "?which=last") as other:
                await state(page, "ready")
                (desk / "hold").touch()
                await ask(page, 1)
                await soon(lambda: lines(desk / "begun"))
                await state(other, "ready")
                (desk / "loading").touch()
                async with model(served, run, "?which=11") as loading:
                    await state(loading, "loading")
                os.kill(served.state.pool._open[1].pid, signal.SIGSTOP)

        asyncio.run(look())
        pids = [int(line.split()[0]) for line in lines(desk / "started")]
        assert len(pids) == 3
        assert all(psutil.pid_exists(pid) for pid in pids)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not desk.exists(), "nor what pages have sent"


def test_a_process_ends_when_its_input_does(served: Served, run: RunFolder, desk: Path) -> None:
    """As where the studio was killed and could end nothing."""

    async def look() -> None:
        async with model(served, run) as page:
            await state(page, "ready")
            (desk / "hold").touch()
            await ask(page, 1)
            await soon(lambda: lines(desk / "begun"))
            (child,) = served.state.pool._open
            child._process.stdin.close()
            await state(page, "ended")

    asyncio.run(look())
    (pid,) = [int(line.split()[0]) for line in lines(desk / "started")]
    until(lambda: not psutil.pid_exists(pid))


PNG = b"\x89PNG and what belongs to it"


def sent(served: Served, run: RunFolder, data: bytes, kind: str = "image/png", **query: str) -> Any:
    return served.ask("POST", f"/api/models/{run.id}/image", content=data, headers={"content-type": kind}, params=query)


def test_an_image_of_a_persons_own(served: Served, run: RunFolder, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sent(served, run, PNG, name="cat.png")
    assert found.status_code == 200, found.text
    image = found.json()
    assert image["name"].startswith("cat-")
    assert image["width"] == len(PNG)
    assert (desk / image["name"]).read_bytes() == PNG
    refused = sent(served, run, b"no image", name="dog.png")
    assert refused.status_code == 400
    assert "cannot be read" in refused.json()["error"]["what"]
    assert not list(desk.glob("dog*")), "it is not kept"
    for kind in (
        "",
        "text/html",
        "application/octet-stream",
        "image/",
        "image/png<",
        "multipart/form-data; boundary=x",
    ):
        assert "no image" in sent(served, run, PNG, kind).json()["error"]["what"]
    assert "no bytes" in sent(served, run, b"").json()["error"]["what"]
    monkeypatch.setattr("tilework.studio.models.routes.MOST_BYTES", 1000)
    assert sent(served, run, PNG * 1000).status_code == 413
    assert sent(served, run, PNG, which="nothing").status_code == 404
    assert sent(served, run, PNG, device="tpu").status_code == 400
    in_pieces = served.ask(
        "POST",
        f"/api/models/{run.id}/image",
        content=iter([PNG] * 1000),
        headers={"content-type": "image/png"},
    )
    assert in_pieces.status_code == 413, "also where its length was not given"


def test_a_file_is_made(served: Served, run: RunFolder, desk: Path) -> None:
    path = f"/api/models/{run.id}/file"
    found = served.post(path, {"ask": {"kind": "about"}, "format": "gif"})
    assert found.status_code == 200, found.text
    assert found.content == b"gif of about"
    assert found.headers["content-type"] == "image/gif"
    assert found.headers["content-disposition"] == f'attachment; filename="{run.id}-about.gif"'
    for body in ({}, {"ask": {"kind": "about"}}, {"ask": 3, "format": "png"}, {"ask": {"kind": "about"}, "format": "exe"},
                 {"ask": {"kind": "odd"}, "format": "png"}, {"ask": {"kind": "decode"}, "format": "png"}):  # fmt: skip
        refused = served.post(path, body)
        assert refused.status_code == 400, body
        assert refused.json()["error"]["what"]
    assert served.post(path + "?which=nothing", {"ask": {"kind": "about"}, "format": "png"}).status_code == 404


def test_a_file_of_a_process_that_dies(served: Served, run: RunFolder, desk: Path) -> None:
    (desk / "hold").touch()

    def kill(act: Callable[[], Any]) -> Any:
        import threading

        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(act()))
        thread.start()
        until(lambda: lines(desk / "begun"))
        os.kill(int(lines(desk / "started")[0].split()[0]), signal.SIGKILL)
        thread.join()
        return found[0]

    body = {"ask": {"kind": "about"}, "format": "png"}
    refused = kill(lambda: served.post(f"/api/models/{run.id}/file", body))
    assert refused.status_code == 400
    assert "signal 9" in refused.json()["error"]["why"]


def test_the_checkpoints_of_a_run(served: Served, run: RunFolder) -> None:
    found = served.get(f"/api/models/{run.id}").json()["checkpoints"]
    assert [(one["checkpoint"], one["step"], one["best"], one["last"]) for one in found] == [
        ("best-00000010", 10, True, False),
        ("step-00000010", 10, False, True),
    ]
    assert served.get("/api/models/nowhere").status_code == 404
