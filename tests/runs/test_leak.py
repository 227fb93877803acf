"""What training gives away of the held-out images: words where metrics look better than they are, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from tilework.runs.leak import FACT, leak_note

TOO_GOOD = "validation metrics are a little too good: of 200 held-out images, "


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (None, ""),
        ({}, ""),
        ({"examined": 0, "near_twins": 0}, ""),
        ({"by": "group", "examined": 200, "near_twins": 24, "neighbours": 0}, ""),  # images of one kind look alike
        ({"by": "image", "examined": 200, "near_twins": 60, "neighbours": 0}, "30% closely resemble a training image"),
        ({"by": "image", "examined": 200, "identical": 200}, "100% closely resemble a training image"),
        (
            {"by": "frame", "examined": 200, "near_twins": 20, "neighbours": 50},
            "25% are within 2 frames of a training image and 10% closely resemble a training image",
        ),
    ],
)
def test_words_only_where_metrics_look_better_than_they_are(counts: dict[str, Any] | None, words: str) -> None:
    assert leak_note({FACT: counts}) == (TOO_GOOD + words if words else "")


def test_a_run_that_has_not_counted_has_no_words() -> None:
    assert leak_note({}) == ""
