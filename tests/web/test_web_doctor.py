"""The doctor's card on the live page, its marks, its button, and what the list of runs shows, in a real browser."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import expect
from doctor_examples import collapse
from fakes.moving import finished_run
from fakes.trainer import FakeTrainer
from served_page import wait_for

from tilework.doctor import kept
from tilework.doctor.diagnosis import Diagnosis
from tilework.doctor.finding import Finding, Fix, Missing, Severity, Unjudged
from tilework.doctor.words import lacking
from tilework.errors import UserError
from tilework.runs.records import FOUND

SPEC = """name: fake
task: autoencoder
bottleneck: {kind: vq, codes: 16, start: random, revival: null}
optimizer: {lr: 0.001}
"""
COLLAPSE = collapse(
    "perplexity",
    severity=Severity.ERROR,
    step=100,
    measured=1.12,
    fix=Fix({"bottleneck.start": "kmeans", "bottleneck.revival": {}}, keep_weights=False),
)
BLUR = Finding("blur", Severity.WARNING, 100, 0.2, 0.5, because="codebook-collapse")
LATE = Finding("overfitting", Severity.WARNING, 75, 3.0, 2.0, fix=Fix({"optimizer.lr": 0.0003}))
BOUND = Finding("bound", Severity.INFO, 50, 3.0, 2.0)
LACK = Unjudged("grid-imprint", Missing.PROBE, {"name": "flat image"})


class FakeDoctor:
    """What the doctor reports, as a test wants it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.unjudged: tuple[Unjudged, ...] = ()
        for module in ("runs_read", "findings"):
            monkeypatch.setattr(f"tilework.studio.{module}.diagnose", self)

    def __call__(self, *_: object, **__: object) -> Diagnosis:
        return Diagnosis(self.findings, self.unjudged)


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> FakeDoctor:
    return FakeDoctor(monkeypatch)


@pytest.fixture
def trainer(root: Path) -> Iterator[FakeTrainer]:
    found = FakeTrainer(root)
    found.run.spec_file.write_text(SPEC)
    for _ in range(4):
        found.steps(25)
        found.store.log(
            found.step, found.step / 25, {"mse": 0.1, "psnr": 12.0, "perplexity": 200.0 / found.step}, "val"
        )
        found.keep()
    yield found
    with contextlib.suppress(Exception):
        found.end()  # where the test has not


def validated(trainer: FakeTrainer, *findings: Finding) -> None:
    """A validation, after which the doctor of the run has found something."""
    trainer.steps(1)
    trainer.store.log(trainer.step, trainer.step / 25, {"mse": 0.1, "psnr": 12.0, "perplexity": 1.12}, "val")
    for finding in findings:
        kept.keep(trainer.store, finding.step, FOUND, finding)
    trainer.store.flush()


def test_a_finding_arrives_while_it_trains(page: Any, served: Any, trainer: FakeTrainer, doctor: FakeDoctor) -> None:
    page.goto(f"{served.origin}/#/runs/{trainer.run.id}")
    card = page.get_by_role("region", name="Doctor")
    expect(card).to_have_text(re.compile(r"^\s*Doctor ?✓ ?nothing wrong\s*$"))
    doctor.findings, doctor.unjudged = (COLLAPSE, LATE, BLUR, BOUND), (LACK,)
    validated(trainer, COLLAPSE, LATE, BLUR)
    first = card.locator("article").first
    expect(first.get_by_role("heading")).to_contain_text("collapsed")
    expect(first).to_contain_text("measured 1.12, threshold 1.5")
    expect(card).to_contain_text("since step 100")
    expect(first.get_by_role("img")).to_have_attribute("aria-label", re.compile("perplexity.*threshold 1.5"))
    expect(first).to_contain_text("bottleneck.start")
    expect(first).to_contain_text("random → kmeans")
    expect(first).to_contain_text("This run stops first; it can be resumed. A new run starts anew")
    # What follows from it is folded, without a button of its own; another cause has one.
    follows = card.locator("article", has_text="blur")
    expect(follows).to_be_hidden()
    card.get_by_text("1 finding follows from it").click()
    expect(follows).to_be_visible()
    expect(follows.get_by_role("button")).to_have_count(0)
    card.get_by_text("1 more finding").click()
    expect(card.locator("article", has_text="overfitting").get_by_role("button", name="Apply")).to_be_visible()
    card.get_by_text("1 not judged").click()
    expect(card.get_by_text(lacking(LACK))).to_be_visible()
    # By keyboard.
    page.locator("body").click(position={"x": 640, "y": 300})
    page.keyboard.press("d")
    expect(first).to_be_focused()


def test_a_mark_on_the_timeline_leads_to_its_card(
    page: Any, served: Any, trainer: FakeTrainer, doctor: FakeDoctor
) -> None:
    doctor.findings = (COLLAPSE, LATE)
    for finding in doctor.findings:
        kept.keep(trainer.store, finding.step, FOUND, finding)
    trainer.store.flush()
    page.goto(f"{served.origin}/#/runs/{trainer.run.id}")
    article = page.locator("article", has_text="collapsed")
    article.wait_for()
    track = page.get_by_role("slider", name="History")
    box = track.bounding_box()
    place = (100 / 1000) ** 0.6  # of step 100, where the run stands, of 1000
    track.hover(position={"x": 8 + place * (box["width"] - 16), "y": box["height"] / 2})
    page.locator(".tip", has_text="collapsed").wait_for()
    track.click(position={"x": 8 + place * (box["width"] - 16), "y": box["height"] / 2})
    expect(article).to_be_focused()
    expect(page).to_have_url(re.compile("doctor=codebook-collapse"))
    # The address leads there again, also into a fold.
    page.goto(f"{served.origin}/#/runs/{trainer.run.id}?doctor=overfitting")
    page.reload()
    expect(page.locator("article", has_text="overfitting")).to_be_focused()


def applied(monkeypatch: pytest.MonkeyPatch, served: Any, do: Callable[[str, str], str]) -> None:
    launcher = served.studio.app.app.state.launcher
    monkeypatch.setattr(launcher, "apply", lambda run, code: do(run.id, code))


def test_a_click_stops_the_run_and_starts_one_with_the_fix(
    page: Any, served: Any, trainer: FakeTrainer, doctor: FakeDoctor, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor.findings = (COLLAPSE,)
    asked: list[tuple[str, str]] = []
    other = FakeTrainer(root, "fixed")
    applied(monkeypatch, served, lambda run, code: asked.append((run, code)) or other.run.id)
    page.goto(f"{served.origin}/#/runs/{trainer.run.id}")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("button", name="Stopping this run…")).to_be_disabled()
    wait_for(lambda: [one.kind for one in trainer.store.commands_pending()] == ["stop"])
    assert asked == [], "not before the run has ended"
    trainer.obey()
    trainer.end("stopped")
    expect(page).to_have_url(re.compile(f"#/runs/{other.run.id}$"))
    assert asked == [(trainer.run.id, "codebook-collapse")]
    other.end()


def test_a_refusal_is_reported_at_the_button(
    page: Any, served: Any, root: Path, doctor: FakeDoctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor.findings = (LATE,)

    def refuse(run: str, code: str) -> str:
        raise UserError(f"the fix of {code} was applied already", why=f"run x went out from {run}", fix="watch x")

    applied(monkeypatch, served, refuse)
    with finished_run(root) as run:
        page.goto(f"{served.origin}/#/runs/{run}")
        article = page.locator("article", has_text="overfitting")
        expect(article).to_contain_text("A new run starts with its weights.")
        expect(article).not_to_contain_text("stops first")
        article.get_by_role("button", name="Apply").click()
        expect(article.get_by_role("alert")).to_contain_text("was applied already")
        expect(article.get_by_role("button", name="Apply")).to_be_enabled()
        page.evaluate("navigator.clipboard.writeText = (text) => { window.__copied = text; return Promise.resolve() }")
        article.get_by_role("button", name="Copy command").click()
        page.get_by_text("Copied").wait_for()
        command = page.evaluate("window.__copied")
        assert command.startswith("tilework train --from ")
        assert command.endswith(" --apply overfitting")


def test_the_list_of_runs_shows_the_worst(page: Any, served: Any, trainer: FakeTrainer, doctor: FakeDoctor) -> None:
    doctor.findings = (COLLAPSE, LATE)
    validated(trainer, COLLAPSE, LATE)
    page.goto(f"{served.origin}/#/")
    worst = page.locator("article", has_text=trainer.run.id).get_by_role("link", name=re.compile("^Error"))
    expect(worst).to_contain_text("collapsed")
    worst.click()
    expect(page.locator("#finding-codebook-collapse")).to_be_focused()


def test_labels_open_their_terms(page: Any, served: Any, trainer: FakeTrainer, doctor: FakeDoctor) -> None:
    trainer.frame()
    page.goto(f"{served.origin}/#/runs/{trainer.run.id}")
    label = page.get_by_role("button", name="commitment", exact=True)
    label.click()
    card = page.get_by_role("dialog", name=re.compile("Commitment", re.IGNORECASE))
    expect(card).to_be_focused()
    expect(card.locator("code")).not_to_be_empty()
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(label).to_be_focused()
    label.click()
    page.mouse.click(640, 300)
    expect(card).to_have_count(0)
    label.click()
    expect(card).to_be_focused()
    page.evaluate("location.hash = '#/'")
    expect(card).to_have_count(0)  # its label is gone


def test_the_stages_before_the_first_step(page: Any, served: Any, root: Path, doctor: FakeDoctor) -> None:
    from tilework.runs.preflight import META, Preflight, Result, Verdict

    trainer = FakeTrainer(root)
    trainer.run.spec_file.write_text(SPEC.replace("random", "kmeans"))
    checks = Preflight(
        (Result("save-load", Verdict.PASSED, values={"bytes": 1e6}), Result("x", Verdict.WARNING, "y")), 2
    )
    trainer.store.set_meta(META, checks.as_plain())
    trainer.store.flush()
    page.goto(f"{served.origin}/#/runs/{trainer.run.id}")
    stages = page.locator("ol")
    expect(stages).to_contain_text("1 of 2 checks before the run passed, 1 warning")
    expect(stages.locator("[aria-current=step]")).to_have_text("codes placed among the data")
    trainer.store.event("codes-started", 0, points=100)
    trainer.store.flush()
    expect(stages.locator("[aria-current=step]")).to_have_text("first validation")
    trainer.step = 1
    trainer.frame()
    expect(stages).to_have_count(0)
    doctor = page.get_by_role("region", name="Doctor")
    doctor.get_by_text("nothing wrong").click()
    doctor.get_by_text("1 of 2 checks before the run passed, 1 warning").click()
    expect(doctor.get_by_text("gives back the same model")).to_be_visible()
    trainer.end()
