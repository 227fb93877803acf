"""The socket of a run against a trainer that is none: hello, frames and acknowledgements, news, commands."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import sqlite3
from pathlib import Path

import pytest
from fakes.trainer import COMMITMENT, LR, FakeTrainer
from studio_fakes import Served, soon, until
from websockets.exceptions import ConnectionClosed

from tilework.runs.checkpoints import point
from tilework.runs.live import LiveWriter
from tilework.runs.lock import RunLock
from tilework.studio.talk import MOST_MESSAGE


def test_hello_holds_all_there_is_then_only_news(served: Served, trainer: FakeTrainer) -> None:
    async def watch() -> None:
        trainer.steps(20)
        trainer.store.log(20, 2.0, {"mse": float("nan")}, "val")
        trainer.store.flush()
        async with served.run(trainer.run.id) as page:
            hello = await page.take()
            assert hello["type"] == "hello"
            assert hello["card"]["id"] == trainer.run.id
            assert hello["card"]["status"] == "running"
            assert hello["spec"]["name"] == "fake"
            assert hello["steerable"] == [COMMITMENT, LR]
            assert hello["facts"]["total_steps"] == 1000
            assert hello["curves"]["train"]["step"] == list(range(1, 21))
            assert hello["curves"]["val"]["series"]["mse"] == [None]
            assert [mark["kind"] for mark in hello["marks"]] == ["started"]
            assert (await page.take())["type"] == "state"
            trainer.steps(5)
            rows = await page.of_type("rows")
            assert rows["split"] == "train"
            assert rows["step"] == list(range(21, 26))
            assert rows["series"]["loss"] == pytest.approx([1 / s for s in range(21, 26)])
            assert "reset" not in rows
            trainer.store.event("set", 25, name="objective.commitment", before=0.25, value=1.0)
            trainer.store.finding("dead-codes", "warning", 25, what="half of them")
            trainer.store.snapshot(25, 2.5, "live", "snapshots/live-00000025.frame")
            trainer.store.flush()
            marks = (await page.of_type("marks"))["marks"]
            assert [(m["kind"], m["text"]) for m in marks] == [
                ("set", "objective.commitment: 0.25 -> 1"),
                ("finding", "dead-codes (warning): half of them"),
            ]
            assert (await page.of_type("timeline"))["steps"] == [25]

    asyncio.run(watch())


def test_curves_are_the_same_sent_at_once_or_bit_by_bit(served: Served, trainer: FakeTrainer) -> None:
    """Whoever comes while rows are written has each exactly once."""

    async def follow(number: int) -> list[int]:
        await asyncio.sleep(0.05 * number)
        async with served.run(trainer.run.id) as page:
            steps = (await page.take())["curves"]["train"]["step"]
            while not steps or steps[-1] < 300:
                message = await page.of_type("rows")
                steps += message["step"]
        return steps

    async def write() -> None:
        for _ in range(60):
            trainer.steps(5)
            await asyncio.sleep(0.02)

    async def all_of_it() -> None:
        *found, _ = await asyncio.gather(*(follow(n) for n in range(8)), write())
        for steps in found:
            assert steps == list(range(1, 301))

    asyncio.run(all_of_it())


def test_what_has_acted_is_sent_before_the_page_has_drawn_the_last_frame(served: Served, trainer: FakeTrainer) -> None:
    assert trainer.live is not None
    applied = [{"id": n, "kind": "set", "step": n, "status": "applied"} for n in (1, 2, 3)]

    async def watch() -> None:
        trainer.frame(applied=applied[:1])
        async with served.run(trainer.run.id) as page:
            await page.until(lambda m: m["type"] == "frame", ack=False)
            trainer.frame(applied=applied[:2])  # not sent: the first is not acknowledged
            assert (await page.of_type("applied"))["applied"] == applied[1:2]
            trainer.frame(applied=applied[:2])
            trainer.frame("images", applied=applied)
            assert (await page.of_type("applied"))["applied"] == applied[2:]
            odd, again = trainer.frame(applied=[{"id": "odd"}]), trainer.frame("images", applied=applied)
            await soon(lambda: served.seen("motion", odd) and served.seen("images", again))
            messages = [m for m in await page.so_far() if m["type"] == "applied"]
            assert messages == [], "each once"

    asyncio.run(watch())


def test_frames_newest_wins_one_unacknowledged_at_a_time(served: Served, trainer: FakeTrainer) -> None:
    assert trainer.live is not None

    async def watch() -> None:
        trainer.frame()
        assert not trainer.live.watched
        async with served.run(trainer.run.id) as page:
            first = (await page.of_type("frame"))["frame"]
            assert first["seq"] == 1
            await soon(lambda: trainer.live.watched)
            trainer.frame()
            second = await page.until(lambda m: m["type"] == "frame", ack=False)
            assert second["frame"]["seq"] == 2
            for _ in range(20):  # unacknowledged: none of these is sent
                number = trainer.frame()
                await soon(lambda number=number: served.seen("motion", number))
            trainer.frame("images")  # the other channel does not wait for this one
            images = await page.until(lambda m: m["type"] == "frame", ack=False)
            assert images["frame"]["channel"] == "images"
            assert not [m for m in await page.so_far() if m["type"] == "frame"]
            await page.ack({"channel": "motion", "seq": 999})  # not the one that was sent
            assert not [m for m in await page.so_far() if m["type"] == "frame"]
            await page.ack(second["frame"])
            newest = (await page.until(lambda m: m["type"] == "frame", ack=False))["frame"]
            assert newest["seq"] == 22, "the newest, not the next"

    asyncio.run(watch())
    until(lambda: not trainer.live.watched)  # the last page is gone: the trainer computes nothing more


def test_a_frame_waits_for_none_of_the_slower_looks(served: Served, trainer: FakeTrainer) -> None:
    """Store, state and nudge have clocks of their own; here they stand still. (How late a frame is: benchmarks.)"""

    async def watch() -> None:
        async with served.run(trainer.run.id) as page:
            await page.of_type("state")
            (feed,) = served.state.feeds._open.values()
            await soon(lambda: feed._stream.open)
            feed._due = dict.fromkeys(feed._due, float("inf"))
            for seq in range(1, 21):
                trainer.frame(points=2000)
                assert (await page.of_type("frame"))["frame"]["seq"] == seq

    asyncio.run(watch())


def test_no_message_waits_until_the_one_before_is_acknowledged(served: Served, trainer: FakeTrainer) -> None:
    """Nagle's delay would keep each frame back for some 40 ms."""

    async def watch() -> None:
        async with served.run(trainer.run.id) as page:
            await page.of_type("state")
            (connection,) = served.studio.server.server_state.connections
            taken = connection.transport.get_extra_info("socket")
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    asyncio.run(watch())


def test_an_answer_is_looked_for_more_often_than_a_image(served: Served, trainer: FakeTrainer) -> None:
    async def steer() -> None:
        async with served.run(trainer.run.id) as page:
            await page.of_type("state")
            (feed,) = served.state.feeds._open.values()
            assert feed._hurried_until == 0
            await page.send({"type": "command", "ref": 1, "kind": "pause"})
            command = (await page.of_type("response"))["id"]
            assert feed._hurried_until > 0
            trainer.frame(applied=[{"id": command, "kind": "pause", "step": 1, "status": "applied"}])
            await page.of_type("applied")
            assert feed._hurried_until == 0, "it is here"

    asyncio.run(steer())


def test_a_hidden_page_watches_nothing(served: Served, trainer: FakeTrainer) -> None:
    assert trainer.live is not None

    async def watch() -> None:
        async with served.run(trainer.run.id) as page, served.run(trainer.run.id) as other:
            await page.of_type("state")
            await other.of_type("state")
            for one in (page, other):
                await one.send({"type": "watch", "on": False})
            await soon(lambda: not trainer.live.watched)
            trainer.frame()
            trainer.steps(3)
            assert (await page.of_type("rows"))["step"] == [1, 2, 3]  # words still come
            assert not page.frames
            await page.send({"type": "watch", "on": True})
            assert (await page.of_type("frame"))["frame"]["seq"] == 1
            assert trainer.live.watched
            assert not other.frames

    asyncio.run(watch())


def test_commands_are_put_into_the_store_and_the_bell_rings(served: Served, trainer: FakeTrainer) -> None:
    assert trainer.live is not None

    async def steer() -> None:
        async with served.run(trainer.run.id) as page:
            before = trainer.live.bell
            await page.send(
                {"type": "command", "ref": 7, "kind": "set", "payload": {"name": "optimizer.lr", "value": 0.1}}
            )
            answer = await page.of_type("response")
            assert (answer["ref"], answer["ok"]) == (7, True)
            (command,) = trainer.store.commands_pending()
            assert (command.id, command.kind, command.payload) == (
                answer["id"], "set", {"name": "optimizer.lr", "value": 0.1},
            )  # fmt: skip
            assert trainer.live.bell == before + 1
            await page.send({"type": "command", "ref": 8, "kind": "pace", "payload": None})
            assert (await page.of_type("response"))["ok"]

    asyncio.run(steer())


BAD = [
    "",
    "no json",
    "[]",
    "7",
    "{}",
    '{"type": 3}',
    '{"type": "shutdown"}',
    '{"type": "ack"}',
    '{"type": "ack", "channel": "motion", "seq": "1"}',
    '{"type": "ack", "channel": ["motion"], "seq": 1}',
    '{"type": "watch", "on": "yes"}',
    '{"type": "command"}',
    '{"type": "command", "ref": [1], "kind": "pause"}',
    '{"type": "command", "ref": 1, "kind": "pause", "payload": []}',
    '{"type": "command", "ref": 1, "kind": ["pause"]}',
    '{"type": "command", "ref": 1, "kind": "rm -rf"}',
    '{"type": "command", "ref": 1, "kind": "step", "payload": {"n": 0}}',
    '{"type": "command", "ref": 1, "kind": "step", "payload": {"n": "many"}}',
    '{"type": "command", "ref": 1, "kind": "pause", "payload": {"folder": "/"}}',
    '{"type": "command", "ref": 1, "kind": "set", "payload": {"name": "optimizer.lr"}}',
    '{"type": "command", "ref": 1, "kind": "set", "payload": {"name": "optimizer.lr", "value": NaN}}',
    '{"type": "command", "ref": 1, "kind": "set", "payload": {"name": "optimizer.lr", "value": Infinity}}',
    '{"type": "command", "ref": 1, "kind": "set", "payload": {"name": "optimizer.lr", "value": 1e999}}',
    "[" * 10_000,
    b"\x00\xff",
]


def test_whatever_a_page_sends_it_gets_a_word_back(served: Served, trainer: FakeTrainer) -> None:
    async def send_all() -> None:
        async with served.run(trainer.run.id) as page:
            await page.of_type("state")
            for message in BAD:
                await page.send(message)
                answer = await page.of_type("response")
                assert not answer["ok"], message
                assert answer["error"]["what"], message
                assert "Traceback" not in str(answer)
            assert trainer.store.commands() == []
            trainer.frame()
            assert (await page.of_type("frame"))["frame"]["seq"] == 1

    asyncio.run(send_all())


def test_a_message_that_is_too_long_is_refused_in_words_and_one_beyond_reason_ends_its_own_socket_only(
    served: Served, trainer: FakeTrainer
) -> None:
    async def send() -> None:
        async with served.run(trainer.run.id) as page, served.run(trainer.run.id) as other:
            await page.of_type("state")
            await page.send('{"type": "command", "ref": 7, "kind": "' + "x" * MOST_MESSAGE + '"}')
            answer = await page.of_type("response")
            assert (answer["ref"], answer["ok"]) == (7, False)
            assert f"{MOST_MESSAGE:,}" in answer["error"]["why"]
            await page.send({"type": "command", "ref": 8, "kind": "pause"})
            assert (await page.of_type("response"))["ref"] == 8, "the socket is open still"
            with contextlib.suppress(ConnectionClosed):  # it may be closed before all of it was sent
                await page.send('{"type": "' + "x" * 5 * MOST_MESSAGE + '"}')
            with pytest.raises(ConnectionClosed):
                await page.until(lambda message: False)
            assert page.connection.close_code == 1009
            trainer.frame()
            assert (await other.of_type("frame"))["frame"]["seq"] == 1

    asyncio.run(send())


def test_the_page_knows_how_long_a_message_may_be() -> None:
    source = (Path(__file__).parents[2] / "web/src/lib/connection.ts").read_text()
    assert f"MOST_MESSAGE = 2 ** {MOST_MESSAGE.bit_length() - 1}\n" in source
    assert 1 << (MOST_MESSAGE.bit_length() - 1) == MOST_MESSAGE


def test_a_run_that_crashes_goes_on_and_ends(served: Served, trainer: FakeTrainer) -> None:
    async def watch() -> None:
        trainer.steps(30)
        trainer.frame()
        saved = trainer.run.checkpoints / "step-00000010"
        saved.mkdir()
        (saved / "model.json").write_text('{"step": 10}')
        point(trainer.run.checkpoints, "last", saved)
        async with served.run(trainer.run.id) as page:
            assert (await page.of_type("state"))["status"] == "running"
            trainer.end(None)
            crashed = await page.until(lambda m: m["type"] == "state" and m["status"] == "crashed")
            assert crashed["reasons"][-1] == (
                "resume goes on from its last checkpoint, step 10, and trains what came after it again"
            )
            assert crashed["resume"] is True
            assert trainer.run.id in crashed["command"]
            # A new process goes on from step 10, with a live file of its own whose frames count from 1.
            with RunLock(trainer.run):
                trainer.live = LiveWriter(trainer.run.live)
                trainer.seq["motion"] = 0
                with trainer.store.open(trainer.run.db, readonly=False) as store:
                    store.rewind(10)
                    store.event("resumed", 10)
                    store.log(11, 1.1, {"loss": 2.0})
                    store.flush()
                    rows = await page.until(lambda m: m["type"] == "rows" and m["split"] == "train")
                    assert rows["reset"] is True
                    steps = list(rows["step"])
                    while steps[-1] < 11:  # looked at between the rewinding and the new row
                        steps += (await page.until(lambda m: m["type"] == "rows" and m["split"] == "train"))["step"]
                    assert steps == list(range(1, 12))
                    assert (await page.of_type("timeline"))["reset"] is True
                    await page.until(lambda m: m["type"] == "state" and m["status"] == "running")
                    await soon(lambda: trainer.live.watched)
                    trainer.frame()
                    assert (await page.of_type("frame"))["frame"]["seq"] == 1
                    # Its last words, after which the file is gone.
                    trainer.frame()
                    trainer.live.close()
                    trainer.run.live.unlink()
                    store.event("finished", 11, reason="the budget is spent")
                    store.set_meta("status", "finished")
            assert (await page.of_type("frame"))["frame"]["seq"] == 2
            ended = await page.until(lambda m: m["type"] == "state" and m["status"] == "finished")
            assert ended["reasons"] == ["the budget is spent"]

    asyncio.run(watch())


def test_a_folder_that_is_deleted_or_spoiled_costs_a_message(served: Served, trainer: FakeTrainer) -> None:
    async def watch() -> None:
        trainer.steps(3)
        async with served.run(trainer.run.id) as page:
            assert (await page.of_type("state"))["status"] == "running"
            trainer.end()
            await page.until(lambda m: m["type"] == "state" and m["status"] == "finished")
            kept = trainer.run.path / "kept.db"
            with contextlib.closing(sqlite3.connect(trainer.run.db)) as source, sqlite3.connect(kept) as copy:
                source.backup(copy)
            copy.close()
            for left in trainer.run.path.glob("run.db*"):
                left.unlink()
            trainer.run.db.write_bytes(b"this is no database" * 1000)
            spoiled = await page.until(lambda m: m["type"] == "state" and m["status"] == "unreadable")
            assert "damaged" in " ".join(spoiled["reasons"])
            kept.replace(trainer.run.db)
            hello = await page.of_type("hello")
            assert hello["curves"]["train"]["step"] == [1, 2, 3]
            await page.until(lambda m: m["type"] == "state" and m["status"] == "finished")
            shutil.rmtree(trainer.run.path)
            assert (await page.until(lambda m: m["type"] == "state" and m["status"] == "deleted"))["resume"] is False
            await page.send({"type": "command", "ref": 1, "kind": "pause"})
            assert not (await page.of_type("response"))["ok"]
        async with served.run(trainer.run.id) as page:
            assert (await page.take())["status"] == "deleted"

    asyncio.run(watch())


def test_a_run_is_watched_from_before_its_store_exists(served: Served, trainer: FakeTrainer) -> None:
    async def watch() -> None:
        trainer.store.close()
        kept = trainer.run.db.read_bytes()
        trainer.run.db.unlink()
        async with served.run(trainer.run.id) as page:
            assert (await page.take())["curves"]["train"]["step"] == []
            whole = trainer.run.path / "whole.db"
            whole.write_bytes(kept)
            whole.replace(trainer.run.db)
            again = await page.of_type("hello")
            assert again["facts"]["total_steps"] == 1000
            assert [mark["kind"] for mark in again["marks"]] == ["started"]

    asyncio.run(watch())


def test_the_list_of_runs_sends_every_change(served: Served, trainer: FakeTrainer) -> None:
    async def watch() -> None:
        async with served.socket("/ws/runs") as page:
            first = await page.of_type("runs")
            assert [run["status"] for run in first["runs"]] == ["running"]
            trainer.steps(4)
            later = await page.until(lambda m: m["type"] == "runs" and m["runs"][0]["step"] == 4)
            assert later["runs"][0]["spark"]["step"] == [1, 2, 3, 4]
            trainer.end()
            await page.until(lambda m: m["type"] == "runs" and m["runs"][0]["status"] == "finished")
            answer = served.post(f"/api/runs/{trainer.run.id}/delete")
            assert answer.status_code == 200, answer.text
            await page.until(lambda m: m["type"] == "runs" and not m["runs"])

    asyncio.run(watch())
