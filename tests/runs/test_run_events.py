"""Every event of a run has words, once for the terminal, the page and the report; a new one needs none of them changed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import Outcome

import tilework
from tilework.report.sections import events_section
from tilework.runs.events import _WORDS, event_text
from tilework.runs.folder import RunFolder
from tilework.runs.guarding import LEVEL_CHANGED, ROLLED_BACK, STEP_SKIPPED
from tilework.runs.store import RunStore
from tilework.studio.store_feed import StoreFeed

ELSEWHERE = {"finding", "preflight-warning", STEP_SKIPPED, ROLLED_BACK, LEVEL_CHANGED}
"""Worded by the rules, the checks and the guard."""


def written() -> Iterator[tuple[str, str]]:
    """Every kind of event that the package writes by name, and where."""
    for path in Path(tilework.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "event":
                for kind in ast.walk(node.args[0]) if node.args else ():
                    if isinstance(kind, ast.Constant):
                        yield kind.value, path.name


def test_every_event_that_is_written_has_words() -> None:
    kinds = dict(written())
    assert {"started", "set", "plateau"} <= kinds.keys(), "they are not found any more"
    assert {kind: place for kind, place in kinds.items() if kind not in {*_WORDS, *ELSEWHERE}} == {}
    assert {"finished", "stopped", "paused", "running", "failed"} <= _WORDS.keys(), "states of a run are events too"


@pytest.mark.parametrize(
    ("kind", "payload", "text"),
    [
        ("set", {"name": "objective.mse", "before": 1.0, "value": 0.25}, "objective.mse: 1 -> 0.25"),
        ("set", {"name": "objective.mse", "before": 1.0, "value": 1.0}, "objective.mse: held at 1"),
        ("revived", {"codes": 1}, "1 code revived"),
        ("revived", {"codes": 1200}, "1,200 codes revived"),
        ("finished", {"stop": "all-steps", "steps": 2000}, "finished: all 2,000 steps are done"),
        ("plateau", {"what": "learning rate"}, "plateau what learning rate"),
        ("sun-rose", {"over_it": 3.5, "at": "six"}, "sun rose over it 3.5, at six"),
        ("sun-rose", {}, "sun rose"),
    ],
)
def test_an_event_in_words(kind: str, payload: dict[str, object], text: str) -> None:
    assert event_text(kind, payload) == text


def test_a_new_event_is_shown_wherever_a_run_is(small_run: RunFolder, tilework: Callable[..., Outcome]) -> None:
    """Whoever writes one writes no other file: it is shown by its name and what it carries."""
    with RunStore.open(small_run.db, readonly=False) as store:
        store.event("sun-rose", 6, over="the hill", height=2.5)
        store.flush()
    text = "sun rose over the hill, height 2.5"
    assert text in tilework("show", small_run.id).out
    with RunStore.open(small_run.db) as store:
        assert text in events_section(store.events())
    assert [mark["text"] for mark in StoreFeed(small_run).all_marks() if mark["kind"] == "sun-rose"] == [text]
