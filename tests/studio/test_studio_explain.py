"""What the explain page asks: a spec or a run explained, and the terms that labels open."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conforming import faults
from studio_fakes import Served

from tilework.metrics import AUTOENCODER
from tilework.protocol.explain import ExplainResponse, GlossaryResponse
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.spec import dump_yaml, load_spec


def text_of(line: list[dict[str, str]]) -> str:
    return "".join(piece["text"] for piece in line)


def test_the_glossary_has_the_terms_of_every_metric(served: Served) -> None:
    answer = served.get("/api/glossary").json()
    assert list(faults(answer, GlossaryResponse)) == []
    terms = {one["name"]: one for one in answer["terms"]}
    assert terms["perplexity"]["formula"]
    assert terms["commitment"]["purpose"]
    known = {word.replace("_", "-") for one in answer["terms"] for word in (one["name"], *one["also"])}
    named = [one.name for one in AUTOENCODER if one.headline is not None]
    assert named
    assert {name for name in named if name.replace("_", "-") not in known} == set()


@pytest.mark.usefixtures("warm_studio")
def test_a_recipe_is_explained_with_what_was_changed(served: Served) -> None:
    answer = served.post("/api/explain", {"recipe": "vq-photos", "overrides": ["bottleneck.codes=256"]}).json()
    assert list(faults(answer, ExplainResponse)) == []
    assert (answer["form"], answer["step"]) == ("recipe", None)
    assert "256" in text_of(answer["lead"])
    blocks = [block for section in answer["sections"] for block in section["blocks"]]
    (network,) = [block for block in blocks if block["kind"] == "figure" and block["drawing"] == "network"]
    drawn = set(re.findall(r'data-stage="([^"]+)"', network["svg"]))
    keys = {row["key"] for block in blocks if block["kind"] == "table" for row in block["rows"]}
    assert drawn
    assert drawn <= keys, "every stage of the drawing has a row"
    terms = {one["name"] for one in served.get("/api/glossary").json()["terms"]}
    leads_to = {
        piece["term"] for block in blocks if block["kind"] == "points" for line in block["lines"] for piece in line
    }
    assert leads_to - {""} <= terms


@pytest.mark.usefixtures("warm_studio")
def test_what_cannot_be_explained_shows_why(served: Served) -> None:
    wrong = served.post("/api/explain", {"recipe": "vq-photos", "overrides": ["bottleneck.codes=-3"]})
    assert wrong.status_code == 400
    assert "codes" in wrong.json()["error"]["what"]
    assert served.post("/api/explain", {"recipe": "no-such"}).status_code == 404
    assert served.post("/api/explain", {}).status_code == 400
    assert served.get("/api/runs/no-such/explain").status_code == 404


@pytest.mark.usefixtures("warm_studio")
def test_a_run_is_explained_with_its_numbers(served: Served, root: Path) -> None:
    run = RunFolder.create(root, "vq-photos", dump_yaml(load_spec("vq-photos")))
    with RunStore.create(run.db) as store:
        store.log(120, 1.0, {"loss": 0.5, "mse": 0.01, "psnr": 20.25, "perplexity": 40.0}, "val")
        store.set_meta("status", "stopped")
    answer = served.get(f"/api/runs/{run.id}/explain").json()
    assert list(faults(answer, ExplainResponse)) == []
    assert (answer["form"], answer["step"], answer["title"]) == ("run", 120, run.id)
    rows = [
        row
        for section in answer["sections"]
        for block in section["blocks"]
        if block["kind"] == "table"
        for row in block["rows"]
    ]
    (psnr,) = [row for row in rows if row["key"] == "psnr"]
    assert any("20.2" in text_of(cell) for cell in psnr["cells"])
    run.spec_file.unlink()
    run.spec_file.symlink_to("/etc/hostname")
    assert served.get(f"/api/runs/{run.id}/explain").status_code == 404
