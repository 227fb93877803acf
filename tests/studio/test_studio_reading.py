"""What a watcher reads: each row once, everything anew where the run went back, a trainer's last frame."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import pytest
from fakes.trainer import FakeTrainer

from tilework.errors import UserError
from tilework.runs.live import LiveWriter
from tilework.studio.store_feed import StoreFeed
from tilework.studio.stream import Stream


def types_of_news(reader: StoreFeed) -> list[tuple[str, bool]]:
    news = reader.news()
    assert news is not None
    return [(message["type"], "reset" in message) for message in news]


def test_news_are_sent_once(trainer: FakeTrainer) -> None:
    reader = StoreFeed(trainer.run)
    assert reader.news() is None, "nothing was sent yet: all of it is to be"
    everything, news = reader.whole()
    assert news == []
    assert everything["facts"]["total_steps"] == 1000
    assert types_of_news(reader) == []
    trainer.steps(3)
    assert types_of_news(reader) == [("rows", False)]
    assert types_of_news(reader) == []
    trainer.steps(2)
    everything, news = reader.whole()  # another page comes: those before get what is new since
    assert [message["step"] for message in news] == [[4, 5]]
    assert everything["curves"]["train"]["step"] == [1, 2, 3, 4, 5]
    assert types_of_news(reader) == []
    reader.close()


def test_a_run_that_went_back_is_seen_by_its_rows_and_by_its_event(trainer: FakeTrainer) -> None:
    """Either alone is enough: rows may be gone before the event is there, or new ones have taken their place."""
    trainer.steps(10)
    reader = StoreFeed(trainer.run)
    reader.whole()
    trainer.store.rewind(5)
    assert ("rows", True) in types_of_news(reader)
    assert types_of_news(reader) == []
    trainer.store.rewind(3)
    trainer.step = 3
    trainer.store.event("resumed", 3)
    trainer.steps(4)
    news = reader.news()
    assert news is not None
    (rows,) = [m for m in news if m["type"] == "rows" and m["split"] == "train"]
    assert rows["reset"]
    assert rows["step"] == [1, 2, 3, 4, 5, 6, 7]
    reader.close()


def test_other_facts_are_sent_with_one_more_hello(trainer: FakeTrainer) -> None:
    reader = StoreFeed(trainer.run)
    reader.whole()
    trainer.store.set_meta("status", "paused")
    trainer.store.set_meta("seconds", 12.0)
    trainer.store.flush()
    assert types_of_news(reader) == [], "what changes all the time is no reason"
    trainer.store.set_meta("total_steps", 2000)
    trainer.store.flush()
    reader.whole()  # for a new page; the others have not heard of it
    assert reader.news() is None
    reader.whole()
    assert types_of_news(reader) == [], "once is enough"
    reader.close()


def test_more_rows_than_a_message_takes_are_thinned(trainer: FakeTrainer) -> None:
    reader = StoreFeed(trainer.run)
    reader.whole()
    trainer.steps(2500)
    news = reader.news()
    assert news is not None
    (rows,) = [m for m in news if m["type"] == "rows" and m["split"] == "train"]
    assert rows["reset"]
    assert len(rows["step"]) <= 2000
    assert rows["step"][-1] == 2500
    reader.close()


def test_a_spike_of_one_row_survives_the_thinning(trainer: FakeTrainer) -> None:
    trainer.steps(2500)
    last = trainer.step
    for at in range(1, 3001):
        trainer.store.log(last + at, 1.0, {"loss": 99.0 if at == 1234 else -99.0 if at == 2001 else 1.0})
    trainer.store.flush()
    found = curves_of(trainer, most=200)
    assert len(found["step"]) <= 200
    loss = dict(zip(found["step"], found["series"]["loss"], strict=True))
    assert loss[last + 1234] == 99.0
    assert loss[last + 2001] == -99.0
    assert found["step"][-1] == last + 3000
    assert found["step"] == sorted(set(found["step"]))


def curves_of(trainer: FakeTrainer, most: int) -> dict[str, Any]:
    reader = StoreFeed(trainer.run)
    try:
        return reader.all_curves(most)["train"]
    finally:
        reader.close()


def test_a_store_that_vanishes_or_is_locked_out(trainer: FakeTrainer) -> None:
    reader = StoreFeed(trainer.run)
    reader.whole()
    trainer.end()
    away = trainer.run.path / "away"
    trainer.run.db.rename(away)
    with pytest.raises(UserError, match="no store"):
        reader.news()
    away.rename(trainer.run.db)
    reader.news()
    copy = trainer.run.path / "copy"
    copy.write_bytes(trainer.run.db.read_bytes())
    copy.replace(trainer.run.db)  # the same rows in another file: it may be any
    assert reader.news() is None
    connection = sqlite3.connect(trainer.run.db)
    connection.execute("DROP TABLE events")
    connection.close()
    with pytest.raises(UserError):
        reader.whole()
    reader.close()


def test_the_last_frame_of_a_trainer_is_read_after_its_file_is_gone(trainer: FakeTrainer) -> None:
    assert trainer.live is not None
    stream = Stream(trainer.run)
    assert stream.nudge() == []
    assert trainer.live.watched
    trainer.frame()
    trainer.live.close()
    trainer.run.live.unlink()
    (last,) = stream.nudge()
    assert last.seq == 1
    assert not stream.open
    trainer.live = LiveWriter(trainer.run.live)
    trainer.seq["motion"] = 0
    trainer.frame()
    assert stream.nudge() == []
    assert stream.generation == 2
    assert [frame.seq for frame in stream.read()] == [1]
    assert not stream.fresh
    stream.close()


def test_what_is_no_frame_is_not_passed_on(trainer: FakeTrainer) -> None:
    assert trainer.live is not None
    stream = Stream(trainer.run)
    stream.nudge()
    for data in (b"", b"\xff\xff\xff\xff", b"\x02\x00\x00\x00[]", b'\x10\x00\x00\x00{"arrays": [1]} ', bytes(1000)):
        trainer.live.write("motion", data)
        assert stream.read() == []
    trainer.frame()
    assert len(stream.read()) == 1
    stream.close()
    trainer.run.live.unlink()
    trainer.run.live.symlink_to(trainer.run.spec_file)
    assert stream.nudge() == []
    assert not stream.open
    trainer.run.live.unlink()
    trainer.run.live.write_bytes(b"nothing")
    began = time.monotonic()
    assert stream.nudge() == []
    assert time.monotonic() - began < 0.5
