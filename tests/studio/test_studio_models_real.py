"""Real models: what the socket answers is what `tilework.explore` gives for the same, bit for bit."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conforming import faults
from explored import spec_of
from numpy.typing import NDArray
from PIL import Image
from studio_fakes import Page, Served

from tilework import explore
from tilework.explore.opened import Opened
from tilework.explore.place import place
from tilework.protocol.explore import ASKS, EXPLORE_LEGEND, AskKind
from tilework.runs.folder import RunFolder
from tilework.runs.frames import unpack

Found = tuple[dict[str, Any], dict[str, NDArray[Any]]]


@pytest.fixture
def trained(once: Callable[..., Path], root: Path, warm_studio: None) -> Callable[[str], RunFolder]:
    """A copy of a trained run in the folder that the studio serves."""

    def get(kind: str) -> RunFolder:
        import tilework

        run = RunFolder.find(
            "last", once(f"explored-{kind}", lambda folder: tilework.train(spec_of(kind), runs=folder))
        )
        return RunFolder(Path(shutil.copytree(run.path, root / run.id)))

    return get


async def asked(page: Page, ref: int, ask: dict[str, Any]) -> Found:
    """Facts and arrays of an answer, which is as its model defines."""
    await page.send({"type": "ask", "ref": ref, "key": "a", "ask": ask})
    while True:
        got = await asyncio.wait_for(page.connection.recv(), 150)
        if isinstance(got, bytes):
            header, arrays = unpack(got)
            assert header["ref"] == ref
            assert list(answer_faults(header, arrays)) == []
            return header["facts"], arrays
        message = json.loads(got)
        assert message["type"] == "state", message


def answer_faults(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """What of an answer is not as its kind is described; a letter of a shape is one length throughout."""
    kind: AskKind = header["kind"]
    found = list(faults(header["facts"], ASKS[kind].facts, kind))
    known = {one.name: one for one in ASKS[kind].arrays}
    lengths: dict[str, int] = {}
    found += [f"{kind} has no {name}" for name, one in known.items() if name not in arrays and not one.when]
    for name, array in arrays.items():
        if name not in known:
            found.append(f"{kind} has {name}")
            continue
        field = known[name]
        if array.dtype.str[1:] != field.dtype or array.ndim != len(field.shape):
            found.append(f"{kind}: {name} is {array.dtype} {array.shape}, not {field.dtype} {field.shape}")
            continue
        for letter, length in zip(field.shape, array.shape, strict=True):
            assert isinstance(letter, int) or letter in EXPLORE_LEGEND
            wanted = letter if isinstance(letter, int) else lengths.setdefault(letter, length)
            if length != wanted:
                found.append(f"{kind}: {name} is {array.shape}, not {field.shape} with {letter} = {wanted}")
    return found


def through(served: Served, run: RunFolder, asks: list[dict[str, Any]], which: str = "best") -> list[Found]:
    """What the socket answers to each."""

    async def talk() -> list[Found]:
        async with served.socket(f"/ws/models/{run.id}?which={which}&device=cpu") as page:
            return [await asked(page, ref, ask) for ref, ask in enumerate(asks)]

    return asyncio.run(talk())


def same(found: NDArray[Any], wanted: Any) -> None:
    wanted = np.asarray(wanted)
    assert found.shape == wanted.shape
    assert np.array_equal(found, wanted.astype(found.dtype))


POINTS = ["seed:3", "zero;0=1.5", "validation:2;1=-1", "train:0;*~0.5,0.1", "seed:2;pc1*2", "validation:0;3>8*0.5"]


def test_points_of_a_gaussian_latent(served: Served, trained: Callable[[str], RunFolder]) -> None:
    run = trained("gaussian")
    opened = explore.open_model(run, device="cpu")
    asks = [{"kind": "decode", "points": POINTS}, {"kind": "about"}, {"kind": "directions"}]
    (facts, arrays), (about, _), (directed, directions) = through(served, run, asks)
    for number, point in enumerate(POINTS):
        z = place(opened, point)
        same(arrays["z"][number], z)
        assert facts["points"][number] == str(explore.parse(point))
    same(arrays["images"], _decoded(opened, POINTS))
    assert about["latent"] == [6, 1, 1]
    assert about["space"] == "gaussian"
    assert about["beta"] == 1.0
    assert about["epoch"] == pytest.approx(6, abs=0.5)
    assert about["sides"]["validation"] == len(opened.need_images("this").split.validation)
    assert about["classes"] == list("0123456789")
    assert set(about["asks"]) & {"paint", "atlas"} == set()
    principal = explore.principal(opened)
    same(directions["deviations"], principal.deviations[:16])
    same(directions["principal"].reshape(len(directions["shares"]), -1), principal.axes[:16])
    assert directed["labels"] == list("0123456789")
    for number, mean in enumerate(explore.label_means(opened).values()):
        same(directions["means"][number].reshape(-1), mean)


def _decoded(opened: Opened, points: list[str]) -> NDArray[np.uint8]:
    import torch

    return opened.decode(torch.stack([place(opened, point) for point in points]))


def test_tokens(served: Served, trained: Callable[[str], RunFolder]) -> None:
    from tilework.explore.code_atlas import code, ordered
    from tilework.explore.code_vectors import similar
    from tilework.explore.reach import field, receptive
    from tilework.explore.shown_atlas import atlas
    from tilework.explore.shown_tokens import tokens
    from tilework.explore.token_images import levels, paint

    run = trained("rq")
    opened = explore.open_model(run, device="cpu")
    wanted = tokens(opened, "validation:5")
    codes = wanted.codes.flatten().tolist()
    edited = wanted.codes.copy()
    edited[0, 1, 2] = 3
    asks: list[dict[str, Any]] = [
        {"kind": "paint", "codes": edited.flatten().tolist()},
        {"kind": "paint", "codes": codes, "levels": 1},
        {"kind": "levels", "codes": codes, "of": "validation:5"},
        {"kind": "levels", "codes": codes},
        {"kind": "field", "codes": codes, "y": 1, "x": 2},
        {"kind": "receptive", "of": "validation:5", "y": 1, "x": 2},
        {"kind": "palette", "level": 2, "like": 4},
        {"kind": "palette", "level": 2},
        {"kind": "atlas", "level": 1},
        {"kind": "atlas", "level": 1, "first": 4, "count": 5},
        {"kind": "code", "level": 1, "code": 3},
        {"kind": "decode", "points": ["validation:5", "seed:1"]},
        {"kind": "decode", "points": ["validation:5"], "through": "decoder"},
        {"kind": "about"},
    ]
    found = iter(through(served, run, asks))
    same(next(found)[1]["image"], paint(opened, edited))
    same(next(found)[1]["image"], paint(opened, wanted.codes, 1))
    facts, arrays = next(found)
    by_levels = levels(opened, wanted.codes, wanted.original)
    same(arrays["images"], by_levels.images)
    assert by_levels.mse is not None
    assert facts["mse"] == by_levels.mse.tolist()
    assert facts["bits"] == by_levels.bits.tolist()
    assert next(found)[0]["mse"] == [None] * 3
    for measured in (field(opened, wanted.codes, 1, 2), receptive(opened, wanted.original, 1, 2)):  # type: ignore[arg-type]
        facts, arrays = next(found)
        same(arrays["field"], measured.strength)
        assert facts["box"] == list(measured.box or ())
    near = similar(opened, 2, 4)
    _, arrays = next(found)
    same(arrays["order"], near.codes)
    same(arrays["distances"], near.distance)
    same(next(found)[1]["order"], ordered(atlas(opened, 2), "similarity"))
    whole = atlas(opened, 1)
    facts, arrays = next(found)
    same(arrays["tiles"], whole.tiles)
    same(arrays["counts"], whole.counts)
    same(arrays["colours"], whole.colours)
    assert facts["tokens"] == whole.tokens
    facts, arrays = next(found)
    same(arrays["tiles"], whole.tiles[4:9])
    one = code(opened, 1, 3)
    facts, arrays = next(found)
    assert facts["tokens"] == one.count
    same(arrays["positions"], one.positions)
    same(arrays["patches"], one.patches)
    same(arrays["near"], one.near.codes)
    _, arrays = next(found)
    same(arrays["codes"][0], wanted.codes)
    same(arrays["images"][0], wanted.image)
    assert "codes" not in next(found)[1]
    about = next(found)[0]
    assert (about["space"], about["levels"], about["codes"]) == ("before quantiser", 3, 16)
    assert set(about["asks"]) >= {"paint", "atlas", "code", "decode"}


def test_what_a_model_refuses_is_reported_in_the_terms_of_the_ask(
    served: Served, trained: Callable[[str], RunFolder]
) -> None:
    run = trained("rq")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"kind": "decode", "points": []}, "points"),
        ({"kind": "decode", "points": ["zero"] * 65}, "points"),
        ({"kind": "decode", "points": ["nowhere"]}, "nowhere"),
        ({"kind": "decode", "points": ["zero;999=1"]}, "dimension 999"),
        ({"kind": "decode", "points": ["image:none"]}, "no image 'none'"),
        ({"kind": "decode", "points": ["image:../../etc/passwd"]}, "no image"),
        ({"kind": "paint", "codes": [1, 2]}, "no tokens"),
        ({"kind": "paint", "codes": [99] * 48}, "no code 99"),
        ({"kind": "paint", "codes": [-1] * 48}, "no code -1"),
        ({"kind": "paint", "codes": [1] * 48, "levels": 9}, "no level 9"),
        ({"kind": "field", "codes": [1] * 48, "y": 4, "x": 0}, "no cell"),
        ({"kind": "receptive", "of": "seed:1", "y": 0, "x": 0}, "seed:1 is not an image"),
        ({"kind": "atlas", "level": 0}, "no level 0"),
        ({"kind": "atlas", "level": 1, "first": 16}, "from 16"),
        ({"kind": "atlas", "level": 1, "count": 0}, "no 0 codes"),
        ({"kind": "code", "level": 1, "code": 16}, "no code 16"),
        ({"kind": "images", "side": "validation", "numbers": [10**6]}, "no image validation:1000000"),
        ({"kind": "images", "side": "validation", "numbers": [0] * 2000}, "2,000 images"),
    ]

    async def ask() -> None:
        async with served.socket(f"/ws/models/{run.id}") as page:
            for ref, (body, expected) in enumerate(wrong):
                await page.send({"type": "ask", "ref": ref, "key": "a", "ask": body})
                failed = await page.until(lambda m, ref=ref: m.get("ref") == ref or "frame" in m)  # type: ignore[misc]
                assert expected in failed["error"]["what"], (body, failed)
                assert failed["error"]["why"], body

    asyncio.run(ask())


def test_without_its_data_set_it_is_explored_all_the_same(
    served: Served, trained: Callable[[str], RunFolder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = trained("vq")
    for file in run.checkpoints.rglob("model.json"):
        text = json.loads(file.read_text())
        text["spec"]["data"] |= {"kind": "images", "path": str(tmp_path / "gone")}
        text["content_hash"] = "gone"
        file.write_text(json.dumps(text))
    asks: list[dict[str, Any]] = [
        {"kind": "about"},
        {"kind": "decode", "points": ["seed:1"]},
        {"kind": "atlas", "level": 1},
    ]
    (about, _), (_, decoded), (facts, arrays) = through(served, run, asks)
    assert about["missing"]["what"]
    assert about["sides"] == {"validation": 0, "train": 0}
    assert about["maps"] == about["classes"] == []
    assert decoded["images"].shape == (1, 16, 16, 1)
    assert facts["tokens"] == 0
    assert "counts" not in arrays


def test_an_image_of_a_persons_own(served: Served, trained: Callable[[str], RunFolder]) -> None:
    from tilework.explore.own_image import read

    run = trained("gaussian")
    opened = explore.open_model(run, device="cpu")
    image = Image.fromarray((np.arange(3000, dtype=np.uint16) * 20).reshape(50, 60))
    data = io.BytesIO()
    image.save(data, "PNG")  # 16 bits, another size
    path, headers = f"/api/models/{run.id}/image?device=cpu&name=my%20cat.png", {"content-type": "image/png"}
    sent = served.ask("POST", path, content=data.getvalue(), headers=headers).json()
    assert (sent["width"], sent["height"]) == (60, 50)
    point = f"image:{sent['name']};0=1"
    ((_, arrays),) = through(served, run, [{"kind": "decode", "points": [point]}])
    own = read(data.getvalue(), opened).pixels
    same(arrays["z"][0], place(opened, point, lambda _: own))
    refused = served.ask("POST", path, content=b"GIF89a and nothing", headers=headers)
    assert refused.status_code == 400
    assert "image" in refused.json()["error"]["what"]


def test_every_checkpoint_of_a_run_is_opened_as_it_was(served: Served, trained: Callable[[str], RunFolder]) -> None:
    run = trained("none")
    listed = served.get(f"/api/models/{run.id}").json()["checkpoints"]
    assert len(listed) >= 2
    images = []
    for one in listed[:2]:
        ((about, _), (_, arrays)) = through(
            served, run, [{"kind": "about"}, {"kind": "decode", "points": ["seed:1"]}], one["checkpoint"]
        )
        assert (about["checkpoint"], about["step"], about["space"]) == (one["checkpoint"], one["step"], "plain")
        same(arrays["images"], _decoded(explore.open_model(run, which=one["checkpoint"], device="cpu"), ["seed:1"]))
        images.append(arrays["images"])
    assert not np.array_equal(*images)


def test_images(served: Served, trained: Callable[[str], RunFolder]) -> None:
    run = trained("gaussian")
    images = explore.open_model(run, device="cpu").need_images("this")
    asks = [{"kind": "images", "side": side, "numbers": [3, 0, 3]} for side in ("validation", "train")]
    for side, (facts, arrays) in zip(("validation", "train"), through(served, run, asks), strict=True):
        same(arrays["thumbs"], images.pixels(side, [3, 0, 3]))  # type: ignore[arg-type]
        assert facts["labels"] == [images.label(side, n) for n in (3, 0, 3)]  # type: ignore[arg-type]
        assert [list("0123456789")[n] for n in arrays["labels"]] == facts["labels"]


def test_what_moves_through_a_latent(served: Served, trained: Callable[[str], RunFolder]) -> None:
    run = trained("gaussian")
    opened = explore.open_model(run, device="cpu")
    asks: list[dict[str, Any]] = [
        {"kind": "traverse", "point": "seed:1", "dimensions": [2, 0], "low": -2, "high": 2, "steps": 5},
        {"kind": "traverse", "point": "validation:3"},
        {"kind": "plane", "point": "seed:1", "x": 0, "y": 3, "steps": 4},
        {
            "kind": "walk",
            "points": ["seed:1", "validation:2"],
            "frames": 7,
            "how": "spherical",
            "ease": True,
            "loop": True,
        },
        {"kind": "statistics"},
        {"kind": "encode", "of": "validation:4"},
    ]
    found = iter(through(served, run, asks))
    facts, arrays = next(found)
    rows = explore.traverse(opened, "seed:1", [2, 0], -2, 2, 5)
    same(arrays["images"], rows.images)
    same(arrays["values"], rows.values.astype(np.float32))
    assert facts["dimensions"] == [2, 0]
    facts, arrays = next(found)
    rows = explore.traverse(opened, "validation:3")
    same(arrays["images"], rows.images)
    assert facts["dimensions"] == list(rows.dimensions)
    _, arrays = next(found)
    square = explore.plane(opened, "seed:1", 0, 3, steps=4)
    same(arrays["images"], square.images)
    same(arrays["ys"], square.ys.astype(np.float32))
    facts, arrays = next(found)
    way = explore.walk(opened, ["seed:1", "validation:2"], 7, "spherical", True, True)
    same(arrays["images"], way.images)
    same(arrays["z"], way.latents)
    assert facts["stops"] == list(way.stops)
    facts, arrays = next(found)
    measured = explore.statistics(opened)
    assert measured.kl is not None
    same(arrays["kl"], measured.kl.astype(np.float32))
    same(arrays["order"], measured.order)
    assert facts["kl"] == float(measured.kl.sum())
    assert facts["active"] == int(measured.active.sum())
    facts, arrays = next(found)
    image = explore.encode(opened, "validation:4")
    same(arrays["reconstruction"], image.reconstruction)
    same(arrays["mean"], image.mean)
    same(arrays["sigma"], image.sigma)
    assert (facts["mse"], facts["psnr"]) == (image.mse, image.psnr)
    assert facts["label"] == opened.need_images("this").label("validation", 4)
    assert facts["kl"] > 0
    assert facts["bits"] is None


def test_the_whole_data_set(served: Served, trained: Callable[[str], RunFolder]) -> None:
    run = trained("gaussian")
    opened = explore.open_model(run, device="cpu")
    asks: list[dict[str, Any]] = [
        {"kind": "map", "how": "pca"},
        {"kind": "map", "how": "dimensions", "x": 2, "y": 4},
        {"kind": "nearest", "point": "validation:7", "count": 5},
        {"kind": "search", "text": "7"},
        {"kind": "search", "text": "nothing of this kind"},
    ]
    found = iter(through(served, run, asks))
    made = explore.map_of(opened)
    facts, arrays = next(found)
    same(arrays["points"], made.xy)
    assert tuple(facts["share"]) == made.shares
    images = opened.need_images("this")
    for row in (0, 700, len(arrays["points"]) - 1):
        side = ("validation", "train")[arrays["sides"][row]]
        number = int(arrays["numbers"][row])
        label = images.label(side, number)  # type: ignore[arg-type]
        assert facts["total"] == len(images.split.train) + len(images.split.validation)
        assert list("0123456789")[arrays["labels"][row]] == label
    _, arrays = next(found)
    row = int(np.flatnonzero((arrays["sides"] == 0) & (arrays["numbers"] == 3))[0])
    # Alone and among others an image is encoded alike, but for rounding.
    np.testing.assert_allclose(
        arrays["points"][row], explore.encode(opened, "validation:3").mean.flatten()[[2, 4]], 1e-4
    )
    facts, arrays = next(found)
    near = explore.nearest(opened, "validation:7", 5)
    assert (arrays["sides"][0], arrays["numbers"][0]) == (0, 7)
    same(arrays["thumbs"], near.images)
    same(arrays["distances"], np.array([one.distance for one in near.found], np.float32))
    assert facts["labels"] == [one.label for one in near.found]
    facts, arrays = next(found)
    assert set(facts["labels"]) == {"7"}
    assert len(arrays["thumbs"]) == min(200, len(explore.search(opened, "7", 10**6)))
    assert facts["more"] == (len(explore.search(opened, "7", 10**6)) > 200)
    facts, arrays = next(found)
    assert arrays["thumbs"].shape == (0, 16, 16, 1)
    assert facts == {"labels": [], "names": [], "more": False}


def test_a_file_is_the_one_that_the_command_makes(
    served: Served, trained: Callable[[str], RunFolder], tilework: Callable[..., Any], tmp_path: Path
) -> None:
    run = trained("gaussian")
    path = f"/api/models/{run.id}/file?device=cpu"
    asks: list[tuple[dict[str, Any], str, list[Any]]] = [
        ({"kind": "walk", "points": ["seed:1", "validation:2"], "frames": 6, "loop": True, "fps": 12}, "gif",
         ["interpolate", run.path, "seed:1", "validation:2", "--frames", 6, "--loop", "--fps", 12]),
        ({"kind": "walk", "points": ["seed:1", "validation:2"], "frames": 6}, "png",
         ["interpolate", run.path, "seed:1", "validation:2", "--frames", 6]),
        ({"kind": "traverse", "point": "seed:1", "dimensions": [1, 2]}, "png",
         ["traverse", run.path, "--at", "seed:1", "--dimensions", "1,2"]),
        ({"kind": "decode", "points": ["seed:1", "zero;0=2"]}, "html",
         ["sample", run.path, "--at", "seed:1", "--at", "zero;0=2"]),
    ]  # fmt: skip
    for ask, form, command in asks:
        made = served.post(path, {"ask": ask, "format": form})
        assert made.status_code == 200, made.text
        out = tmp_path / f"out.{form}"
        done = tilework(*command, "--device", "cpu", "--out", out)
        assert done.code == 0, done.err
        assert made.content == out.read_bytes(), command
        out.unlink()
    for ask, form, expected in (
        ({"kind": "decode", "points": ["zero"]}, "mp4", "no mp4 is made of decode"),
        ({"kind": "statistics"}, "png", "no file is made of statistics"),
    ):
        refused = served.post(path, {"ask": ask, "format": form})
        assert refused.status_code == 400
        assert expected in refused.json()["error"]["what"]
