"""What the guard did, in words: each event and finding is worded from its values, on the page and in the terminal."""

from __future__ import annotations

import json

import pytest

from tilework.doctor.events import in_words
from tilework.runs.guarding import AlarmReason, alarm_text, guard_text
from tilework.runs.records import Event
from tilework.studio.marks import of_event, of_finding

BACK = {"back_to": 1200, "lr_factor": 0.5, "rollbacks": 1}
TEXTS = [
    (
        "step-skipped",
        {"first": 1234, "last": 1234, "count": 1, "terms": ["mse"]},
        "step 1,234 was skipped: mse is infinite or NaN",
    ),
    (
        "step-skipped",
        {"first": 6, "last": 9, "count": 3, "terms": ["mse", "kl"]},
        "3 of the steps 6 to 9 were skipped: mse, kl are infinite or NaN",
    ),
    (
        "step-skipped",
        {"first": 6, "last": 7, "count": 2, "terms": []},
        "2 of the steps 6 to 7 were skipped: the gradient is infinite or NaN",
    ),
    (
        "rolled-back",
        {"reason": "loss-spike", "loss": 3.4, "usual": 0.0213, "threshold": 0.1, **BACK},
        "went back to the weights of step 1,200: the loss rose from 0.0213 to 3.4; learning rate x 0.5",
    ),
    (
        "rolled-back",
        {"reason": "not-finite", "in_row": 11, "terms": ["loss"], **BACK},
        "went back to the weights of step 1,200: the loss is infinite or NaN for 11 steps in a row; learning rate x 0.5",
    ),
    (
        "loss-level-changed",
        {"loss": 0.3, "usual": 0.02, "threshold": 0.04},
        "the loss is 0.3 where it was 0.02, with the same weights: the data or the objective has changed",
    ),
]


@pytest.mark.parametrize(("kind", "payload", "expected"), TEXTS)
def test_an_event_in_words(kind: str, payload: dict[str, object], expected: str) -> None:
    assert guard_text(kind, payload) == expected
    assert in_words(Event(1, 0.0, 7, kind, dict(payload))) == expected
    assert of_event(1, 0.0, 7, kind, json.dumps(payload))["text"] == expected


@pytest.mark.parametrize("reason", AlarmReason)
def test_every_reason_has_words(reason: AlarmReason) -> None:
    payload = {"reason": reason, "in_row": 3, "terms": ["kl"], "loss": 2.0, "usual": 1.0, **BACK}
    text = alarm_text(payload)
    assert text
    assert "-" not in text
    mark = of_finding(1, 0.0, 7, "not-recovered", "error", json.dumps(payload))
    assert mark["text"] == f"not-recovered (error): {text}"


@pytest.mark.parametrize("kind", ["step-skipped", "rolled-back", "loss-level-changed"])
def test_a_payload_that_lacks_something_is_shown_as_it_is(kind: str) -> None:
    assert "back to 3" in of_event(1, 0.0, 7, kind, '{"back_to": 3}')["text"]
    assert "back to 3" in in_words(Event(1, 0.0, 7, kind, {"back_to": 3}))
    assert of_finding(1, 0.0, 7, "not-recovered", "error", "{}")["text"].startswith("not-recovered (error)")


def test_other_events_are_none_of_its_own() -> None:
    assert guard_text("plateau", {"what": "lr", "cuts": 1}) is None
