"""The report of a run, made by the studio; and what its lists hold for the page to show."""

from __future__ import annotations

import os
import shutil

from studio_fakes import Served, serving

from tilework.runs.folder import RunFolder
from tilework.spec.load import recipe_names
from tilework.spec.shipped import instead


def test_a_report_is_the_page_of_the_command_and_leaves_nothing_behind(small_run: RunFolder) -> None:
    before = sorted(path.name for path in small_run.path.iterdir())
    with serving(small_run.path.parent) as served:
        answer = served.get(f"/api/runs/{small_run.id}/report")
        (card,) = served.get("/api/runs").json()["runs"]
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert small_run.id in answer.text
    assert "data:image/png" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy  # none may run: the page cannot make use of the studio's key
    assert sorted(path.name for path in small_run.path.iterdir()) == before
    assert card["folder"] == str(small_run.path)  # for what is copied from the page


def test_a_run_that_cannot_be_read_is_reported_and_a_link_is_not_followed(small_run: RunFolder) -> None:
    linked = small_run.path.parent / "linked"
    shutil.copytree(small_run.path, linked)
    (linked / "run.db").unlink()
    os.symlink(small_run.db, linked / "run.db")
    with serving(small_run.path.parent) as served:
        assert served.get("/api/runs/none/report").status_code == 404
        refused = served.get("/api/runs/linked/report")
    assert refused.status_code == 404
    assert "is a link" in refused.json()["error"]["what"]


def test_recipes_that_fail_on_purpose_name_the_one_to_train(served: Served) -> None:
    shipped = {one["name"]: one["instead"] for one in served.get("/api/recipes").json()["recipes"]}
    fails = {name: other for name, other in shipped.items() if other is not None}
    assert set(fails) == {"gamefactory-v2.1.0", "minerl-v1.0"}
    assert set(fails.values()) <= set(recipe_names()) - set(fails)
    assert instead("rqvae-digits") is None
