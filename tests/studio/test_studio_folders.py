"""Images brought through the page's routes: what it may look into, what is proposed, and the run that comes of it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from conforming import faults
from image_folders import TINY, animation, photos
from PIL import Image
from studio_fakes import Served, serving

from tilework.errors import UserError
from tilework.protocol.folders import SuggestResponse
from tilework.protocol.http import FormResponse
from tilework.runs.folder import RunFolder
from tilework.studio.folders import Folders
from tilework.studio.responses import NotHere


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with images, something hidden, and links."""
    folder = tmp_path / "home" / "ada"
    photos(folder / "pets", 24, labels=2)
    animation(folder / "pets" / "moving.gif", 3)
    (folder / "pets" / "notes.txt").write_text("a text")
    for name in (".secret", "a10", "a9"):
        (folder / name).mkdir()
    photos(tmp_path / "elsewhere", 3)
    (folder / "away").symlink_to(tmp_path / "elsewhere")
    (folder / "again").symlink_to(folder / "pets")
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def served(root: Path, home: Path) -> Iterator[Served]:
    with serving(root) as found:
        yield found


def test_a_folder_is_listed_without_what_is_hidden_or_leads_out(home: Path) -> None:
    found = Folders.of().listing(None)
    assert found["path"] == str(home)
    assert found["parent"] is None
    assert [one["name"] for one in found["folders"]] == ["a9", "a10", "again", "pets"]
    pets = Folders.of().listing(str(home / "pets"))
    assert (pets["parent"], pets["images"], pets["moving"], pets["others"]) == (str(home), 0, 1, 1)
    assert Folders.of().listing("~/again")["path"] == str(home / "pets")
    assert Folders.of().listing(str(home / "pets" / "moving.gif"))["path"] == str(home / "pets")


@pytest.mark.parametrize(
    "sent",
    ["/", "/etc", "{home}/..", "{home}/../..", "{home}/away", "{home}/away/00000.png", "{home}/pets/../../../elsewhere",
     "{home}x", "{home}/.secret", "{home}/pets/../.secret", "pets", ".", "", " ", "\0", "{home}/\0", "~nobody-of-this-name/x",
     "x" * 5000, "/" * 3000, "//etc//passwd"],
)  # fmt: skip
def test_no_path_leads_out_of_the_home_folder(home: Path, sent: str) -> None:
    with pytest.raises(UserError) as refused:
        Folders.of().allowed(sent.format(home=home))
    assert refused.value.fix
    assert not isinstance(refused.value, NotHere)  # what is outside is refused whether it is there or not


def test_a_link_that_is_made_between_two_requests_is_followed_first(home: Path, tmp_path: Path) -> None:
    folders = Folders.of()
    assert folders.allowed(str(home / "a9"))
    (home / "a9").rmdir()
    (home / "a9").symlink_to("/etc")
    with pytest.raises(UserError, match="outside"):
        folders.allowed(str(home / "a9"))


def test_other_folders_are_open_where_the_studio_was_started_with_them(home: Path, tmp_path: Path) -> None:
    folders = Folders.of([tmp_path / "elsewhere"])
    assert folders.allowed(str(home / "away")) == tmp_path / "elsewhere"
    assert [one["name"] for one in folders.listing(None)["roots"]] == ["Home", "elsewhere"]
    with pytest.raises(UserError, match="there is no folder"):
        Folders.of([tmp_path / "nowhere"])


def test_the_root_of_the_disk_is_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    assert Folders.of().roots == ()
    with pytest.raises(UserError, match="no folder is open"):
        Folders.of().listing(None)


def test_a_folder_that_cannot_be_listed_or_has_very_many_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(10**6))
    monkeypatch.setattr("tilework.studio.folders.time.monotonic", lambda: next(moments))
    assert not Folders.of().listing(None)["whole"]
    monkeypatch.setattr("tilework.studio.folders.MOST_LISTED", 2)
    monkeypatch.setattr("tilework.studio.folders._SECONDS", 1e9)
    short = Folders.of().listing(None)
    assert (len(short["folders"]), short["whole"]) == (2, False)

    def denied(path: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(UserError, match="cannot be listed"):
        Folders.of().listing(None)


def test_the_routes_stand_behind_the_guard(served: Served, home: Path) -> None:
    at = f"/api/folders?at={quote(str(home))}"
    body = json.dumps({"paths": [str(home / "pets")]})
    for wrong in ({"cookie": ""}, {"origin": "http://evil.example"}, {"host": "evil.example"}):
        assert served.get(at, headers=wrong).status_code == 403
        assert served.ask("POST", "/api/suggest", content=body, headers=wrong).status_code == 403
    assert served.get(at).status_code == 200


def test_images_are_brought_and_a_run_comes_of_it(served: Served, home: Path, root: Path, warm_studio: None) -> None:
    found = served.post("/api/suggest", {"paths": [str(home / "again")]})
    assert found.status_code == 200, found.json()
    made = found.json()
    assert list(faults(made, SuggestResponse, "/api/suggest")) == []
    assert [one["about"] for one in made["lines"]] == ["data", "size", "tokens", "training"]
    assert made["lines"][0]["chosen"].startswith("25 images")
    assert "few-tokens" in {one["code"] for one in made["reasons"]}
    assert made["spec"]["data"]["path"] == str(home / "pets")
    assert not list(root.glob("[!.]*"))  # nothing was started
    drawn = served.get(f"/api/suggested/{made['id']}/sheet.png")
    with Image.open(io.BytesIO(drawn.content)) as sheet:
        assert sheet.width % made["columns"] == 0
    form = served.get(f"/api/suggested/{made['id']}").json()
    assert list(faults(form, FormResponse, "/api/suggested/{id}")) == []
    assert form["spec"]["data"]["path"] == str(home / "pets")
    begun = served.post("/api/runs", {"suggested": made["id"], "overrides": list(TINY)})
    assert begun.status_code == 200, begun.json()
    run = RunFolder(root / begun.json()["id"])
    assert run.id.startswith("pets-")
    assert "path: " + str(home / "pets") in run.spec_file.read_text()


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"paths": ["{home}/a9"]}, 400, "holds nothing to learn from"),
        ({"paths": ["{home}/gone"]}, 404, "there is no file or folder"),
        ({"paths": ["/etc"]}, 400, "lies outside"),
        ({"paths": ["{home}/away"]}, 400, "lies outside"),
        ({"paths": ["{home}/pets/notes.txt"]}, 400, "nothing here reads"),
        ({"paths": []}, 400, "nothing was named"),
        ({"paths": "x"}, 400, "nothing was named"),
        ({"paths": [3]}, 400, "nothing was named"),
        ({}, 400, "nothing was named"),
        ({"paths": ["{home}/pets"] * 65}, 400, "at most 64"),
    ],
)
def test_what_cannot_be_brought_is_reported(
    served: Served, home: Path, warm_studio: None, body: dict[str, Any], status: int, words: str
) -> None:
    paths = body.get("paths")
    sent = (
        {**body, "paths": [p.format(home=home) if isinstance(p, str) else p for p in paths]}
        if isinstance(paths, list)
        else body
    )
    found = served.post("/api/suggest", sent)
    assert found.status_code == status, found.json()
    assert words in found.json()["error"]["what"]


def test_proposals_that_are_not_there(served: Served, warm_studio: None) -> None:
    for made in ("0" * 16, "..", "x", "0" * 15 + "/"):
        assert served.get(f"/api/suggested/{quote(made, safe='')}/sheet.png").status_code == 404
    assert served.post("/api/runs", {"suggested": "0" * 16}).status_code == 404
    assert served.post("/api/runs", {"suggested": "../x"}).status_code == 404
    assert served.post("/api/check", {"suggested": "0" * 16, "recipe": "p5-sharp"}).status_code == 400
