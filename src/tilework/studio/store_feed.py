"""A run's store as connected pages follow it: everything once, then what is new since the last look."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tilework.doctor.entries import finding_entry
from tilework.doctor.kept import findings_in
from tilework.doctor.opening import LEFT_OUT, PROBES
from tilework.errors import UserError
from tilework.metrics import Metrics
from tilework.protocol.finding import FindingEntry
from tilework.protocol.run import Curves, Mark, Rows, Split
from tilework.protocol.socket import FindingsMessage, MarksMessage, News, RowsMessage, TimelineMessage
from tilework.runs.connection import connect, store_errors
from tilework.runs.folder import RunFolder
from tilework.runs.leak import leak_note
from tilework.runs.records import GONE, Finding
from tilework.runs.store import RunStore
from tilework.studio import curves, marks
from tilework.studio.cards import SHOWN
from tilework.studio.details import Everything, entries

_FRAMES = "snapshots/live-%.frame"
"""Names of the stored frames of the timeline."""


@dataclass
class _Seen:
    """How far the connections have read. Everything behind it is news."""

    steps: dict[Split, int] = field(default_factory=dict)
    """By split."""
    event: int = 0
    finding: int = 0
    timeline: int = -1
    outline: str = ""
    """What the store holds of the run as a whole, without what changes all the time."""


class StoreFeed:
    """Reads one run.db with a connection of its own. Not for two threads at once.

    Raises UserError from every method where the store is missing, damaged or not ours; the next call tries again.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._seen: _Seen | None = None

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    # Everything ------------------------------------------------------------------------------------------------------

    def whole(self) -> tuple[Everything, list[News]]:
        """All there is, and what of it `news` would give now."""
        with self._reading() as connection:
            before = self._seen
            news = self._news(connection) or []
            self._seen = self._newest(connection)
            if before is not None:
                self._seen.outline = before.outline  # who has seen the old one is still to hear of it
            facts = {key: _value(value) for key, value in connection.execute("SELECT key, value FROM meta")}
            everything: Everything = {
                "curves": self._curves(connection),
                "findings": self._findings(connection),
                "marks": self._marks(connection, 0, 0),
                "timeline": self._timeline(connection, -1),
                "steerable": facts.pop("steerable", None) or [],
                "metrics": entries(Metrics.read(facts)),
                "facts": {key: value for key, value in facts.items() if key not in {"metrics", PROBES, LEFT_OUT}}
                | {"leak": leak_note(facts)},
            }
        return everything, news

    def all_curves(self, most: int) -> Curves:
        """All splits, thinned to `most` rows each."""
        with self._reading() as connection:
            return self._curves(connection, most)

    def all_marks(self) -> list[Mark]:
        """The newest marks, in order."""
        with self._reading() as connection:
            return self._marks(connection, 0, 0)

    def all_steps(self) -> list[int]:
        """Steps of the stored frames."""
        with self._reading() as connection:
            return self._timeline(connection, -1)

    def fact(self, name: str) -> Any:
        """A fact of the run as a whole; None where its store has none of that name."""
        with self._reading() as connection:
            found = connection.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()
        return _value(found[0]) if found else None

    def frame_file(self, step: int) -> str | None:
        """Name of the stored frame of a step, relative to the run's folder."""
        with self._reading() as connection:
            found = connection.execute(
                "SELECT file FROM snapshots WHERE step = ? AND file LIKE ?", (step, _FRAMES)
            ).fetchone()
        return str(found[0]) if found else None

    def newest_images(self) -> tuple[int, str] | None:
        """(step, file) of the newest stored reconstructions, of a prior its samples."""
        with self._reading() as connection:
            found: tuple[int, str] | None = connection.execute(
                f"SELECT step, file FROM snapshots WHERE kind IN {SHOWN} ORDER BY step DESC LIMIT 1"
            ).fetchone()
        return found

    # News ------------------------------------------------------------------------------------------------------------

    def news(self) -> list[News] | None:
        """Messages about what was written since the last call, as the socket sends them.

        None where `whole` is to be sent again: the store was not readable then, is another file now, or holds other
        facts about the run as a whole.
        """
        with self._reading() as connection:
            found = self._news(connection)
        if found is None:
            self._seen = None
        return found

    def _news(self, connection: sqlite3.Connection) -> list[News] | None:
        seen, now = self._seen, self._newest(connection)
        if seen is None or seen.outline != now.outline or now.event < seen.event:
            return None
        new_marks = self._marks(connection, seen.event, seen.finding)
        rows = {
            split: curves.since(connection, split, seen.steps.get(split, -1), curves.MOST + 1)
            for split, step in now.steps.items()
            if step > seen.steps.get(split, -1)
        }
        anew = (
            any(mark["kind"] in {"resumed", "store-made-anew"} for mark in new_marks)
            or any(now.steps.get(split, -1) < step for split, step in seen.steps.items())
            or any(len(columns["step"]) > curves.MOST for columns in rows.values())
        )
        self._seen = now
        marks_message: MarksMessage = {"type": "marks", "marks": new_marks}
        if not anew:
            found: list[News] = [_rows(split, columns) for split, columns in rows.items()]
            if new_marks:
                found.append(marks_message)
            if now.finding != seen.finding:
                found.append({"type": "findings", "findings": self._findings(connection)})
            if steps := self._timeline(connection, seen.timeline):
                found.append({"type": "timeline", "steps": steps})
            return found
        # What was drawn may be of steps that are trained again: curves and timeline begin anew.
        whole = self._curves(connection)
        again = [_rows("train", whole["train"]), _rows("val", whole["val"])]
        for message in again:
            message["reset"] = True
        timeline: TimelineMessage = {"type": "timeline", "steps": self._timeline(connection, -1), "reset": True}
        findings: FindingsMessage = {"type": "findings", "findings": self._findings(connection)}
        return [*again, *([marks_message] if new_marks else []), findings, timeline]

    # Questions -------------------------------------------------------------------------------------------------------

    def _newest(self, connection: sqlite3.Connection) -> _Seen:
        steps = {
            split: step
            for split in curves.splits(connection)
            for (step,) in connection.execute("SELECT max(step) FROM rows WHERE split = ?", (split,))
            if step is not None
        }
        (event,) = connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()
        (finding,) = connection.execute("SELECT coalesce(max(id), 0) FROM findings").fetchone()
        (timeline,) = connection.execute(
            "SELECT coalesce(max(step), -1) FROM snapshots WHERE file LIKE ?", (_FRAMES,)
        ).fetchone()
        outline = connection.execute(
            "SELECT group_concat(key || value) FROM "
            "(SELECT key, value FROM meta WHERE key NOT IN ('status', 'seconds', 'seconds_at') ORDER BY key)"
        ).fetchone()[0]
        return _Seen(steps, event, finding, timeline, outline or "")

    @staticmethod
    def _curves(connection: sqlite3.Connection, most: int = curves.MOST) -> Curves:
        return {"train": curves.whole(connection, "train", most), "val": curves.whole(connection, "val", most)}

    @staticmethod
    def _marks(connection: sqlite3.Connection, event: int, finding: int) -> list[Mark]:
        events = connection.execute(
            "SELECT id, time, step, kind, payload FROM events WHERE id > ? AND NOT rewound"
            " AND kind NOT IN ('finding', 'finding-gone') ORDER BY id DESC LIMIT ?",  # their rows are marks themselves
            (event, marks.MOST),
        )
        findings = connection.execute(
            "SELECT id, time, step, code, severity, payload FROM findings WHERE id > ? ORDER BY id DESC LIMIT ?",
            (finding, marks.MOST),
        )
        found = [marks.of_event(*row) for row in events]
        found += [mark for row in findings if (mark := marks.of_finding(*row)) is not None]
        return sorted(found, key=lambda mark: (mark["time"], mark["id"]))[-marks.MOST :]

    @staticmethod
    def _timeline(connection: sqlite3.Connection, after: int) -> list[int]:
        found = connection.execute(
            "SELECT DISTINCT step FROM snapshots WHERE step > ? AND file LIKE ? ORDER BY step", (after, _FRAMES)
        )
        return [step for (step,) in found]

    # Findings --------------------------------------------------------------------------------------------------------

    def _findings(self, connection: sqlite3.Connection) -> list[FindingEntry]:
        """What the doctor of the run has written down, as far as it still holds."""
        rows = connection.execute("SELECT id, time, step, code, severity, payload FROM findings ORDER BY id")
        newest = {code: Finding(i, at, step, code, severity, marks.payload_of(text))
                  for i, at, step, code, severity, text in rows}  # fmt: skip
        found = findings_in(row for row in newest.values() if row.payload.get("change") != GONE)
        return [finding_entry(self.folder, finding) for finding in found]

    # The file --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One moment of the store: all questions inside see the same rows."""
        with store_errors(self.folder.db):
            connection = self._opened()
            try:
                connection.execute("BEGIN")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self.close()  # the next look begins with a fresh connection
                raise

    def _opened(self) -> sqlite3.Connection:
        db = self.folder.db
        try:
            found = db.lstat()
        except OSError:
            self.close()
            raise UserError(
                f"run {self.folder.id} has no store",
                why=f"{db.name} is missing: the run has just begun, or the file was taken away",
                fix="wait, or copy run.db back",
            ) from None
        identity = (found.st_dev, found.st_ino)
        if self._connection is not None and self._identity == identity:
            return self._connection
        self.close()
        if db.is_symlink():
            raise UserError(
                f"the store of run {self.folder.id} is a link", why="links are not followed", fix="copy the file"
            )
        RunStore.open(db).close()  # refuses what is no store, and brings an older one up to date
        if self._identity != identity:
            self._seen = None
        self._connection, self._identity = connect(db, readonly=True), identity
        return self._connection


def _rows(split: Split, rows: Rows) -> RowsMessage:
    return {"type": "rows", "split": split, "step": rows["step"], "epoch": rows["epoch"], "series": rows["series"]}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
