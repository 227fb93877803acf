"""Watching: the frames show what is there, cost nothing when nobody looks, and change nothing when somebody does."""

from __future__ import annotations

import json
import threading
import time
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conforming import frame_faults
from safetensors.torch import load_file
from tiny_runs import BOTTLENECKS, tiny

from tilework.engine import train
from tilework.engine.autoencoder.plane import Plane
from tilework.engine.autoencoder.probe import Probe
from tilework.engine.progress import Plan, Silent
from tilework.engine.publisher import Publisher
from tilework.runs.folder import RunFolder
from tilework.runs.frames import unpack
from tilework.runs.live import LiveReader
from tilework.runs.store import RunStore
from tilework.spec import RunSpec


class Connection(Silent):
    """Watches a run from its first step on and keeps every frame that it sees."""

    def __init__(self) -> None:
        self.frames: dict[str, list[tuple[dict, dict]]] = {"motion": [], "images": []}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._look)
        self.reader: LiveReader | None = None

    def started(self, plan: Plan) -> None:
        self.reader = LiveReader(plan.run.live)
        self.reader.watch(60)
        self.thread.start()

    def _look(self) -> None:
        assert self.reader is not None
        seen = {"motion": 0, "images": 0}
        over = False
        while not over:
            over = self.done.is_set()  # once more after the end: the last frame is there
            for channel in seen:
                if self.reader.sequence(channel) != seen[channel]:
                    found = self.reader.newest(channel)
                    if found:
                        seen[channel] = found[0]
                        self.frames[channel].append(unpack(found[1]))
            time.sleep(0.001)

    def close(self) -> None:
        self.done.set()
        self.thread.join()
        for header, arrays in (frame for frames in self.frames.values() for frame in frames):
            assert list(frame_faults(header, arrays)) == []


def watched(spec: RunSpec, root: Path) -> tuple[RunFolder, Connection]:
    connection = Connection()
    run = train(spec, root=root, progress=connection)
    connection.close()
    return run, connection


def last_weights(run: RunFolder) -> dict[str, torch.Tensor]:
    last = json.loads((run.checkpoints / "last.json").read_text())["folder"]
    return load_file(run.checkpoints / last / "model.safetensors")


@pytest.mark.parametrize("kind", sorted(BOTTLENECKS))
def test_watching_changes_no_bit_of_a_run(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tilework.engine.publisher.IMAGE_SECONDS", 0.0)
    monkeypatch.setattr("tilework.engine.publisher.IMAGES", 1.0)  # after every step
    monkeypatch.setattr("tilework.engine.publisher.MOTION", 1.0)
    monkeypatch.setattr("tilework.engine.publisher.FRAMES_PER_SECOND", 1e9)
    spec = tiny(kind, "engine.steps=12", "encoder.norm=batch", "engine.ema_decay=0.9")
    run, connection = watched(spec, tmp_path / "watched")
    alone = train(spec, root=tmp_path / "alone")
    seen, unseen = last_weights(run), last_weights(alone)
    assert all(torch.equal(seen[key], unseen[key]) for key in unseen)
    assert len(connection.frames["motion"]) > 1
    assert len(connection.frames["images"]) > 1


def test_nothing_is_made_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(Publisher, "_write", lambda self, channel, *_: written.append(channel))
    train(tiny("vq", "engine.steps=20"), root=tmp_path)
    assert written == []


def test_a_slow_frame_before_the_first_step_keeps_no_later_one_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, times = Publisher._write, iter([0.0, 100.0])
    shown: list[int] = []

    def noted(self: Publisher, channel: Any, *rest: Any) -> None:
        shown.extend([self.session.step] if channel == "motion" else [])
        write(self, channel, *rest)

    monkeypatch.setattr(Publisher, "_write", noted)
    monkeypatch.setattr("tilework.engine.publisher.FRAMES_PER_SECOND", 1e9)
    monkeypatch.setattr("tilework.engine.publisher.clock_of", lambda _: lambda: next(times, 100.0))
    watched(tiny("vq", "engine.steps=12"), tmp_path)
    assert shown[0] == 0
    assert set(shown) == set(range(13))


def test_a_frame_describes_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tilework.engine.publisher.IMAGE_SECONDS", 0.0)
    monkeypatch.setattr("tilework.engine.publisher.IMAGES", 1.0)
    from tilework.engine.api import load

    spec = tiny("rq", "engine.steps=30", "encoder.dense=[16]", "bottleneck.dim=2", "bottleneck.codebook=gradient",
                "objective.codebook=1.0")  # fmt: skip
    run, connection = watched(spec, tmp_path)
    header, arrays = connection.frames["motion"][-1]
    assert header["step"] == 30
    assert header["state"] in {"ended", "validating", "running"}
    assert header["view"]["kind"] == "plane"
    books = torch.stack(list(load(run, which="last").network.bottleneck.codebooks())).detach().numpy()
    np.testing.assert_array_equal(arrays["codes"], books)
    assert arrays["points"].shape == (1024, 2)
    # 30 steps of 32 images, and of the fixed ones what is left.
    assert (header["view"]["points_of"], header["view"]["points_fixed"]) == ("window", 1024 - 960)
    assert arrays["labels"].min() >= 0
    # Codes were chosen as nearest to the points when the step was taken; the newest 32 by nearly the present codes.
    distance = np.square(arrays["points"][:32, None] - books[0][None]).sum(-1)
    assert (distance.argmin(1) == arrays["assigned"][:32, 0]).mean() > 0.9
    np.testing.assert_allclose(arrays["usage"].sum(1), 1.0, rtol=1e-5)
    assert (arrays["gradient"] >= 0).all()
    assert arrays["gradient"].max() > 0
    _, images = connection.frames["images"][-1]
    assert images["originals"].shape == images["recon"].shape == (16, 16, 16, 1)
    assert images["decoded"].shape == (3, 8, 16, 16, 1)
    nearest = np.square(images["probe"][None] - books[0][:, None]).sum(-1).argsort(1)[:, :4]
    newest = connection.frames["images"][-1][0]["step"] == 30
    assert not newest or (nearest == images["nearest"]).mean() > 0.9


def decoded(probe: Probe, at_once: int = 0) -> np.ndarray:
    """Every code decoded anew, or the next `at_once` of them."""
    books = probe.view.model.bottleneck.codebooks()
    return probe.decoded.arrays(books, whole=not at_once, at_once=at_once)["decoded"]


def test_reconstructions_and_decoded_codes_are_the_decoder_s(tmp_path: Path) -> None:
    from tiny_runs import session

    made = session(tiny("vq", "encoder.dense=[16]", "bottleneck.dim=4"))
    probe = made.parts.task.view(made.parts.judged_weights)
    found = probe.images()
    model = made.parts.model.eval()
    with torch.no_grad():
        images = probe.view.shown().images
        recon, _ = model(images)
        alone = model.decoder(model.bottleneck.decode(torch.arange(8).view(8, 1, 1, 1)))
    np.testing.assert_array_equal(found["recon"], (recon.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy())
    first = found["decoded"].copy()
    with torch.no_grad():
        model.bottleneck.book.codes += 1.0
    changed = [(decoded(probe, 3)[0] != first[0]).any((1, 2, 3)).sum() for _ in range(3)]
    assert changed == [3, 6, 8], "three codes at a time, in turn"
    with torch.no_grad():
        model.bottleneck.book.codes -= 1.0
    np.testing.assert_array_equal(decoded(probe), first)
    np.testing.assert_array_equal(
        found["decoded"][0], (alone.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    )


def test_codes_without_a_codebook_are_shown_as_what_they_decode_to(tmp_path: Path) -> None:
    from tiny_runs import session

    made = session(tiny("fsq", "encoder.dense=[16]", "bottleneck.levels=[5,3]"))
    probe = made.parts.task.view(made.parts.judged_weights)
    batch = next(made.parts.data.train.epoch(0))
    _, latent = made.parts.model(batch.images)
    probe.stepped([latent], [batch])
    arrays, images = probe.motion(1), probe.images()
    grid = [
        [a / 2, b] for b in (-1, 0, 1) for a in (-2, -1, 0, 1, 2)
    ]  # 5 x 3 values, the first channel least significant
    np.testing.assert_allclose(arrays["codes"], np.array([grid], np.float32))
    chosen = arrays["codes"][0][arrays["assigned"][:, 0]]
    assert (np.abs(chosen - arrays["points"]) <= np.array([0.25, 0.5]) + 1e-5).all(), "half a level"
    assert np.abs(chosen - arrays["points"]).max() > 1e-3, (
        "points are where the encoder put them, not where they were rounded to"
    )
    model = made.parts.model.eval()
    with torch.no_grad():
        alone = model.decoder(torch.tensor(grid)[:, :, None, None])
    np.testing.assert_array_equal(
        images["decoded"][0], (alone.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    )
    assert images["nearest"].shape == (15, 4)
    assert not probe.learns_codes


def test_timeline_grows_with_the_run_and_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for share in ("TIMELINE", "DECODED"):
        monkeypatch.setattr(f"tilework.engine.timeline.{share}", 1e6)  # no budget: the spacing alone decides
    run = train(tiny("vq", "engine.steps=200"), root=tmp_path)
    with RunStore.open(run.db) as store:
        kept = store.snapshots("live")
    steps = [one.step for one in kept]
    assert steps[:5] == [0, 1, 2, 3, 4]
    assert max(b - a for a, b in pairwise(steps)) == 4
    assert steps[-1] == 200, "the end can be looked at, wherever the spacing stood"
    for one in (kept[0], kept[-1]):
        header, arrays = unpack(zlib.decompress((run.path / one.file).read_bytes()))
        assert list(frame_faults(header, arrays)) == []
        assert (header["channel"], header["step"]) == ("timeline", one.step)
        assert {"points", "codes", "recon", "codemap"} <= arrays.keys()
        assert len(arrays["codemap"]) == len(arrays["recon"])
        assert ("usage" in arrays) == (one.step > 0)
        assert ("originals" in arrays) == (one is kept[0])
        assert "decoded" in arrays


@pytest.mark.parametrize("kind", sorted(BOTTLENECKS))
def test_the_timeline_begins_with_the_model_as_it_was_made(tmp_path: Path, kind: str) -> None:
    from tiny_runs import session

    from tilework.engine.autoencoder.rolling import POINTS

    small = (
        ("encoder.widths=[8]", "encoder.dense=null") if kind == "vq" else ("encoder.dense=[16]",)
    )  # a grid, or one token
    own = {"vq": ["bottleneck.start=random"], "rq": ["bottleneck.start=random"]}.get(kind, [])
    spec = tiny(kind, *small, *own)
    run = train(spec, root=tmp_path)
    with RunStore.open(run.db) as store:
        first = store.snapshots("live")[0]
    header, arrays = unpack(zlib.decompress((run.path / first.file).read_bytes()))
    assert (first.step, header["step"], header["view"]["points_of"]) == (0, 0, "probe")
    assert header["view"]["points_fixed"] == len(arrays["points"])
    made = session(spec)
    model = made.parts.model.eval()
    train_set = made.parts.task.images.split.train
    spread = np.linspace(0, len(train_set) - 1, 256).round().astype(int)
    batch = made.parts.task.view(made.parts.judged_weights).view.fixed(256)
    np.testing.assert_array_equal(batch.index.numpy(), train_set[spread])
    with torch.no_grad():
        given = model.bottleneck(model.encoder(batch.images))
    plain = given.z.movedim(1, -1).flatten(0, 2)
    points = given.mean if given.mean is not None else given.inputs[0] if given.inputs else plain
    every = max(1, -(-len(points) // POINTS))
    plane = Plane(points.shape[1])
    plane.follow(points[::every].numpy())
    np.testing.assert_allclose(arrays["points"], plane.project(points[::every].numpy()), atol=1e-5)
    labels = np.repeat(batch.labels.numpy(), len(points) // 256)[::every]
    np.testing.assert_array_equal(arrays["labels"], labels)
    if "codes" in arrays and model.bottleneck.codebooks():
        book = model.bottleneck.codebooks()[0].detach().numpy()
        np.testing.assert_allclose(arrays["codes"][0], plane.project(book), atol=1e-5)


def test_a_run_that_ends_between_two_rows_has_its_last_steps_in_the_row_and_the_image(tmp_path: Path) -> None:
    run = train(tiny("vq", "engine.steps=27", "engine.log_every_steps=10"), root=tmp_path)
    with RunStore.open(run.db) as store:
        assert list(store.metrics("loss")[0]) == [10, 20, 27]
        assert store.snapshots("live")[-1].step == 27


def test_plane_is_pca_and_stays_where_it_was() -> None:
    from sklearn.decomposition import PCA

    generator = np.random.default_rng(0)
    axes = np.linalg.qr(generator.normal(size=(16, 16)))[0] * np.array([5, 3, *[0.5] * 14])[:, None]
    points = (generator.normal(size=(1000, 16)) @ axes + 7).astype(np.float32)
    plane = Plane(16)
    for _ in range(5):
        plane.follow(points)
    exact = PCA(2).fit(points)
    shared = np.linalg.svd(plane.basis.T @ exact.components_.T)[1]
    np.testing.assert_allclose(shared, 1.0, atol=1e-4)  # the same plane
    np.testing.assert_allclose(sum(plane.variance), exact.explained_variance_ratio_.sum(), rtol=1e-3)
    before = plane.project(points)
    # The cloud's two long axes change places in size: an eigenvector basis would flip, this one stays.
    plane.follow(points @ np.linalg.inv(axes) @ (axes * np.array([0.55, 1.7, *[1] * 14])[:, None]))
    plane.mean = points.mean(0)
    moved = plane.project(points)
    assert np.abs(moved - before).max() < 0.2 * np.abs(before).max()


@pytest.mark.filterwarnings("error")
def test_plane_stays_where_points_are_infinite_or_too_large() -> None:
    points = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32) * np.array(
        [5, 3, 1, 1, 1, 1], np.float32
    )
    spoilt = points.copy()
    spoilt[7], spoilt[9, 2] = np.inf, np.nan
    plane, clean = Plane(6), Plane(6)
    for _ in range(3):
        plane.follow(spoilt)
        clean.follow(np.delete(points, [7, 9], 0))
    np.testing.assert_array_equal(plane.basis, clean.basis)
    np.testing.assert_array_equal(plane.mean, clean.mean)
    for worse in (np.full_like(points, np.nan), 1e30 * points, 3e38 * np.sign(points)):
        plane.follow(worse)
        Plane(6).follow(worse)
        np.testing.assert_array_equal(plane.basis, clean.basis)


def test_plane_of_two_dimensions_is_the_latent_itself() -> None:
    points = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    plane = Plane(2)
    plane.follow(points)
    np.testing.assert_array_equal(plane.project(points), points)
