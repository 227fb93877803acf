"""What the studio shows of findings: the route, the list, the socket and the marks."""

from __future__ import annotations

import asyncio

import pytest
from conforming import faults
from doctor_examples import COLLAPSED, Scripted, collapse, collapse_only, made_run
from fakes.trainer import FakeTrainer
from studio_fakes import Served

from tilework.doctor.finding import Evidence, Finding, Missing, Severity
from tilework.doctor.kept import keep
from tilework.protocol import finding
from tilework.protocol.socket import FindingsMessage
from tilework.runs.records import CHANGED, FOUND, GONE
from tilework.studio.paths import Root

COLLAPSE = collapse(severity=Severity.ERROR)
OVERFITTING = Finding(
    "overfitting", Severity.WARNING, 100, 1.4, 1.1,
    {"best": 0.1, "now": 0.14, "train_then": 0.1, "train_now": 0.05, "term": "mse", "handled": False},
    Evidence(("mse",)),
)  # fmt: skip


def test_the_route_judges_the_rows_as_they_are_now(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    collapse_only(monkeypatch, leak=Scripted({0: Missing.VALIDATION}))
    root: Root = served.state.root
    run = made_run(root.path, val=COLLAPSED)
    found = served.get(f"/api/runs/{run.id}/findings")
    assert found.status_code == 200
    assert list(faults(found.json(), finding.FindingsResponse)) == []
    assert [(one["code"], one["severity"]) for one in found.json()["findings"]] == [("codebook-collapse", "error")]
    assert [one["code"] for one in found.json()["unjudged"]] == ["leak"]
    assert run.id in found.json()["findings"][0]["fix"]["command"]


@pytest.mark.parametrize("broken", ["no-db", "link", "cut-db"])
def test_a_run_that_cannot_be_read_is_an_error_of_the_question(served: Served, broken: str) -> None:
    root: Root = served.state.root
    run = made_run(root.path, val=COLLAPSED)
    if broken == "cut-db":
        run.db.write_bytes(run.db.read_bytes()[:2000])
    else:
        elsewhere = root.path.parent / "elsewhere.db"
        run.db.rename(elsewhere)
        if broken == "link":
            run.db.symlink_to(elsewhere)
    answered = served.get(f"/api/runs/{run.id}/findings")
    assert answered.status_code in {400, 404}
    assert answered.json()["error"]["what"]
    assert served.get("/api/runs/none/findings").status_code == 404


def test_the_list_shows_what_is_wrong_with_a_run(served: Served, trainer: FakeTrainer) -> None:
    def card() -> dict[str, object]:
        found: list[dict[str, object]] = served.get("/api/runs").json()["runs"]
        return found[0]

    assert (card()["severity"], card()["warnings"]) == (None, [])
    keep(trainer.store, 200, FOUND, OVERFITTING)
    keep(trainer.store, 300, FOUND, COLLAPSE)
    trainer.store.flush()
    assert card()["severity"] == "error"
    first, second = card()["warnings"]  # type: ignore[misc]
    assert first.startswith("the codebook has collapsed")
    assert second.startswith("overfitting since step 100")
    keep(trainer.store, 400, GONE, COLLAPSE)
    trainer.store.flush()
    assert card()["severity"] == "warning"


def test_a_page_gets_findings_as_they_come_and_go(served: Served, trainer: FakeTrainer) -> None:
    async def watch() -> None:
        trainer.steps(3)
        keep(trainer.store, 3, FOUND, OVERFITTING)
        trainer.store.event("finding", 3, code="overfitting", finding=OVERFITTING.as_dict())
        trainer.store.flush()
        async with served.run(trainer.run.id) as page:
            hello = await page.take()
            assert [one["code"] for one in hello["findings"]] == ["overfitting"]
            kinds = [(mark["kind"], mark["text"]) for mark in hello["marks"]]
            assert kinds[0][0] == "started"
            assert [kind for kind, _ in kinds[1:]] == ["finding"], "the row is the mark, and its event none beside it"
            assert kinds[1][1].startswith("warning: overfitting since step 100")
            keep(trainer.store, 4, FOUND, COLLAPSE)
            trainer.store.flush()
            message = await page.of_type("findings")
            assert list(faults(message, FindingsMessage)) == []
            assert [one["code"] for one in message["findings"]] == ["codebook-collapse", "overfitting"]
            keep(trainer.store, 5, CHANGED, COLLAPSE)
            keep(trainer.store, 6, GONE, COLLAPSE)
            trainer.store.flush()
            marks = (await page.of_type("marks"))["marks"]
            while not any(mark["kind"] == "finding-gone" for mark in marks):
                marks = (await page.of_type("marks"))["marks"]
            assert [(m["kind"], m["step"]) for m in marks] == [("finding-gone", 6)]
            message = await page.of_type("findings")
            while len(message["findings"]) > 1:
                message = await page.of_type("findings")
            assert [one["code"] for one in message["findings"]] == ["overfitting"]

    asyncio.run(watch())


def test_a_rewind_takes_findings_back(served: Served, trainer: FakeTrainer) -> None:
    async def watch() -> None:
        trainer.steps(3)
        keep(trainer.store, 3, FOUND, OVERFITTING)
        trainer.store.flush()
        async with served.run(trainer.run.id) as page:
            assert len((await page.take())["findings"]) == 1
            trainer.store.rewind(2)
            trainer.store.event("resumed", 2)
            trainer.store.flush()
            message = await page.of_type("findings")
            assert message["findings"] == []

    asyncio.run(watch())


def test_a_click_applies_a_fix_as_the_command_does(
    served: Served, trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed: list[list[str]] = []

    def start(arguments: list[str], name: str) -> str:
        typed.append(arguments)
        return "made"

    monkeypatch.setattr(served.state.launcher, "start", start)
    path = f"/api/runs/{trainer.run.id}/apply"
    assert served.post(path, {"code": "overfitting"}).json() == {"id": "made"}
    runs = str(served.state.root.path)
    assert typed == [["train", "--from", str(trainer.run.path), "--apply", "overfitting", "--runs", runs]]
    for body in ({}, {"code": 3}, {"code": "--fresh"}, {"code": "nothing-known"}):
        assert served.post(path, body).status_code == 400
    assert len(typed) == 1
