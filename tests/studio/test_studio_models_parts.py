"""The parts of the way from a page's ask to its answer, one by one."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import children
import pytest
from commands import PATIENCE

from tilework.errors import UserError
from tilework.protocol.explore import ASKS
from tilework.runs.checkpoints import point
from tilework.runs.folder import RunFolder
from tilework.studio.models.checked import checked
from tilework.studio.models.choice import choose, device_of, listed
from tilework.studio.models.courtesy import Courtesy
from tilework.studio.models.lanes import lane_of
from tilework.studio.models.page import MOST_IN_LANE, MOST_KEYS, MOST_UNSENT, Outbox, PageAsk, PageAsks
from tilework.studio.models.pipe import Output, What, hear, send
from tilework.studio.models.uploads import Uploads, uploaded
from tilework.studio.models.waiting import Order, Waiting
from tilework.studio.responses import NotHere


def order(ref: int, key: str, page: int = 1, lane: Any = "quick") -> Order:
    return Order(page, ref, key, lane, "ask", {})


def test_the_newest_of_a_key_is_done_and_nothing_that_was_forgotten() -> None:
    dropped: list[int] = []
    waiting = Waiting(lambda one: dropped.append(one.ref))
    for one in (
        order(1, "a"),
        order(2, "b"),
        order(3, "a"),
        order(4, "a", page=2),
        order(5, "c"),
        order(6, "d", page=3),
    ):
        waiting.put(one)
    waiting.forget(1, "c")
    waiting.forget(1, "never")
    waiting.leave(3)
    assert dropped == [1, 5], "who is gone gets nothing"
    assert [waiting.take("quick").ref for _ in range(3)] == [3, 2, 4], "in the place of the one that it replaced"
    waiting.put(order(7, "a"))
    waiting.put(order(8, "a", lane="slow"))
    assert dropped[2:] == [7], "a key is one, whatever is asked with it"
    assert waiting.take("slow").ref == 8


def test_one_that_waits_is_woken() -> None:
    waiting = Waiting(lambda _: None)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(waiting.take("quick").ref))
    thread.start()
    waiting.put(order(1, "a", lane="slow"))
    waiting.put(order(2, "a"))
    thread.join(PATIENCE)
    assert found == [2]


def page_asks() -> tuple[PageAsks, Outbox]:
    outbox = Outbox(lambda: None)
    return PageAsks(outbox), outbox


def ask(ref: int, key: str, kind: str = "decode") -> PageAsk:
    return PageAsk(ref, key, {"kind": kind})


def test_an_ask_waits_at_the_studio_while_one_of_its_key_is_computed() -> None:
    asks, _ = page_asks()
    asks.put(ask(1, "image"))
    assert [one.ref for one in asks.due()] == [1]
    for ref in (2, 3, 4):
        asks.put(ask(ref, "image"))
        assert asks.due() == []
    assert asks.done(1)
    assert [one.ref for one in asks.due()] == [4]
    asks.put(ask(5, "image"))
    assert asks.forget("image"), "the process has to be notified of 4"
    assert not asks.done(4), "nobody waits for it"
    assert asks.due() == [], "nor for 5"


def test_few_asks_of_a_page_are_at_the_process_and_a_hand_waits_for_none_of_the_slow() -> None:
    asks, outbox = page_asks()
    for ref, kind in enumerate(["statistics", "map", "atlas", "decode", "encode", "paint"]):
        asks.put(ask(ref, f"key {ref}", kind))
    assert [one.ref for one in asks.due()] == [0, 1, 3, 4]
    assert MOST_IN_LANE == 2
    for _ in range(MOST_UNSENT):
        outbox.answer(b"x")
    for ref in (0, 3):
        assert asks.done(ref)
    assert asks.due() == [], "its answers are still to be sent"
    asyncio.run(outbox.take())
    assert [one.ref for one in asks.due()] == [2, 5]
    assert sorted(asks.abandon()) == [1, 2, 4, 5]
    assert asks.abandon() == []


def test_asks_of_a_process_that_ended_too_early_are_asked_again_and_newer_ones_stay() -> None:
    asks, _ = page_asks()
    for ref, key in enumerate("ab"):
        asks.put(ask(ref, key))
    assert len(asks.due()) == 2
    asks.put(ask(7, "a"))
    asks.forget("b")
    asks.again()
    assert [one.ref for one in asks.due()] == [7]


def test_what_a_page_may_pile_up_is_bounded() -> None:
    asks, _ = page_asks()
    for ref in range(MOST_KEYS):
        asks.put(ask(ref, str(ref), "map"))
    asks.put(ask(1000, "0", "map"))
    with pytest.raises(UserError, match="wait already"):
        asks.put(ask(1001, "another", "map"))
    with pytest.raises(UserError, match="was used"):
        asks.put(ask(1000, "1", "map"))
    cut: list[bool] = []
    outbox = Outbox(lambda: cut.append(True))
    for _ in range(1000):
        outbox.refuse(1, {"what": "no", "why": "", "fix": ""})
    assert cut


def test_every_slow_kind_is_a_kind() -> None:
    assert {lane_of(kind) for kind in ASKS} == {"quick", "slow"}
    assert lane_of("odd") == lane_of(None) == lane_of(["map"]) == "quick"


GOOD: list[dict[str, Any]] = [
    {"kind": "about"},
    {"kind": "decode", "points": ["zero"], "through": "decoder"},
    {"kind": "plane", "point": "zero", "x": 0, "y": 1, "low": -2, "high": 2.5},
    {"kind": "paint", "codes": [1, 2, 3]},
]
WRONG: list[tuple[Any, str]] = [
    (None, "null was sent"),
    ([1], "an ask is an object"),
    ({}, "needs a kind"),
    ({"kind": None}, "of the kind null"),
    ({"kind": ["map"]}, "no ask of the kind"),
    ({"kind": "odd"}, 'of the kind "odd"'),
    ({"kind": "decode"}, "needs points"),
    ({"kind": "decode", "points": "zero"}, "points of decode"),
    ({"kind": "decode", "points": None}, "points of decode is null"),
    ({"kind": "decode", "points": [1]}, "points of decode is 1"),
    ({"kind": "decode", "points": ["x" * 50_000]}, "has 50,000 characters"),
    ({"kind": "decode", "points": [], "more": 1}, "has no 'more'"),
    ({"kind": "decode", "points": [], "through": "nothing"}, "through of decode"),
    ({"kind": "plane", "point": "zero", "x": "0", "y": 1}, "x of plane"),
    ({"kind": "plane", "point": "zero", "x": True, "y": 1}, "x of plane"),
    ({"kind": "plane", "point": "zero", "x": 0.5, "y": 1}, "x of plane"),
    ({"kind": "plane", "point": "zero", "x": 0, "y": 1, "low": float("inf")}, "low of plane"),
    ({"kind": "plane", "point": "zero", "x": 0, "y": 1, "low": float("nan")}, "low of plane"),
    ({"kind": "plane", "point": "zero", "x": 0, "y": 1, "low": 10**400}, "low of plane"),
    ({"kind": "plane", "point": "zero", "x": 10**400, "y": 1}, "x of plane"),
    ({"kind": "paint", "codes": [1, None]}, "codes of paint is null"),
    ({"kind": "paint", "codes": [0] * 200_000}, "has 200,000 entries"),
    ({"kind": "images", "side": "test", "numbers": []}, "side of images"),
    ({"kind": "walk", "points": [], "frames": 3, "ease": 1}, "ease of walk"),
]


def test_an_ask_is_what_its_model_defines_or_is_refused_in_its_own_terms() -> None:
    for good in GOOD:
        assert checked(good) is good
    for wrong, what in WRONG:
        with pytest.raises(UserError, match=what) as refused:
            checked(wrong)
        words = f"{refused.value}"
        assert not {"None", "NoneType", "True", "dict", "list'"} & set(words.split()), words
        assert refused.value.fix


def test_messages_come_through_the_pipe_whole(tmp_path: Path) -> None:
    """Larger than the pipe, several at once, and cut off in the middle."""
    ours, theirs = os.pipe()
    large = os.urandom(3_000_000)
    sent = [Output(What.ANSWER, 7, 2**52, large), Output(What.DROPPED, 1, 3, b""), Output(What.FAILED, 0, 0, b"{}")]

    def write() -> None:
        for one in sent:
            send(theirs, one)
        os.write(theirs, b"\x09\x00")
        os.close(theirs)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(ours, "rb") as source:
        assert [hear(source) for _ in sent] == sent
        assert hear(source) is None
    thread.join(PATIENCE)
    with pytest.raises(ValueError, match="bytes"):
        hear(io.BytesIO(b"\xff" * 100))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    found = RunFolder.create(tmp_path, "some", "name: a\n")
    for name, step in (("step-00000010", 10), ("step-00000020", 20), ("step-00000020-2", 20), ("best-00000010", 10)):
        folder = found.checkpoints / name
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(f'{{"step": {step}}}')
    point(found.checkpoints, "last", found.checkpoints / "step-00000020-2")
    point(found.checkpoints, "best", found.checkpoints / "best-00000010")
    return found


def test_a_checkpoint_is_chosen_by_what_stands_for_it(run: RunFolder) -> None:
    for which, name, step in (
        ("best", "best-00000010", 10),
        ("last", "step-00000020-2", 20),
        ("step-00000010", "step-00000010", 10),
        ("20", "step-00000020-2", 20),
        ("010", "step-00000010", 10),
    ):
        found = choose(run, which)
        assert (found.checkpoint, found.step) == (name, step)
    assert [(one["checkpoint"], one["best"], one["last"]) for one in listed(run)] == [
        ("best-00000010", True, False),
        ("step-00000010", False, False),
        ("step-00000020", False, False),
        ("step-00000020-2", False, True),
    ]


def test_nothing_else_is_a_checkpoint(run: RunFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "model.json").write_text('{"step": 1}')
    (run.checkpoints / "step-00000030").symlink_to(elsewhere)
    (run.checkpoints / "odd").mkdir()
    (run.checkpoints / "odd" / "model.json").write_text('{"step": 1}')
    (run.checkpoints / "step-00000040").mkdir()
    for which in ("", ".", "..", "../../elsewhere", "step-00000030", "30", "odd", "step-00000040", "step-1/../odd", "7",
                  "-1", "step-", "x" * 5000, "best\n", "١٠"):  # fmt: skip
        with pytest.raises(NotHere):
            choose(run, which)
    assert "step-00000030" not in {one["checkpoint"] for one in listed(run)}
    point(run.checkpoints, "last", run.checkpoints / "step-00000030")
    point(run.checkpoints, "best", run.checkpoints / "odd")
    for which in ("best", "last"):
        with pytest.raises(NotHere):
            choose(run, which)
    for device in ("", "cuda:0", "tpu", "cpu "):
        with pytest.raises(UserError, match="no device"):
            device_of(device)


def test_a_run_without_a_checkpoint_reports_it(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "bare", "name: a\n")
    assert listed(run) == []
    for which in ("best", "last", "10"):
        with pytest.raises(NotHere):
            choose(run, which)


def test_images_that_were_sent_are_known_by_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = Uploads()
    name = uploads.keep(b"first", "../../My cat (2).png")
    assert name == uploads.keep(b"first", "C:\\images\\My cat (2).png")
    assert name.startswith("My-cat-2-")
    assert uploaded(uploads.folder, name).read_bytes() == b"first"
    assert uploads.keep(b"second", "") != name
    for wrong in ("../x", "", "x" * 100, name + "/", "nothing"):
        with pytest.raises(UserError, match="no image"):
            uploaded(uploads.folder, wrong)
    monkeypatch.setattr("tilework.studio.models.uploads._MOST_IN_ALL", 10)
    newest = uploads.keep(b"0123456789ABCDEF", "large")
    assert [file.name for file in uploads.folder.iterdir()] == [newest], "the others made way"
    uploads.close()
    assert not uploads.folder.exists()


def test_images_of_a_studio_that_was_killed_are_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = children.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    left = tmp_path / f"tilework-images-{ended.stdout.strip()}-abc"
    other = tmp_path / "tilework-images-of-somebody"
    first = Uploads()  # of a process that runs: this one
    for folder in (left, other):
        folder.mkdir()
        (folder / "image").write_bytes(b"x")
    second = Uploads()
    assert not left.exists()
    assert other.exists()
    assert first.folder.is_dir()
    assert second.folder.is_dir()
    for one in (first, second):
        one.close()


def test_what_takes_long_goes_on_when_the_hand_rests_or_after_a_while() -> None:
    courtesy = Courtesy(rest=0.05, most=60.0)
    steps: list[str] = []
    moving = threading.Event()

    def slow() -> None:
        courtesy.be_slow()
        moving.wait(60)
        courtesy.give_way()
        steps.append("slow")

    thread = threading.Thread(target=slow)
    thread.start()
    with courtesy.quick():
        moving.set()
        courtesy.give_way()  # no other thread waits for anything
        thread.join(0.2)
        steps.append("quick")
    thread.join(60)
    assert steps == ["quick", "slow"]

    impatient = Courtesy(rest=0.05, most=0.01)
    impatient.be_slow()
    with impatient.quick():
        impatient.give_way()  # it comes back although the hand never rests
