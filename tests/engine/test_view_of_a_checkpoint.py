"""A probe looks at a model from a checkpoint as it looks at one in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import BOTTLENECKS, tiny

import tilework
from tilework.data import prepare, split_by
from tilework.engine.autoencoder.model import source_of
from tilework.engine.autoencoder.probe import Probe
from tilework.engine.autoencoder.view import ModelView
from tilework.runs.store import RunStore


@pytest.mark.parametrize("kind", sorted(BOTTLENECKS))
def test_it_shows_what_training_showed_last(kind: str, tmp_path: Path) -> None:
    import zlib

    from tilework.runs.frames import unpack

    run = tilework.train(tiny(kind, "engine.ema_decay=0.9", "encoder.norm=batch"), runs=tmp_path)
    with RunStore.open(run.db) as store:
        last = store.snapshots("live")[-1]
    _, kept = unpack(zlib.decompress((run.path / last.file).read_bytes()))

    model = tilework.load(run, which="last")
    source = source_of(model.spec)
    frames = prepare(source)
    probe = Probe(ModelView(model.network, frames, split_by(frames, source.split)))
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    motion, images = probe.motion(last.step), probe.images(still=True)
    np.testing.assert_array_equal(images["recon"], kept["recon"])
    if "decoded" in kept:
        np.testing.assert_array_equal(images["decoded"], kept["decoded"])
    assert motion["points"].shape[1] == 2
    assert probe.header()["points_of"] == "probe", "no training step fills its window: the fixed images stand in"
    assert "usage" not in motion, "usage is of training"
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_the_map_of_rounded_channels_shows_where_the_encoder_put_each_image(tmp_path: Path) -> None:
    """FSQ and LFQ: not the few points that they were rounded to; the rule of the live page."""
    from tilework.cli.summary import newest_snapshots

    run = tilework.train(tiny("fsq", "encoder.dense=[16]", "bottleneck.levels=[5,3]"), runs=tmp_path)
    points = newest_snapshots(run)["latent"]["points"]
    assert len(np.unique(points, axis=0)) > 15, "more points than there are codes"
    assert not np.allclose(points * [2, 1], np.round(points * [2, 1]))
