"""What is known of a codebook's health is in the rows of a run: errors, norms, idle and revived codes, duplicates."""

from __future__ import annotations

import numpy as np
import torch
from tiny_runs import tiny

import tilework
from tilework.engine.tally import Tally
from tilework.runs.store import RunStore


def test_rows_of_every_level() -> None:
    run = tilework.train(
        tiny(
            "rq",
            "engine.steps=6",
            "bottleneck.codes=64",
            "bottleneck.revival.patience=0",
            "bottleneck.revival.threshold=0.9",
        )
    )
    with RunStore.open(run.db) as store:
        for level in (1, 2, 3):
            for name in ("quantisation_error", "code_norm", "idle", "revived"):
                steps, values = store.metrics(f"{name}.{level}", "train")
                assert len(steps) == 6, name
                assert np.isfinite(values).all()
            assert store.last(f"duplicates.{level}", "val") == 0
            assert store.last(f"quantisation_error.{level}", "val") > 0
        errors = [store.last(f"quantisation_error.{level}", "val") for level in (1, 2, 3)]
        assert errors == sorted(errors, reverse=True)
        assert store.last("z_norm", "val") > 0
        revived = np.concatenate([store.metrics(f"revived.{level}", "train")[1] for level in (1, 2, 3)])
    assert revived.sum() > 0
    assert np.array_equal(revived, np.round(revived))


def test_events_are_counted_and_figures_averaged() -> None:
    tally = Tally()
    for step in range(4):
        tally.add({"mse": torch.tensor(float(step)), "revived.1": torch.tensor(2.0)})
    assert tally.take() == {"mse": 1.5, "revived.1": 8.0}


def test_lookup_free_and_simvq_runs_train_and_come_back() -> None:
    for spec in (
        tiny("lfq", "engine.steps=5"),
        tiny("vq", "engine.steps=5", "bottleneck.codebook=simvq", "objective.codebook=1.0"),
        tiny("rq", "engine.steps=5", "bottleneck.level_dropout=0.5"),
    ):
        run = tilework.train(spec)
        model = tilework.load(run)
        images = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        codes = model.codes(images)
        assert torch.equal(model.decode(codes), model.reconstruct(images))
        with RunStore.open(run.db) as store:
            if spec.bottleneck.kind == "lfq":
                assert np.isfinite(store.metrics("entropy", "train")[1]).all()
            assert (store.last("used.1", "val") or 0) >= 1
