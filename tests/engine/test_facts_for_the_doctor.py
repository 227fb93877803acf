"""What a run writes down for the rules that judge it: numbers, where people read sentences."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_prior
import tiny_runs
from commands import SMALL

from tilework.doctor.diagnosis import diagnose, shipped
from tilework.doctor.finding import CannotJudge
from tilework.doctor.opening import opened
from tilework.engine import train
from tilework.spec import load_spec


def test_a_run_of_images(tmp_path: Path) -> None:
    run = train(load_spec("rqvae-digits", SMALL), root=tmp_path)
    with opened(run) as case:
        facts = case.meta
        assert (facts["train_items"], facts["held_out"]) == (1617, 180)
        assert facts["model"]["grid"] == [1, 1]
        assert facts["leak_counts"] == {
            "by": "group",
            "examined": 180,
            "identical": 0,
            "near_twins": 22,
            "neighbours": 0,
        }
        waits = case.curve("data_wait", "train")
        assert ((waits.values >= 0) & (waits.values <= 1)).all()
        assert waits.values.max() > 0
        found = diagnose(case)
        assert not {one.missing for one in found.unjudged} & {"facts", "series", "validation"}


def test_images_that_both_sides_read_are_counted_whatever_the_split_promises(tmp_path: Path) -> None:
    """A training set that holds the held-out images is found by what is read, also where the split was measured
    before."""
    from dataclasses import replace

    data = tiny_runs.session(load_spec("rqvae-digits", SMALL)).parts.task.images
    both = replace(data, split=replace(data.split, train=np.arange(data.store.count)))
    assert both.described().facts["leak_counts"] == {
        "by": "group",
        "examined": 180,
        "identical": 180,
        "near_twins": 22,
        "neighbours": 0,
    }
    some = np.sort(np.concatenate([data.split.train, data.split.validation[:45]]))
    for leak in (data.split.leak, None):
        part = replace(data, split=replace(data.split, train=some, leak=leak))
        assert part.described().facts["leak_counts"]["identical"] == 45
    assert replace(data, split=replace(data.split, leak=None)).described().facts["leak_counts"] is None


def test_a_prior_knows_the_weights_of_its_parent(tmp_path: Path) -> None:
    parent = tiny_prior.parent(tmp_path / "runs")
    run = train(tiny_prior.prior(parent=parent.id), root=tmp_path / "runs")
    rule = shipped()["prior-tokenizer-changed"]
    with opened(run) as case:
        assert rule.judge(case) is None
        weights = next(parent.checkpoints.glob("*/model.safetensors"))
        for one in parent.checkpoints.glob("*/model.safetensors"):
            one.write_bytes(weights.read_bytes()[:-4] + b"\x01\x02\x03\x04")
        assert rule.judge(case) is not None
        shutil.rmtree(parent.path)
        with pytest.raises(CannotJudge) as lack:
            rule.judge(case)
        assert lack.value.values == {"name": "parent"}
