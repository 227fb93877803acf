"""docs/dream.md: its commands run in their order on small runs, and so does its Python."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Outcome
from dreamt import image_prior, trained_prior
from explored import spec_of

from tilework.dream.novelty import Verdict
from tilework.dream.words import _NOVELTY
from tilework.runs.folder import RunFolder

SHRUNK = {
    "vq-mnist": ["data=digits", "bottleneck.codes=16", "engine.start_batches=1"],
    "gpt-prior": ["prior.width=16", "prior.heads=2", "prior.depth=1", "data.validate_items=8"],
}
"""Smaller stand-ins of what the page trains from the beginning."""
SMALL = ["engine.steps=4", "engine.batch_size=16", "engine.threads=1", "engine.device=cpu"]
PAGE = Path(__file__).parents[2] / "docs" / "dream.md"


def test_the_page_names_every_sentence() -> None:
    rows = {row.split("|")[1].strip() for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith("|")}
    assert {_NOVELTY[verdict] for verdict in Verdict} <= rows


def test_the_page_runs(
    tilework: Callable[..., Outcome],
    once: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import tilework as package

    monkeypatch.chdir(tmp_path)
    prior, images = trained_prior(once), image_prior(once)
    vae = once("explored-gaussian", lambda folder: package.train(spec_of("gaussian"), runs=folder))
    shutil.copytree(prior.path.parent, tmp_path / "runs")
    stand_ins = {
        "last": str(tmp_path / "runs" / prior.id),
        "TOKENS-RUN": str(next(run for run in images.path.parent.iterdir() if run != images.path)),
        "VAE-RUN": str(RunFolder.find("last", vae).path),
    }
    text = PAGE.read_text(encoding="utf-8")
    ran = []
    for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            words = line.split(" #")[0].split()
            road = (
                "vq-mnist" in block
            )  # from nothing to samples; all other blocks dream with what was trained beforehand
            if words[1] == "train":
                if road:
                    outcome = tilework(*words[1:], *SHRUNK[words[2]], *SMALL, "--runs", tmp_path / "road")
                    assert outcome.code == 0, f"{line}: {outcome.err}"
                    ran.append(words[2])
                continue
            more = ["--runs", tmp_path / "road"] if road else []
            outcome = tilework(*(word if road else stand_ins.get(word, word) for word in words[1:]), *more)
            assert outcome.code == 0, f"{line}: {outcome.err}"
            ran.append(words[1])
    assert ran.count("dream") == 11
    assert set(SHRUNK) <= set(ran)
    assert {"repaint", "latent-walk"} <= set(ran)
    assert len(list(Path("FRAMES").iterdir())) == 24
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.setenv("TILEWORK_RUNS", str(tmp_path / "runs"))
    exec(compile(example.replace('"last"', repr(stand_ins["last"])), "dream.md", "exec"), {})
    assert Path("loop.html").is_file()
