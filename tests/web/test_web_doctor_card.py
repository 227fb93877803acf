"""What the doctor's card shows at once in a small window, while it looks, and beside the timeline's mark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from browser import expect, until
from doctor_examples import collapse
from fakes.trainer import FakeTrainer

from tilework.doctor import kept
from tilework.doctor.diagnosis import Diagnosis
from tilework.doctor.finding import Evidence, Finding, Fix, Severity
from tilework.runs.records import FOUND

SPEC = """name: fake
task: autoencoder
bottleneck: {kind: vq, codes: 16, start: random, revival: null}
optimizer: {lr: 0.001}
"""
COLLAPSE = collapse(
    "perplexity",
    severity=Severity.ERROR,
    step=50,
    measured=2.0,
    evidence=Evidence(("perplexity", "mse")),
    fix=Fix({"bottleneck.start": "kmeans", "bottleneck.revival": {}}, keep_weights=False),
)
BLUR = Finding("blur", Severity.WARNING, 100, 0.2, 0.5, because="codebook-collapse")
WITHIN = """(() => {
  const seen = (one) => { const box = one.getBoundingClientRect(); return box.height > 0 && box.top >= 44 && box.bottom <= 656 }
  const article = document.querySelector('.doctor article')
  const parts = [document.querySelector('.doctor h2'), article, ...article.querySelectorAll('.lead p, h3, .change, .act button')]
  return parts.length > 6 && parts.every(seen)
})()"""


@pytest.fixture
def trainer(root: Path) -> FakeTrainer:
    """A run that has ended, with a finding that holds since step 50 and was found at 100."""
    found = FakeTrainer(root)
    found.run.spec_file.write_text(SPEC)
    for _ in range(4):
        found.steps(25)
        values = {"mse": 10.0 / found.step, "psnr": 12.0, "perplexity": 200.0 / found.step}
        found.store.log(found.step, found.step / 25, values, "val")
        found.keep()
    kept.keep(found.store, 100, FOUND, COLLAPSE)
    found.store.flush()
    found.end()
    return found


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("runs_read", "findings"):
        monkeypatch.setattr(f"tilework.studio.{module}.diagnose", lambda *_, **__: Diagnosis((COLLAPSE, BLUR), ()))


@pytest.mark.usefixtures("judged")
def test_what_to_do_is_seen_without_scrolling(page: Any, served: Any, trainer: FakeTrainer) -> None:
    page.goto(f"{served.origin}/#/runs/{trainer.run.id}?doctor=first")
    article = page.locator("#finding-codebook-collapse")
    expect(article).to_be_focused()
    until(page, WITHIN)
    expect(article.locator(".change").first).to_contain_text("random → kmeans")
    # Each metric has a scale of its own; the threshold is that of the one that was judged.
    images = article.get_by_role("img")
    expect(images).to_have_count(2)
    expect(images.nth(0)).to_have_attribute("aria-label", re.compile("perplexity: .* threshold"))
    expect(images.nth(1)).not_to_have_attribute("aria-label", re.compile("threshold"))
    # To begin again is what to do: to go on is not what stands out.
    expect(page.get_by_role("button", name="Apply")).to_have_class(re.compile(r"\bmain\b"))
    going_on = page.get_by_role("button", name=re.compile("Train longer|Resume training"))
    expect(going_on).not_to_have_class(re.compile(r"\bmain\b"))
    assert page.evaluate("document.documentElement.scrollHeight") == 720


@pytest.mark.usefixtures("judged")
def test_the_card_and_the_mark_show_the_same(page: Any, served: Any, trainer: FakeTrainer) -> None:
    page.goto(f"{served.origin}/#/runs/{trainer.run.id}")
    expect(page.get_by_role("region", name="Doctor")).to_contain_text("since step 50, found at 100")
    track = page.get_by_role("slider", name="History")
    box = track.bounding_box()
    end = page.evaluate("Number(document.querySelector('.where .mute')?.textContent.replace(/[^0-9]/g, ''))")
    place = (100 / end) ** 0.6
    track.hover(position={"x": 8 + place * (box["width"] - 16), "y": box["height"] / 2})
    expect(page.locator(".tip")).to_contain_text("found here, holds since step 50")


@pytest.mark.usefixtures("judged")
def test_it_shows_that_it_looks(page: Any, served: Any, trainer: FakeTrainer) -> None:
    held: list[Any] = []
    page.route("**/findings", lambda route: held.append(route))
    page.goto(f"{served.origin}/#/runs/{trainer.run.id}?doctor=first")
    doctor = page.get_by_role("region", name="Doctor")
    expect(doctor.get_by_role("status")).to_contain_text("looks at what was measured")
    until(page, "document.querySelector('.doctor.fine') !== null")
    for _ in range(200):
        if held:
            break
        page.wait_for_timeout(50)
    held[0].continue_()
    expect(doctor.get_by_role("button", name="Apply")).to_be_visible()


def test_the_place_of_held_out_images_is_kept(page: Any, served: Any, root: Path) -> None:
    trainer = FakeTrainer(root)
    trainer.run.spec_file.write_text(SPEC)
    page.goto(f"{served.origin}/#/runs/{trainer.run.id}")
    waiting = page.get_by_text("Held-out images come with the first validation.")
    waiting.wait_for()
    place = page.locator("section", has=waiting)
    assert place.bounding_box()["height"] > 112
    trainer.end()
