"""Many pages, pages that take nothing, pages that vanish: what the studio holds stays bounded, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time

import psutil
import pytest
from commands import PATIENCE
from fakes.trainer import FakeTrainer
from studio_fakes import Served, soon, until
from websockets.exceptions import ConnectionClosed

from tilework.studio.connection import MOST_TEXTS, Connection, Frame


def test_fifty_pages_see_the_same_run(served: Served, trainer: FakeTrainer) -> None:
    """One watcher reads for all; each page gets the newest frames and every row."""
    process = psutil.Process()

    async def follow() -> tuple[list[int], list[int]]:
        async with served.run(trainer.run.id) as page:
            steps = list((await page.of_type("hello"))["curves"]["train"]["step"])
            ready.append(1)
            while not steps or steps[-1] < 40:
                message = await page.until(lambda m: m["type"] == "rows")
                steps += message["step"]
            await page.until(lambda m: m["type"] == "frame" and m["frame"]["seq"] == 60)
            return steps, [frame["seq"] for frame in page.frames]

    async def train() -> None:
        await soon(lambda: len(ready) == 50)
        await soon(lambda: trainer.live.watched)
        assert len(served.state.feeds) == 1
        for number in range(60):
            trainer.frame(points=2000)
            if number % 15 == 0:
                trainer.steps(10)
            await asyncio.sleep(1 / 30)

    ready: list[int] = []

    async def all_of_it() -> list[tuple[list[int], list[int]]]:
        *found, _ = await asyncio.gather(*(follow() for _ in range(50)), train())
        return found

    before = process.memory_info().rss
    for steps, seqs in asyncio.run(all_of_it()):
        assert steps == list(range(1, 41))
        assert seqs == sorted(set(seqs)), "never an old frame after a newer one, never one twice"
    assert process.memory_info().rss - before < 200 * 2**20


def test_a_page_that_acknowledges_nothing_gets_one_frame_of_each_channel(served: Served, trainer: FakeTrainer) -> None:
    async def watch() -> None:
        async with served.run(trainer.run.id) as lazy, served.run(trainer.run.id) as eager:
            await eager.of_type("state")
            await lazy.of_type("state")
            await soon(lambda: trainer.live.watched)
            for _ in range(30):
                trainer.frame(points=20_000)
                trainer.frame("images", points=20_000)
                await eager.until(lambda m: m["type"] == "frame" and m["frame"]["channel"] == "motion")
            (feed,) = served.state.feeds._open.values()
            assert sum(connection.waiting for connection in feed.connections) < 2**20
            await lazy.so_far()
            assert sorted(frame["channel"] for frame in lazy.frames) == ["images", "motion"]

    asyncio.run(watch())


def test_a_page_that_reads_nothing_is_cut_off_and_the_others_go_on(served: Served, trainer: FakeTrainer) -> None:
    """Its texts have nowhere to go: the kernel's buffers fill, then ours, which has an end."""
    process = psutil.Process()

    async def watch() -> None:
        async with served.run(trainer.run.id) as other:
            await other.of_type("state")
            deaf = _deaf(served, f"/ws/runs/{trainer.run.id}")
            (feed,) = served.state.feeds._open.values()
            await soon(lambda: len(feed._greeted) == 2)
            before = process.memory_info().rss
            text = {"type": "marks", "marks": [{"id": 1, "text": "x" * 100_000}]}
            cut = 0
            for round_ in range(400):
                served_loop(served, lambda: feed._broadcast([text]))
                await other.until(lambda m: m["type"] == "marks")
                if len(feed.connections) == 1:
                    cut = round_
                    break
            assert cut, "it was never cut off"
            assert process.memory_info().rss - before < 100 * 2**20
            trainer.frame()
            assert (await other.of_type("frame"))["frame"]["seq"] == 1
            # Its connection is ended too, although it takes no bytes that would show it.
            await soon(lambda: len(served.studio.server.server_state.connections) == 1)
            deaf.close()

    asyncio.run(watch())


def served_loop(served: Served, act: object) -> None:
    """Run something in the server's loop, and wait for it."""
    done = threading.Event()
    (feed,) = served.state.feeds._open.values()
    loop = feed._task.get_loop()
    loop.call_soon_threadsafe(lambda: (act(), done.set()))  # type: ignore[operator]
    assert done.wait(PATIENCE)


def _deaf(served: Served, path: str) -> socket.socket:
    """A socket that sends hello and never reads."""
    host, port = served.address.split(":")
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.connect((host, int(port)))
    lines = [
        f"GET {path} HTTP/1.1", f"Host: {served.address}", f"Origin: {served.origin}", f"Cookie: {served.cookie}",
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "",
    ]  # fmt: skip
    found.sendall("\r\n".join(lines).encode())
    return found


def test_there_is_an_end_to_the_number_of_pages(served: Served, trainer: FakeTrainer) -> None:
    served.state.clients.most = 3

    async def watch() -> None:
        async with served.run(trainer.run.id) as a, served.socket("/ws/runs"), served.run(trainer.run.id):
            await a.of_type("state")
            async with served.run(trainer.run.id) as fourth:
                with pytest.raises(ConnectionClosed):
                    await fourth.take()
                assert fourth.connection.close_code == 1013
        await soon(lambda: served.state.clients.present == 0)
        async with served.run(trainer.run.id) as again:
            await again.of_type("hello")

    asyncio.run(watch())


def test_nothing_is_left_behind(served: Served, trainer: FakeTrainer) -> None:
    """Pages that come and go, in good order or in the middle of a handshake: no task, thread or open file stays."""
    process = psutil.Process()

    async def round_() -> None:
        async def visit(number: int) -> None:
            async with served.run(trainer.run.id) as page:
                if number % 3:
                    await page.of_type("state")
                if number % 3 == 1:
                    page.connection.transport.abort()  # gone with no message
            async with served.socket("/ws/runs"):
                pass

        trainer.frame()
        await asyncio.gather(*(visit(number) for number in range(12)))
        for number in range(6):
            deaf = _deaf(served, f"/ws/runs/{trainer.run.id}")
            if number % 2:
                time.sleep(0.02)
            deaf.close()

    def left() -> tuple[int, int, int, int]:
        until(lambda: served.state.clients.present == 0)
        until(lambda: len(served.state.feeds) == 0)
        until(lambda: served.state.listing._task is None)
        until(lambda: not served.studio.server.server_state.tasks)
        until(lambda: not served.studio.server.server_state.connections)
        gc.collect()
        names = [thread.name for thread in threading.enumerate() if "worker" not in thread.name.lower()]
        maps = sum(m.path.endswith("/live") for m in process.memory_maps(grouped=False)) if psutil.LINUX else 0
        return process.num_fds(), len(names), maps, len(asyncio.all_tasks(_loop_of(served)))

    asyncio.run(round_())
    files, *before = left()
    for _ in range(4):
        asyncio.run(round_())
    files_now, *now = left()
    assert now == before
    assert files_now <= files + 2, "four rounds of 30 pages would leave more than that"
    assert before[1] == 1, "the trainer's own map of its live file, and no other"


def _loop_of(served: Served) -> asyncio.AbstractEventLoop:
    return served.studio.server.servers[0].get_loop()


def test_a_viewer_holds_a_bounded_heap_of_words() -> None:
    cut = []

    async def fill() -> None:
        connection = Connection(cut=lambda: cut.append(1))
        for number in range(MOST_TEXTS):
            connection.send({"number": number})
        assert not cut
        connection.send({"number": MOST_TEXTS})
        assert cut
        assert connection.waiting == 0
        connection = Connection(cut=lambda: cut.append(1))
        for seq in range(100):
            connection.offer(Frame("motion", seq, bytes(1000)))
        assert connection.waiting == 1000
        assert await connection.take() == bytes(1000)
        assert not connection.acknowledged("motion", 98)
        assert connection.acknowledged("motion", 99), "the newest was sent"

    asyncio.run(fill())


def test_a_page_may_go_while_its_command_is_carried_out(served: Served, trainer: FakeTrainer) -> None:
    async def hurry() -> None:
        async with served.run(trainer.run.id) as page:
            await page.of_type("state")
            for ref in range(20):
                await page.send({"type": "command", "ref": ref, "kind": "pause"})
            page.connection.transport.abort()

    asyncio.run(hurry())
    until(lambda: served.state.clients.present == 0)
    assert all(command.kind == "pause" for command in trainer.store.commands_pending())
    assert served.get("/api/runs").status_code == 200
