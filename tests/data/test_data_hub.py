"""The `hub` source, on little data sets saved by the `datasets` library itself; nothing is fetched."""

from __future__ import annotations

import sys

import pytest
from made_media import image

from tilework.data import prepare
from tilework.errors import UserError
from tilework.spec import SOURCES

datasets = pytest.importorskip("datasets", reason="hub needs the library datasets")


def hub(path, **more):
    return SOURCES.parse({"kind": "hub", "path": str(path), "size": "12x8", **more})


def stills(folder, count: int = 4) -> list[dict]:
    return [{"bytes": image(folder / f"{n}.png", 60 * n + 30).read_bytes(), "path": None} for n in range(count)]


def saved(folder, columns: dict, features: dict):
    made = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    made.save_to_disk(folder / "in")
    return folder / "in"


def test_the_columns_are_found(tmp_path):
    features = {
        "text": datasets.Value("string"),
        "still": datasets.Image(),
        "what": datasets.ClassLabel(names=["b", "a"]),
    }
    path = saved(tmp_path, {"text": ["x"] * 4, "still": stills(tmp_path), "what": [0, 1, 1, 0]}, features)
    items = list(hub(path).items())
    assert [item.label for item in items] == ["b", "a", "a", "b"]
    assert [item.frame for item in items] == [0, 1, 2, 3]
    assert len({item.group for item in items}) == 4
    assert [int(item.pixels.max()) for item in items] == [30, 90, 150, 210]
    assert [item.label for item in hub(path, labels="text").items()] == ["x"] * 4
    assert len(list(hub(path, limit=3).items())) == 3
    assert prepare(hub(path)).classes == ("a", "b")


def test_images_as_plain_bytes(tmp_path):
    path = saved(tmp_path, {"png": [s["bytes"] for s in stills(tmp_path)]}, {"png": datasets.Value("binary")})
    assert len(list(hub(path).items())) == 4


def test_two_columns_of_images_must_be_distinguished(tmp_path):
    both = stills(tmp_path)
    path = saved(tmp_path, {"a": both, "b": both[::-1]}, {"a": datasets.Image(), "b": datasets.Image()})
    with pytest.raises(UserError, match="2 columns of images") as caught:
        list(hub(path).items())
    assert "data.column=" in caught.value.fix
    assert [int(item.pixels.max()) for item in hub(path, column="b").items()] == [210, 150, 90, 30]
    with pytest.raises(UserError, match="no column 'c'"):
        list(hub(path, column="c").items())


def test_splits_of_a_saved_dictionary(tmp_path):
    one = datasets.Dataset.from_dict(
        {"image": stills(tmp_path)}, features=datasets.Features({"image": datasets.Image()})
    )
    datasets.DatasetDict({"train": one.select([0, 1, 2]), "test": one.select([3])}).save_to_disk(tmp_path / "in")
    assert len(list(hub(tmp_path / "in").items())) == 3
    assert len(list(hub(tmp_path / "in", split_name="test").items())) == 1
    with pytest.raises(UserError, match="no split 'dev'") as caught:
        list(hub(tmp_path / "in", split_name="dev").items())
    assert "train, test" in caught.value.why


def test_a_folder_of_parquet(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    one = datasets.Dataset.from_dict(
        {"image": stills(tmp_path)}, features=datasets.Features({"image": datasets.Image()})
    )
    (tmp_path / "in").mkdir()
    one.to_parquet(tmp_path / "in" / "train.parquet")
    assert len(list(hub(tmp_path / "in").items())) == 4


def test_rows_that_cannot_be_read(tmp_path):
    rows = stills(tmp_path)
    rows[1], rows[2] = {"bytes": b"text", "path": None}, None
    source = hub(saved(tmp_path, {"image": rows}, {"image": datasets.Image()}))
    assert [item.frame for item in source.items()] == [0, 3]
    reasons = dict(source.unreadable())
    assert set(reasons) == {"in row 1", "in row 2"}
    assert reasons["in row 2"] == "there is no image in this row"


@pytest.mark.parametrize("make", ["missing", "empty", "text"])
def test_a_folder_that_is_no_data_set(tmp_path, make):
    if make != "missing":
        (tmp_path / "in").mkdir()
    if make == "text":
        (tmp_path / "in" / "state.json").write_text("{")
    with pytest.raises(UserError) as caught:
        prepare(hub(tmp_path / "in"))
    assert caught.value.fix


def test_neither_id_nor_path():
    with pytest.raises(UserError, match="needs a data set"):
        SOURCES.parse({"kind": "hub"}).fingerprint()


def test_without_the_library(tmp_path, monkeypatch):
    path = saved(tmp_path, {"image": stills(tmp_path)}, {"image": datasets.Image()})
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="needs the library") as caught:
        list(hub(path).items())
    assert "tilework[hub]" in caught.value.fix


def test_without_a_network(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: (_ for _ in ()).throw(ConnectionError("offline")))
    with pytest.raises(UserError, match="someone/stills cannot be read") as caught:
        list(SOURCES.parse({"kind": "hub", "id": "someone/stills"}).items())
    assert caught.value.why == "offline"
