"""Writers killed at random instants: the store always opens, whole up to some row, and is gone on with."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import children
import numpy as np

from tilework.runs.store import RunStore

WRITE = """
import sys, pathlib, time
from tilework.runs.store import RunStore
db, start, flushed = pathlib.Path(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
store = RunStore.open(db, readonly=False)
for step in range(start, 10_000_000):
    store.log(step, step / 100, {f"m{i}": step + i / 16 for i in range(12)})
    store.log(step, step / 100, {"mse": float(step)}, split="val")
    if step % 50 == 0:
        store.event("mark", step); store.flush(); print(step, flush=True)
    if step % 7 == 0: time.sleep(0.001)
"""


def test_killed_writers_lose_at_most_the_unflushed_tail(tmp_path: Path) -> None:
    db = tmp_path / "run.db"
    RunStore.create(db).close()
    rng = random.Random(5)
    start = 0
    for _ in range(8):
        with (tmp_path / "out").open("w") as out:
            process = children.start([sys.executable, "-c", WRITE, str(db), str(start), "-"], stdout=out)
            while (tmp_path / "out").stat().st_size == 0:
                time.sleep(0.005)
            time.sleep(rng.uniform(0.0, 0.4))
            process.kill()
            process.wait()
        flushed = [
            int(line) for line in (tmp_path / "out").read_text().splitlines(keepends=True) if line.endswith("\n")
        ][-1]
        with RunStore.open(db) as store:
            steps, _, _ = store.rows("train")
            assert steps[-1] >= flushed
            np.testing.assert_array_equal(steps, np.arange(len(steps)))
            for i in range(12):
                at, values = store.metrics(f"m{i}")
                np.testing.assert_array_equal(at, steps)
                np.testing.assert_array_equal(values, steps + i / 16)
            # The val row of a step is logged after its train row: it may miss the last one, no more.
            assert len(store.metrics("mse", "val")[0]) in (len(steps), len(steps) - 1)
            assert [e.step for e in store.events("mark")][-1] >= flushed
        start = int(steps[-1]) + 1


def test_a_program_that_forgets_to_close_keeps_its_rows(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\nfrom tilework.runs.store import RunStore\n"
        "store = RunStore.create(pathlib.Path(sys.argv[1]))\n"
        "for step in range(100): store.log(step, 0.0, {'loss': 1.0})\n"
        "raise SystemExit(3)\n"
    )
    db = tmp_path / "run.db"
    assert children.run([sys.executable, "-c", code, str(db)], check=False).returncode == 3
    with RunStore.open(db) as store:
        assert len(store.metrics("loss")[0]) == 100


def test_killed_while_being_created(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\nfrom tilework.runs.store import RunStore\n"
        "print(1, flush=True)\nRunStore.create(pathlib.Path(sys.argv[1]))\n"
    )
    for number, wait in enumerate((0.0, 0.001, 0.003, 0.006, 0.01, 0.02)):
        db = tmp_path / f"run{number}.db"
        process = children.start([sys.executable, "-c", code, str(db)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.communicate()
        with RunStore.open(db, readonly=False) as store:
            store.log(1, 0.0, {"loss": 1.0})
            assert store.metrics("loss")[0].tolist() == [1]
