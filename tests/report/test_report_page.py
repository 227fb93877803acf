"""The page of a run: whole, self-contained, honest about what is missing."""

from __future__ import annotations

import base64
import errno
import io
import math
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import children
import numpy as np
import pytest
from doctor_examples import COLLAPSED, Scripted, made_run, only
from fake_runs import grid, residual, variational
from PIL import Image

from tilework.doctor.finding import Evidence, Finding, Fix, Missing, Severity
from tilework.errors import UserError
from tilework.report import report
from tilework.report.moments import evenly
from tilework.runs.folder import RunFolder
from tilework.runs.lock import RunLock
from tilework.runs.records import Snapshot
from tilework.runs.store import RunStore

_VOID = {"meta", "img", "source", "br", "link", "input"}


class Page(HTMLParser):
    """A page taken apart: elements, text, images; fails on a tag that is not closed in its place."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data + " "

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def headings(self) -> int:
        return len(self.all("h2"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return residual(tmp_path_factory.mktemp("runs"), steps=1500)


@pytest.fixture(scope="module")
def page(run: RunFolder) -> Page:
    path = report(run)
    assert path == run.path / "report.html"
    return Page(path)


def test_it_stands_alone(page: Page) -> None:
    used = {
        value
        for _, attrs in page.elements
        for name, value in attrs.items()
        if name in {"src", "srcset", "href", "data", "action"}
    }
    assert used
    assert all(value is not None and value.startswith("data:image/png;base64,") for value in used)
    names = {name for name, _ in page.elements}
    assert not names & {"script", "link", "iframe", "object", "embed", "form"}
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    policy = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    style = (Path(sys.modules["tilework.report"].__file__ or "").parent / "page.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_it_shows_every_part(page: Page) -> None:
    for part in ("held-out reconstructions", "latent space", "curves", "code usage", "reconstructions over time",
                 "latent space over time", "events", "spec"):  # fmt: skip
        assert part in page.text
    assert f"{-10 * math.log10(0.032 + 0.2 * math.exp(-5)):.2f}" in page.text  # dB of the last held-out pass
    assert "perplexity 14.7 of 16 · N 180 · N/K 11.2" in page.text
    assert "finished" in page.text
    assert "resumed" in page.text
    assert "about: <b>not bold</b> & more" in page.text  # the spec is text, not HTML
    assert page.all("b") == []


def test_images_come_in_both_themes_with_words_and_as_files(page: Page, run: RunFolder) -> None:
    images, sources = page.all("img"), page.all("source")
    assert all(len(image["alt"] or "") > 10 for image in images)
    assert {s["media"] for s in sources} == {"(prefers-color-scheme: dark)"}
    files = {p.name: p.read_bytes() for p in (run.path / "report").iterdir()}
    embedded = [base64.b64decode((i.get("src") or i["srcset"] or "").split(",")[1]) for i in [*images, *sources]]
    assert sorted(embedded) == sorted(files.values())
    for name, data in files.items():
        Image.open(io.BytesIO(data)).verify()
        if name.endswith("-light.png"):
            assert data != files[name.replace("-light", "-dark")]
    assert {"curves-learning-light.png", "usage-dark.png", "latent-level-2-light.png", "reconstructions.png"} <= set(
        files
    )


def test_images_of_pixels_are_shown_in_their_own_size(page: Page) -> None:
    for image in page.all("img"):
        data = base64.b64decode((image["src"] or "").split(",")[1])
        wide, high = Image.open(io.BytesIO(data)).size
        shown = (int(image["width"] or 0), int(image["height"] or 0))
        if "pixelated" in (image.get("class") or ""):
            assert shown == (wide, high)
        else:  # figures have two pixels to a CSS pixel
            assert abs(shown[0] - wide / 2) <= 1
            assert abs(shown[1] - high / 2) <= 1


def test_the_rows_over_time_are_the_stored_images(run: RunFolder, page: Page) -> None:
    with np.load(run.snapshots / "reconstructions-00001000.npz") as stored:
        first = stored["reconstructions"][0]
    drawn = np.asarray(Image.open(run.path / "report" / "over-time-00001000.png"))
    np.testing.assert_array_equal(drawn[:56:2, :56:2, 0], first[..., 0])


def test_a_large_codebook_with_few_tokens_and_a_finding(tmp_path: Path) -> None:
    run = grid(tmp_path)
    with RunLock(run):
        page = Page(report(run, tmp_path / "elsewhere"))
    assert (tmp_path / "elsewhere" / "report.html").is_file()
    assert not (run.path / "report").exists()
    assert "running" in page.text
    assert "N = 6,000 tokens cannot touch all K = 4,096 codes: used equally often, they would reach 76.9%" in page.text
    assert "latent space" not in page.text


def test_findings_have_their_curves_their_image_and_their_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Grey(Scripted):
        def judge(self, case: object) -> Finding | None:  # type: ignore[override]
            evidence = Evidence(("perplexity.1", "nothing"), steps=(0, 400), image="findings/grey.png")
            return Finding("", Severity.ERROR, 200, 1.1, 1.5, {}, evidence, Fix({"optimizer.lr": 1e-4}))

    follows = Scripted({0: 2.0})
    follows.follows_from = ("grey",)  # type: ignore[misc]
    only(monkeypatch, grey=Grey({}), blur=follows, leak=Scripted({0: Missing.VALIDATION}))
    run = made_run(tmp_path, val=COLLAPSED)
    (run.path / "findings").mkdir()
    Image.new("RGB", (4, 4), (9, 9, 9)).save(run.path / "findings" / "grey.png")
    page = Page(report(run))
    files = {file.name for file in (run.path / "report").iterdir()}
    assert {"finding-grey-light.png", "finding-grey-dark.png", "finding-grey-image.png"} <= files
    for words in (
        "scripted 1.1", "error · grey · since step 200 · measured 1.1, threshold 1.5", "follows from grey",
        f"tilework train --from {run.typed} --apply grey", "sets optimizer.lr=0.0001", "leak: no validation yet",
    ):  # fmt: skip
        assert words in page.text, words
    kinds = [attrs["class"] for attrs in page.all("div") if (attrs.get("class") or "").startswith("finding")]
    assert kinds == ["finding error", "finding error follows"]
    (run.path / "findings" / "grey.png").unlink()
    (run.path / "findings" / "grey.png").symlink_to("/etc/hostname")
    report(run, tmp_path / "again")
    assert not (tmp_path / "again" / "report" / "finding-grey-image.png").exists()


def test_a_variational_run_shows_its_dimensions(tmp_path: Path) -> None:
    page = Page(report(variational(tmp_path), tmp_path / "vae.html"))
    assert (tmp_path / "vae.html").is_file()
    assert (tmp_path / "vae" / "dimensions-dark.png").is_file()
    assert "latent dimensions" in page.text
    assert "code usage" not in page.text
    assert "None yet" in page.text


def test_a_run_that_has_only_begun(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "vq", "name: vq\n")
    with pytest.raises(UserError, match="has no store"):
        report(run)
    RunStore.create(run.db).close()
    page = Page(report(run))
    assert "Nothing was logged yet" in page.text
    assert "crashed" in page.text


def test_lost_snapshots_are_named_and_nothing_outside_is_read(tmp_path: Path) -> None:
    run = variational(tmp_path / "runs")
    np.savez(
        tmp_path / "secret.npz",
        originals=np.zeros((1, 4, 4, 1), np.uint8),
        reconstructions=np.zeros((1, 4, 4, 1), np.uint8),
    )
    with RunStore.open(run.db, readonly=False) as store:
        store.snapshot(3, 0.5, "reconstructions", "../../secret.npz")
        store.snapshot(4, 0.5, "usage", "snapshots/gone.npz")
        store.snapshot(5, 0.5, "latent", "snapshots/half.npz")
        store.snapshot(20, 0.5, "latent", "snapshots/odd.npz")
    (run.snapshots / "half.npz").write_bytes((run.snapshots / "latent-00000009.npz").read_bytes()[:300])
    np.savez(run.snapshots / "odd.npz", nothing=np.zeros(1))
    page = Page(report(run))
    for name in ("../../secret.npz", "gone.npz", "half.npz", "odd.npz"):
        assert name in page.text
    assert "None yet" in page.text


def test_a_page_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder.create(tmp_path, "vq", "name: vq\n")
    with RunStore.create(run.db) as store:
        store.log(1, 0.1, {"loss": 1.0})
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written") as caught:
        report(run, tmp_path / "file" / "deep")
    assert "--out" in caught.value.fix

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="no space left"):
        report(run)
    assert not (run.path / "report.html").exists()


def test_moments_are_spread_with_first_and_last() -> None:
    rows = [Snapshot(i, i * 10, i / 2, "usage", "x") for i in range(50)]
    chosen = [r.id for r in evenly(rows, 8)]
    assert chosen == [0, 7, 14, 21, 28, 35, 42, 49]
    assert [r.id for r in evenly(rows[:3], 8)] == [0, 1, 2]


def test_it_can_be_made_while_the_run_is_written(tmp_path: Path) -> None:
    run = grid(tmp_path)
    code = (
        "import sys, pathlib, time\nfrom tilework.runs.store import RunStore\n"
        "with RunStore.open(pathlib.Path(sys.argv[1]), readonly=False) as s:\n"
        "    print('on', flush=True)\n"
        "    for step in range(10, 10**7): s.log(step, step / 50, {'loss': 1 / step}); time.sleep(0.0005)\n"
    )
    process = children.start([sys.executable, "-c", code, str(run.db)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        assert Page(report(run)).headings > 3
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
