"""Curves as the page draws them: one list of steps and epochs for a split, and one list of values for each series."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import get_args

from tilework.protocol.run import Rows, Spark, Split

MOST = 2000
"""Rows of a split that are sent unless asked otherwise."""


def splits(connection: sqlite3.Connection) -> list[Split]:
    """The splits that have rows."""
    found = {split for (split,) in connection.execute("SELECT DISTINCT split FROM series")}
    return [split for split in get_args(Split) if split in found]


def whole(connection: sqlite3.Connection, split: str, most: int = MOST, upto: int | None = None) -> Rows:
    """A split from its beginning (to step `upto`), thinned to at most `most` rows; the newest row is always there.

    Of every stretch that becomes shorter, the row with the highest loss and the one with the lowest stay: a spike that
    lasted for one row is what a person looks for.
    """
    last = 2**62 if upto is None else upto
    where, values = "WHERE split = ? AND step <= ?", (split, last)
    (count,) = connection.execute(f"SELECT count(*) FROM rows {where}", values).fetchone()
    if count <= most:
        rows = connection.execute(f"SELECT step, epoch FROM rows {where} ORDER BY step", values).fetchall()
        return _columns(connection, split, rows)
    stride = max(1, -(-3 * count // max(1, most - 1)))
    rows = connection.execute(
        "SELECT step, epoch FROM (SELECT step, epoch, row_number() OVER (ORDER BY step) - 1 AS n FROM rows "
        f"{where}) WHERE n % ? = 0 OR n = ? OR step IN (SELECT value FROM json_each(?)) ORDER BY step",
        (*values, stride, count - 1, json.dumps(_extremes(connection, split, stride, last))),
    ).fetchall()
    return _columns(connection, split, rows)


def _extremes(connection: sqlite3.Connection, split: str, stride: int, last: int) -> list[int]:
    """Steps of the highest and the lowest loss of every `stride` rows."""
    found = connection.execute("SELECT id FROM series WHERE name = 'loss' AND split = ?", (split,)).fetchone()
    if found is None:
        return []
    values = connection.execute(
        "SELECT step, value FROM metrics WHERE series_id = ? AND step <= ? AND value IS NOT NULL ORDER BY step",
        (found[0], last),
    ).fetchall()
    parts = [values[at : at + stride] for at in range(0, len(values), stride)]
    return [extreme(part, key=lambda row: row[1])[0] for part in parts for extreme in (max, min)]


def since(connection: sqlite3.Connection, split: str, step: int, most: int = MOST) -> Rows:
    """The rows after `step`, at most `most` of them."""
    rows = connection.execute(
        "SELECT step, epoch FROM rows WHERE split = ? AND step > ? ORDER BY step LIMIT ?", (split, step, most)
    ).fetchall()
    return _columns(connection, split, rows)


def _columns(connection: sqlite3.Connection, split: str, rows: Sequence[tuple[int, float]]) -> Rows:
    row_of = {step: at for at, (step, _) in enumerate(rows)}
    # Series outside, steps inside: each value is one look into the primary key, also where few steps of many are wanted.
    found = connection.execute(
        "SELECT series.name, metrics.step, metrics.value FROM series CROSS JOIN json_each(?) AS wanted "
        "CROSS JOIN metrics ON metrics.series_id = series.id AND metrics.step = wanted.value WHERE series.split = ?",
        (json.dumps(list(row_of)), split),
    )
    series: dict[str, list[float | None]] = {}
    for name, step, value in found:
        if name not in series:
            series[name] = [None] * len(rows)
        series[name][row_of[step]] = value
    return {"step": list(row_of), "epoch": [epoch for _, epoch in rows], "series": series}


def spark(connection: sqlite3.Connection, name: str = "loss", points: int = 48) -> Spark:
    """The training loss as a small line, thinned evenly, four digits."""
    found = connection.execute("SELECT id FROM series WHERE name = ? AND split = 'train'", (name,)).fetchone()
    if found is None:
        return {"step": [], "loss": []}
    (count,) = connection.execute("SELECT count(*) FROM metrics WHERE series_id = ?", found).fetchone()
    stride = max(1, -(-count // (points - 1)))
    rows = connection.execute(
        "SELECT step, value FROM (SELECT step, value, row_number() OVER (ORDER BY step) - 1 AS n FROM metrics "
        "WHERE series_id = ?) WHERE n % ? = 0 OR n = ?",
        (found[0], stride, count - 1),
    ).fetchall()
    return {
        "step": [step for step, _ in rows],
        "loss": [None if value is None else float(f"{value:.4g}") for _, value in rows],
    }
