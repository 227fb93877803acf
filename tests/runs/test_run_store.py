"""The store: what is logged is what is read, rewinding leaves no trace, and failures are reported, never swallowed."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import children
import numpy as np
import pytest

from tilework.errors import RunFailure, UserError
from tilework.runs import writer as writer_module
from tilework.runs.store import RunStore
from tilework.runs.writer import Writer


@pytest.fixture
def db(tmp_path: Path) -> Path:
    folder = tmp_path / "vq-calm-owl"
    folder.mkdir()
    return folder / "run.db"


def curves(store: RunStore) -> dict[tuple[str, str], list[tuple[int, str]]]:
    """Every curve with its values as exact text (NaN equals NaN)."""
    return {
        (name, split): [(int(s), float(v).hex()) for s, v in zip(*store.metrics(name, split), strict=True)]
        for name, split in store.series()
    }


def test_metrics_come_back_exactly(db: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=100) * 10.0 ** rng.integers(-300, 300, size=100)
    special = [math.nan, math.inf, -math.inf, 0.0, 5e-324, 1.7976931348623157e308]
    with RunStore.create(db) as store:
        for step, value in enumerate([*values, *special]):
            store.log(step, step / 10, {"loss": value, "half": np.float32(0.5)})
        store.log(7, 0.7, {"loss": 1.5}, split="val")
    with RunStore.open(db) as store:
        steps, read = store.metrics("loss")
        assert steps.dtype == np.int64
        np.testing.assert_array_equal(steps, np.arange(106))
        assert read.tobytes()[: 100 * 8] == values.tobytes()
        np.testing.assert_array_equal(read[100:], special)
        assert store.series() == [("loss", "train"), ("half", "train"), ("loss", "val")]
        assert store.last("loss", "val") == 1.5
        assert store.last("nothing") is None
        assert [a.size for a in store.metrics("nothing")] == [0, 0]
        at, epochs, times = store.rows()
        np.testing.assert_array_equal(at, np.arange(106))
        np.testing.assert_allclose(epochs, np.arange(106) / 10)
        assert (np.diff(times) >= 0).all()


def test_numpy_steps_and_logging_a_step_again(db: Path) -> None:
    with RunStore.create(db) as store:
        store.log(np.int64(3), np.float32(0.5), {"loss": 2.0, "kl": 1.0})
        store.log(3, 0.5, {"loss": 1.0})
        assert store.metrics("loss")[1].tolist() == [1.0]
        assert store.metrics("kl")[1].tolist() == [1.0]


def test_a_value_that_is_no_number_fails_at_the_call(db: Path) -> None:
    with RunStore.create(db) as store:
        with pytest.raises(TypeError):
            store.log(0, 0.0, {"loss": [1, 2]})  # type: ignore[dict-item]
        with pytest.raises(TypeError, match="journal"):
            store.event("odd", 0, what=object())
        store.log(1, 0.0, {"loss": 1.0})
    with RunStore.open(db) as store:
        assert store.metrics("loss")[0].tolist() == [1]


def test_events_findings_snapshots_meta(db: Path) -> None:
    with RunStore.create(db) as store:
        store.event("started", 0, device="cpu", at=Path("x"))
        store.event("checkpoint", np.int64(10), loss=np.float64(0.25), rows=np.arange(3), bad=math.inf)
        store.finding("dead-codes", "warning", 20, used=12, codes=16)
        store.snapshot(10, 1.0, "reconstructions", "snapshots/reconstructions-10.npz", images=8)
        store.snapshot(10, 1.0, "reconstructions", "snapshots/again.npz")
        store.snapshot(5, 0.5, "usage", "snapshots/usage-5.npz")
        store.set_meta("total_steps", 100)
        store.set_meta("total_steps", 200)
        assert store.get_meta("total_steps") == 200  # a writer sees its own rows
    with RunStore.open(db) as store:
        assert [e.kind for e in store.events()] == ["started", "checkpoint"]
        assert store.events("checkpoint")[0].payload == {"loss": 0.25, "rows": [0, 1, 2], "bad": math.inf}
        assert store.events("started")[0].payload == {"device": "cpu", "at": "x"}
        assert [(f.code, f.severity, f.payload["used"]) for f in store.findings("dead-codes")] == [
            ("dead-codes", "warning", 12)
        ]
        assert [(s.kind, s.file) for s in store.snapshots()] == [
            ("usage", "snapshots/usage-5.npz"),
            ("reconstructions", "snapshots/again.npz"),
        ]
        assert store.meta() == {"total_steps": 200}
        assert store.get_meta("none", "default") == "default"
        with pytest.raises(RuntimeError, match="opened for reading"):
            store.log(0, 0.0, {"loss": 1.0})


def test_latest_is_the_newest_of_every_curve(db: Path) -> None:
    with RunStore.create(db) as store:
        assert store.latest() == {"step": 0, "epoch": 0.0, "time": None, "written": None, "steps": {}, "values": {}}
        for step in range(1, 6):
            store.log(step, step / 2, {"loss": float(step)})
        store.log(4, 2.0, {"loss": math.nan, "mse": 9.0}, split="val")
        rows = store.latest()
        store.event("snapshot", 5)
        latest = store.latest()
    assert rows["written"] == rows["time"] == latest["time"] < latest["written"]
    assert (latest["step"], latest["epoch"]) == (5, 2.5)
    assert latest["steps"] == {"train": 5, "val": 4}
    assert latest["values"]["train"] == {"loss": 5.0}
    assert math.isnan(latest["values"]["val"]["loss"])
    assert latest["values"]["val"]["mse"] == 9.0


def test_a_rewound_store_equals_one_that_never_went_on(db: Path, tmp_path: Path) -> None:
    def train(store: RunStore, first: int, last: int, salt: float = 0.0) -> None:
        for step in range(first, last):
            store.log(step, step / 4, {"loss": step + salt, "late": salt} if salt else {"loss": step + salt})
            if step % 4 == 0:
                store.log(step, step / 4, {"mse": step * 2 + salt}, split="val")
                store.snapshot(step, step / 4, "usage", f"snapshots/usage-{step}.npz")

    with RunStore.create(tmp_path / "straight.db") as straight:
        train(straight, 1, 21)
        expected = curves(straight)
        snapshots = [(s.step, s.file) for s in straight.snapshots()]

    with RunStore.create(db) as store:
        train(store, 1, 11)
        store.event("checkpoint", 10)
        train(store, 11, 19, salt=0.5)  # what the killed process still logged
        store.event("checkpoint", 18)
        store.finding("nan", "error", 15)
        number = store.command("set", weight=1.0)
        store.command_done(number, 17)
    with RunStore.open(db, readonly=False) as store:
        assert store.rewind(10) == ["snapshots/usage-12.npz", "snapshots/usage-16.npz"]
        assert store.latest()["step"] == 10
        train(store, 11, 21)
        assert curves(store) == expected  # no curve of the lost part (`late`) is left either
        assert [(s.step, s.file) for s in store.snapshots()] == snapshots
        assert [(e.step, e.rewound) for e in store.events("checkpoint")] == [(10, False), (18, True)]
        assert store.findings() == []
        assert [c.status for c in store.commands()] == ["undone"]
        assert store.commands_pending() == []
        steps, _, _ = store.rows()
        assert steps.tolist() == list(range(1, 21))


def test_rewind_sees_what_is_still_in_memory(db: Path) -> None:
    with RunStore.create(db) as store:
        for step in range(100):
            store.log(step, 0.0, {"loss": float(step)})
        store.rewind(49)
        assert store.metrics("loss")[0].tolist() == list(range(50))


def test_commands_travel_between_processes(db: Path) -> None:
    with RunStore.create(db) as store:
        store.log(1, 0.0, {"loss": 1.0})
        store.flush()
        code = (
            "import sys, pathlib\nfrom tilework.runs.store import RunStore\n"
            "with RunStore.open(pathlib.Path(sys.argv[1])) as s: print(s.command('pause'), s.command('set', lr=0.5))\n"
        )
        done = children.run([sys.executable, "-c", code, str(db)], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["1", "2"]
        pending = store.commands_pending()
        assert [(c.kind, c.payload) for c in pending] == [("pause", {}), ("set", {"lr": 0.5})]
        store.command_done(pending[0], 5)
        store.command_done(pending[1].id, 6, status="refused", reason="too high")
        assert store.commands_pending() == []  # at once, not when the thread has written
        assert [(c.status, c.applied_step) for c in store.commands()] == [("applied", 5), ("refused", 6)]
        assert store.commands()[1].payload == {"lr": 0.5, "reason": "too high"}


def test_create_refuses_to_overwrite(db: Path) -> None:
    RunStore.create(db).close()
    with pytest.raises(UserError, match="exists already"):
        RunStore.create(db)


def test_a_missing_store(db: Path) -> None:
    with pytest.raises(UserError, match="has no store"):
        RunStore.open(db)
    with RunStore.open(db, readonly=False) as store:
        assert [e.kind for e in store.events()] == ["store-made-anew"]


def test_after_close_only_one_file_is_left(db: Path) -> None:
    store = RunStore.create(db)
    store.log(1, 0.0, {"loss": 1.0})
    store.close()
    store.close()
    assert [p.name for p in db.parent.iterdir()] == ["run.db"]


@pytest.mark.parametrize("damage", ["garbage", "middle", "another-program"])
def test_a_damaged_store_is_reported_with_what_is_safe(db: Path, damage: str) -> None:
    if damage == "garbage":
        db.write_bytes(b"not a database" * 1000)
    elif damage == "another-program":
        with sqlite3.connect(db) as other:
            other.execute("CREATE TABLE recipes (soup TEXT)")
        other.close()
    else:
        with RunStore.create(db) as store:
            for step in range(3000):
                store.log(step, 0.0, {f"m{i}": float(step) for i in range(5)})
        data = bytearray(db.read_bytes())
        for page in range(1, len(data) // 4096):
            data[page * 4096 : page * 4096 + 100] = b"\xff" * 100
        db.write_bytes(data)
    before = db.read_bytes()

    def read(readonly: bool) -> None:
        with RunStore.open(db, readonly=readonly) as store:
            store.metrics("m3")

    for readonly in (True, False):
        with pytest.raises(UserError, match="damaged") as caught:
            read(readonly)
        assert "checkpoints and snapshots are safe" in caught.value.why
        assert "move" in caught.value.fix
    assert db.read_bytes() == before


class _Failing:
    """A connection whose commits fail while `broken`."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self._real = real
        self.broken = False

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        if self.broken and sql.startswith("INSERT"):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self._real.execute(sql, *values)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def test_a_full_disk_is_reported_by_the_next_call_and_nothing_is_lost(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[_Failing] = []
    connect = writer_module.connect
    monkeypatch.setattr(writer_module, "connect", lambda *a, **k: made.append(_Failing(connect(*a, **k))) or made[-1])
    store = RunStore.create(db)
    store.log(0, 0.0, {"loss": 0.0})
    store.flush()
    made[0].broken = True
    store.log(1, 0.0, {"loss": 1.0})
    store.log(2, 0.0, {"loss": 2.0})
    while store._writer is not None and store._writer._failure is None:
        time.sleep(0.01)
    with pytest.raises(UserError, match="disk is full") as caught:
        store.log(3, 0.0, {"loss": 3.0})
    assert str(db.parent) in str(caught.value)
    with pytest.raises(UserError, match="disk is full"):
        store.log(3, 0.0, {"loss": 3.0})
    with pytest.raises(UserError, match="disk is full"):
        store.flush()
    with RunStore.open(db) as reader:
        assert reader.metrics("loss")[0].tolist() == [0]  # no half batch
    made[0].broken = False  # space was freed
    store.flush()
    assert store.metrics("loss")[1].tolist() == [0.0, 1.0, 2.0]
    made[0].broken = True
    store.event("last words", 3)
    with pytest.raises(UserError, match="disk is full"):
        store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit on Windows")
def test_a_real_limit_on_file_size_fails_once_and_harms_nothing(db: Path) -> None:
    code = """
import resource, sys, pathlib
from tilework.errors import UserError
from tilework.runs.store import RunStore
store = RunStore.create(pathlib.Path(sys.argv[1]))
store.log(0, 0.0, {"loss": 0.0}); store.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    for step in range(1, 1_000_000): store.log(step, 0.0, {f"m{i}": 1.0 for i in range(10)} | {"loss": float(step)})
except UserError as error: print(error)
"""
    done = children.run([sys.executable, "-c", code, str(db)], capture_output=True, text=True, check=True)
    assert "could not be written" in done.stdout
    assert str(db.parent) in done.stdout
    with RunStore.open(db) as store:
        steps, values = store.metrics("loss")
        assert steps.tolist() == list(range(len(steps)))
        np.testing.assert_array_equal(values, steps)
        assert [len(store.metrics(f"m{i}")[0]) for i in range(10)] in ([len(steps) - 1] * 10, [0] * 10)


def test_a_full_buffer_waits_and_then_reports_it(db: Path) -> None:
    RunStore.create(db).close()
    held = sqlite3.connect(db, isolation_level=None)
    held.execute("BEGIN IMMEDIATE")  # another program sits on the file
    writer = Writer(db, limit=10, patience_seconds=0.3)
    for _ in range(10):
        writer.append(lambda batch: batch.execute("INSERT OR REPLACE INTO meta VALUES ('a', '1')"))
    with pytest.raises(RunFailure, match="cannot keep up"):
        writer.append(lambda batch: None)
    held.execute("ROLLBACK")
    held.close()
    writer.append(lambda batch: None)
    writer.close()


def test_readers_see_whole_rows_while_a_writer_logs_fast(db: Path) -> None:
    names = [f"m{i}" for i in range(8)]
    code = """
import sys, pathlib
from tilework.runs.store import RunStore
with RunStore.create(pathlib.Path(sys.argv[1])) as store:
    store.log(0, 0.0, {f"m{i}": 0.0 for i in range(8)}); store.flush(); print("go", flush=True)
    for step in range(1, 20_000): store.log(step, step / 100, {f"m{i}": float(step) for i in range(8)})
    store.flush()
"""
    process = children.start([sys.executable, "-c", code, str(db)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    faults: list[str] = []
    seen: set[int] = set()

    def watch() -> None:
        with RunStore.open(db) as store:
            before = 0
            while process.poll() is None:
                latest = store.latest()
                if set(latest["values"]["train"]) != set(names) or len(set(latest["values"]["train"].values())) != 1:
                    faults.append(f"half a row: {latest}")
                if latest["step"] != latest["values"]["train"]["m0"] or latest["step"] < before:
                    faults.append(f"not one moment: {latest}")
                before = latest["step"]
                seen.add(before)

    threads = [threading.Thread(target=watch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    process.stdout.close()
    assert process.wait() == 0
    assert faults == []
    assert len(seen) > 1
    with RunStore.open(db) as store:
        assert len(store.metrics("m7")[0]) == 20_000


def test_one_reader_may_be_shared_by_threads(db: Path) -> None:
    with RunStore.create(db) as store:
        for step in range(500):
            store.log(step, 0.0, {"loss": float(step)})
    faults: list[BaseException] = []
    with RunStore.open(db) as store:

        def read() -> None:
            try:
                for _ in range(30):
                    assert len(store.metrics("loss")[0]) == 500
                    assert store.latest()["step"] == 499
            except BaseException as error:
                faults.append(error)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []
