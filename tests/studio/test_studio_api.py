"""What the routes answer about runs, and what they refuse."""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

import children
import numpy as np
import pytest
from fakes.trainer import FakeTrainer
from studio_fakes import Served, serving

from tilework.errors import RunFailure, UserError
from tilework.metrics import AUTOENCODER
from tilework.runs import stage
from tilework.runs.folder import RunFolder
from tilework.runs.frames import pack, unpack
from tilework.runs.lock import RunLock
from tilework.studio import curves
from tilework.studio.starts import why_it_ended
from tilework.studio.steered import as_overrides, steered


def test_runs_and_one_run(served: Served, trainer: FakeTrainer) -> None:
    trainer.steps(200)
    trainer.store.log(200, 20.0, {"mse": 0.01, "psnr": float("inf")}, "val")
    trainer.store.flush()
    answer = served.get("/api/runs").json()
    (card,) = answer["runs"]
    assert answer["root"] == str(served.studio.root.path)
    assert (card["id"], card["name"], card["status"], card["step"]) == (trainer.run.id, "fake", "running", 200)
    assert card["val"] == {"mse": 0.01, "psnr": None}
    assert card["headlines"] == [
        {"label": "MSE", "unit": "", "values": [0.01], "most": None},
        {"label": "PSNR", "unit": "dB", "values": [None], "most": None},
    ]
    assert 10 < len(card["spark"]["loss"]) <= 50
    assert card["spark"]["step"][-1] == 200
    found = served.get(f"/api/runs/{trainer.run.id}").json()
    assert set(found) == {"card", "spec", "facts", "metrics", "steerable", "log"}
    assert found["metrics"] == AUTOENCODER.as_list()
    assert "metrics" not in found["facts"]
    assert found["spec"]["objective"] == {"commitment": 0.25}
    all_rows = served.get(f"/api/runs/{trainer.run.id}/curves").json()
    assert all_rows["train"]["step"] == list(range(1, 201))
    thinned = served.get(f"/api/runs/{trainer.run.id}/curves?most=50").json()["train"]
    assert len(thinned["step"]) <= 50
    assert thinned["step"][0] == 1
    assert thinned["step"][-1] == 200
    assert thinned["series"]["loss"] == pytest.approx([1 / step for step in thinned["step"]])
    assert served.get(f"/api/runs/{trainer.run.id}/marks").json()["marks"][0]["text"] == "training started"
    assert served.get(f"/api/runs/{trainer.run.id}/timeline").json() == {"steps": []}


def test_a_card_is_read_anew_only_when_its_run_has_changed(
    served: Served, trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    import tilework.studio.cards as module

    monkeypatch.setattr(module, "run_card", lambda folder, real=module.run_card: read.append(folder.id) or real(folder))
    served.state.cards.all()
    served.state.cards.all()
    assert len(read) == 1
    trainer.steps(1)
    assert served.state.cards.all()[0]["step"] == 1
    assert len(read) == 2


def test_stored_frames_and_thumbs(served: Served, trainer: FakeTrainer, tmp_path: Path) -> None:
    run = trainer.run
    data = pack({"v": 1, "step": 5}, {"points": np.arange(6, dtype=np.float32).reshape(3, 2)})
    (run.snapshots / "live-00000005.frame").write_bytes(zlib.compress(data))
    (run.snapshots / "live-00000006.frame").write_bytes(zlib.compress(data)[:-9])
    (run.snapshots / "live-00000007.frame").write_bytes(zlib.compress(bytes(100 * 2**20)))
    (tmp_path / "secret").write_bytes(zlib.compress(b"classified"))
    (run.snapshots / "live-00000008.frame").symlink_to(tmp_path / "secret")
    for step, file in {
        5: "snapshots/live-00000005.frame", 6: "snapshots/live-00000006.frame", 7: "snapshots/live-00000007.frame",
        8: "snapshots/live-00000008.frame", 9: "snapshots/live-9/../../../../secret.frame", 10: "snapshots/live-10.frame",
    }.items():  # fmt: skip
        trainer.store.snapshot(step, 0.5, "live", file)
    images = np.full((8, 28, 28, 1), 200, np.uint8)
    np.savez_compressed(run.snapshots / "r.npz", reconstructions=images)
    trainer.store.snapshot(5, 0.5, "reconstructions", "snapshots/r.npz")
    trainer.store.flush()
    assert served.get(f"/api/runs/{run.id}/timeline").json()["steps"] == [5, 6, 7, 8, 9, 10]
    frame = served.get(f"/api/runs/{run.id}/frames/5")
    assert frame.content == data
    assert unpack(frame.content)[1]["points"][2, 1] == 5.0
    for step in (4, 6, 7, 8, 9, 10, 2**70):
        answer = served.get(f"/api/runs/{run.id}/frames/{step}")
        assert answer.status_code == 404, step
        assert b"classified" not in answer.content
    thumb = served.get(served.get("/api/runs").json()["runs"][0]["thumb"])
    assert thumb.headers["content-type"] == "image/png"
    assert thumb.content.startswith(b"\x89PNG")
    np.savez_compressed(run.snapshots / "r.npz", reconstructions=np.array([{}], dtype=object))
    assert served.get(f"/api/runs/{run.id}/thumb.png").status_code == 404


def test_the_card_of_a_prior_shows_its_samples(served: Served, trainer: FakeTrainer) -> None:
    assert served.get("/api/runs").json()["runs"][0]["thumb"] is None
    samples = np.full((4, 8, 16, 16, 1), 90, np.uint8)
    np.savez_compressed(trainer.run.snapshots / "s.npz", samples=samples)
    trainer.store.snapshot(7, 0.5, "samples", "snapshots/s.npz")
    trainer.store.flush()
    thumb = served.get(served.get("/api/runs").json()["runs"][0]["thumb"])
    assert thumb.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "run_id",
    [
        "%2e%2e",
        "..%2f..",
        "a%2fb",
        "%2fetc",
        "..%5c",
        "x%00",
        ".studio",
        ".trash",
        "nowhere",
        "a" * 300,
        "%ff",
        "C:",
    ],
)
def test_an_id_is_never_a_path(served: Served, trainer: FakeTrainer, root: Path, run_id: str) -> None:
    RunFolder.create(root.parent, "outside", "name: outside\n")
    (root / ".studio").mkdir()
    (root / ".studio" / "run.json").write_text("{}")
    for path in ("", "/curves", "/marks", "/thumb.png", "/frames/1", "/form"):
        assert served.get(f"/api/runs/{run_id}{path}").status_code == 404, path
    assert served.post(f"/api/runs/{run_id}/delete").status_code in {404, 405}
    assert served.get("/api/compare", params={"a": trainer.run.id, "b": "../outside"}).status_code == 404
    assert len(served.get("/api/runs").json()["runs"]) == 1


def test_links_are_not_followed(served: Served, trainer: FakeTrainer, root: Path, tmp_path: Path) -> None:
    elsewhere = RunFolder.create(tmp_path / "elsewhere", "other", "name: other\n")
    (root / "linked").symlink_to(elsewhere.path)
    assert [run["id"] for run in served.get("/api/runs").json()["runs"]] == [trainer.run.id]
    assert served.get("/api/runs/linked").status_code == 404
    assert served.post("/api/runs/linked/delete").status_code == 404
    (tmp_path / "secret.yaml").write_text("secret: 1\n")
    trainer.run.spec_file.unlink()
    trainer.run.spec_file.symlink_to(tmp_path / "secret.yaml")
    assert served.get(f"/api/runs/{trainer.run.id}").json()["spec"] == {}
    assert served.get(f"/api/runs/{trainer.run.id}/form").status_code == 404


def test_damaged_and_unreadable_folders_are_listed_with_the_reason(served: Served, root: Path) -> None:
    damaged, unreadable = RunFolder.create(root, "damaged", "name: a\n"), RunFolder.create(root, "unreadable", "[")
    damaged.db.write_bytes(b"nothing" * 1000)
    unreadable.info_file.write_text('{"format": 99, "tilework": "9"}')
    cards = {run["id"]: run for run in served.get("/api/runs").json()["runs"]}
    assert "damaged" in cards[damaged.id]["problem"]
    assert "format 99" in cards[unreadable.id]["problem"]
    for run in (damaged, unreadable):
        assert cards[run.id]["status"] == "unreadable"
        assert served.get(f"/api/runs/{run.id}").status_code == 200
        assert served.get(f"/api/runs/{run.id}/thumb.png").status_code in {400, 404}
    answer = served.get(f"/api/runs/{damaged.id}/curves")
    assert answer.status_code == 400
    assert "damaged" in answer.json()["error"]["what"]


def test_compare_names_each_difference(served: Served, root: Path) -> None:
    a = RunFolder.create(root, "a", "name: a\nseed: 0\nabout: one\nbottleneck:\n  kind: vq\n  codes: 16\n")
    b = RunFolder.create(root, "b", "name: a\nseed: 1\nabout: two\nbottleneck:\n  kind: fsq\n  levels: [8, 5]\n")
    found = served.get("/api/compare", params={"a": a.id, "b": b.id}).json()["differences"]
    assert found == [
        {"field": "seed", "a": 0, "b": 1},
        {"field": "bottleneck.kind", "a": "vq", "b": "fsq"},
        {"field": "bottleneck.codes", "a": 16, "b": None},
        {"field": "bottleneck.levels", "a": None, "b": [8, 5]},
    ]


def test_what_was_set_by_hand_is_compared_and_can_be_begun_with(
    served: Served, trainer: FakeTrainer, root: Path
) -> None:
    trainer.store.event("set", 10, name="objective.commitment", before=0.25, value=0.5)
    trainer.store.event("set", 20, name="objective.commitment", before=0.5, value=1.5)
    trainer.store.event("set", 30, name="bottleneck.revival.threshold", before=0.1, value=0)
    trainer.store.flush()
    other = RunFolder.create(root, "other", trainer.run.spec_file.read_text())
    found = served.get("/api/compare", params={"a": trainer.run.id, "b": other.id}).json()["differences"]
    assert found == [
        {"field": "objective.commitment.weight (steered)", "a": "0.5 from step 11 to 20, 1.5 since step 21", "b": None},
        {"field": "bottleneck.revival.threshold (steered)", "a": "0 since step 31", "b": None},
    ]
    assert as_overrides(steered(trainer.run)) == {"objective.commitment.weight": "1.5", "bottleneck.revival": "null"}
    trainer.store.rewind(15)  # a resume from a checkpoint of step 15: what was set after it is undone
    assert as_overrides(steered(trainer.run)) == {"objective.commitment.weight": "0.5"}
    assert steered(other) == {}


def test_a_value_that_was_put_back_is_still_part_of_the_comparison(trainer: FakeTrainer) -> None:
    for step, value in ((640, 3.0), (640, 2.0), (640, 1.0), (851, 0.25), (900, 0.25)):  # a slider sends several at once
        trainer.store.event("set", step, name="objective.commitment", before=0.25, value=value)
    trainer.store.flush()
    (turned,) = steered(trainer.run).values()
    assert turned.words == "1 from step 641 to 851, 0.25 since step 852"
    assert turned.value == 0.25
    for step in range(1000, 1020, 2):
        trainer.store.event("set", step, name="objective.commitment", before=0, value=float(step))
    trainer.store.flush()
    (turned,) = steered(trainer.run).values()
    assert turned.words.startswith("1 from step 641 to 851, 7 more values, 1012 from step 1,013 to 1,014, 1014 from")
    assert turned.words.endswith("1018 since step 1,019")


def test_delete_moves_to_the_trash_and_never_a_run_that_trains(
    served: Served, trainer: FakeTrainer, root: Path
) -> None:
    answer = served.post(f"/api/runs/{trainer.run.id}/delete")
    assert answer.status_code == 409
    assert "being trained" in answer.json()["error"]["what"]
    assert trainer.run.path.is_dir()
    trainer.end()
    for again in range(2):
        answer = served.post(f"/api/runs/{trainer.run.id}/delete")
        assert answer.status_code == 200, answer.text
        moved = Path(answer.json()["trash"])
        assert moved.parent == served.studio.root.path / ".trash"
        assert (moved / "run.db").is_file()
        with RunLock(moved):
            pass  # nobody holds it
        assert not trainer.run.path.exists()
        assert served.post(f"/api/runs/{trainer.run.id}/delete").status_code == 404
        if not again:  # another run of the same name
            RunFolder.create(root, "x", "name: x\n").path.rename(trainer.run.path)
            (trainer.run.path / "run.db").touch()


@pytest.mark.parametrize(
    ("body", "status"),
    [("[1]", 400), ("nonsense", 400), ('{"overrides": NaN}', 400), ('{"recipe": 3}', 400), ("{}", 400),
     ('{"recipe": "rqvae-digits", "from": "x"}', 400), ('{"recipe": "/etc/passwd"}', 404), ('{"recipe": "../x.yaml"}', 404),
     ('{"from": "../x"}', 404), ('{"recipe": "rqvae-digits", "overrides": "a=1"}', 400),
     ('{"recipe": "rqvae-digits", "overrides": [1]}', 400),
     ('{"recipe": "rqvae-digits", "overrides": ["' + "x" * 5000 + '"]}', 400),
     ('{"recipe": "' + "x" * 300_000 + '"}', 413), ("[" * 50_000, 400)],
)  # fmt: skip
def test_bad_bodies_are_refused_with_a_reason(served: Served, body: str, status: int) -> None:
    for path in ("/api/check", "/api/runs"):
        answer = served.ask("POST", path, content=body)
        assert answer.status_code == status, answer.text[:200]
        assert answer.json()["error"]["what"]


def test_bad_numbers_in_addresses(served: Served, trainer: FakeTrainer) -> None:
    for most in ("0", "1", "-5", "x", "1e9", "99999999999999", "²", ""):
        assert served.get(f"/api/runs/{trainer.run.id}/curves", params={"most": most}).status_code == 400, most
    assert served.get(f"/api/runs/{trainer.run.id}/frames/-1").status_code == 404
    assert served.get("/api/nothing").json()["error"]["what"]


def test_a_long_run_is_thinned_by_its_index(trainer: FakeTrainer) -> None:
    """The query reads what it sends, not the whole of a long run."""
    trainer.steps(5000)
    import sqlite3

    connection = sqlite3.connect(trainer.run.db)
    seen = 0

    def count() -> int:
        nonlocal seen
        seen += 1
        return 0

    connection.set_progress_handler(count, 1000)
    found = curves.whole(connection, "train", 100)
    connection.close()
    assert len(found["step"]) <= 100
    assert found["step"][-1] == 5000
    assert seen < 400, "thousands of virtual machine steps: about 70 a row of the index, none for each value"


def test_pages_are_served_long_lived_and_packed(root: Path, tmp_path: Path) -> None:
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html>studio")
    (page / "assets" / "main-abc.js").write_text("let a = 1")
    import gzip

    (page / "assets" / "main-abc.js.gz").write_bytes(gzip.compress(b"let a = 1"))
    (tmp_path / "secret.js").write_text("secret")
    (page / "assets" / "link.js").symlink_to(tmp_path / "secret.js")
    with serving(root, page) as served:
        index = served.get("/")
        assert (index.status_code, index.text) == (200, "<!doctype html>studio")
        assert index.headers["cache-control"] == "no-cache"
        packed = served.get("/assets/main-abc.js")
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["content-type"].startswith("text/javascript")
        assert "immutable" in packed.headers["cache-control"]
        assert packed.text == "let a = 1"
        plain = served.get("/assets/main-abc.js", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.text == "let a = 1"
        for path in ("/assets/../index.html", "/assets/%2e%2e/index.html", "/assets/link.js", "/assets/", "/assets/none.js",
                     "/assets/..%2f..%2fsecret.js", "/assets//etc/passwd", "/assets/%00"):  # fmt: skip
            assert served.get(path).status_code == 404, path


def test_a_page_that_was_not_built_is_reported_plainly(root: Path, tmp_path: Path) -> None:
    with serving(root, tmp_path / "none") as served:
        answer = served.get("/")
        assert answer.status_code == 503
        assert "not built" in answer.text
        assert served.get("/api/runs").status_code == 200


def test_what_ended_a_process_becomes_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, file = tmp_path / "log", tmp_path / "stage"
    log.write_text("loading\nerror: nothing of what is printed is read\n  fix: x\n")
    monkeypatch.setenv(stage.FILE, str(file))
    stage.note_error(UserError("there is no folder /x"))
    assert not file.exists(), "nothing is written where nobody reads"
    assert "nothing of what is printed" in why_it_ended(log, file, 1).why
    file.touch()
    error = UserError("data.path: there is none", why="it was\nremoved", fix="data.path=FOLDER", field="data.path")
    stage.note_error(error)
    cause = why_it_ended(log, file, 2)
    assert isinstance(cause, UserError)
    assert vars(cause) == vars(error)
    assert stage.read(file) is None
    stage.note_error(RunFailure("the disk is full"))
    assert isinstance(why_it_ended(log, file, 1), RunFailure)
    file.write_text("{half")
    assert "exit code -11" in why_it_ended(log, file, -11).what


def test_the_server_imports_no_torch() -> None:
    code = """
import sys, tempfile, pathlib, json
from starlette.testclient import TestClient
from tilework.runs.folder import RunFolder
from tilework.studio.app import build
from tilework.studio.guard import Keys
from tilework.studio.paths import Root
import tilework.studio.server, tilework.cli.studio
runs = pathlib.Path(tempfile.mkdtemp())
run = RunFolder.create(runs, "a", "name: a\\nbottleneck: {kind: vq}\\n")
keys = Keys(frozenset({"127.0.0.1:1"}), 1)
with TestClient(build(Root.of(runs), keys), base_url="http://127.0.0.1:1", cookies={keys.cookie: keys.session}) as client:
    for path in ("/", "/api/runs", f"/api/runs/{run.id}", f"/api/compare?a={run.id}&b={run.id}", f"/api/runs/{run.id}/thumb.png"):
        client.get(path)
heavy = {"torch", "accelerate", "sklearn", "matplotlib", "scipy"} & set(sys.modules)
print(json.dumps(sorted(heavy)))
"""
    done = children.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
