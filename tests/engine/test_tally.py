"""Running means and the usage window against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tilework.engine.autoencoder.usage_window import UsageWindow
from tilework.engine.tally import Tally
from tilework.metrics import Group, Metric, Metrics, Reduction

CPU = torch.device("cpu")


def test_means_also_when_a_term_comes_and_goes() -> None:
    rng = np.random.default_rng(0)
    tally = Tally()
    seen: dict[str, list[float]] = {}
    for step in range(50):
        names = ["loss", "mse"] + (["lpips"] if step % 7 > 3 else [])
        row = {name: float(rng.normal()) for name in names}
        tally.add({k: torch.tensor(v, dtype=torch.float64) for k, v in row.items()})
        for name, value in row.items():
            seen.setdefault(name, []).append(value)
    means = tally.take()
    assert means.keys() == {*seen, "loss_peak"}
    for name, values in seen.items():
        assert means[name] == pytest.approx(np.mean(values)), name
    assert tally.take() == {}
    tally.add({"loss": torch.tensor(2.0)})
    assert tally.take() == {"loss": 2.0, "loss_peak": 2.0}


def test_one_nan_spoils_its_own_mean_alone() -> None:
    tally = Tally()
    for value in (1.0, float("nan"), 3.0):
        tally.add({"lpips": torch.tensor(value), "mse": torch.tensor(1.0)})
    means = tally.take()
    assert np.isnan(means["lpips"])
    assert means["mse"] == 1.0


@pytest.mark.parametrize("cut", [0, 4, 9])
def test_each_name_is_reduced_as_the_table_defines(cut: int) -> None:
    table = Metrics([Metric(r, r, Group.LATENT, reduction=r) for r in Reduction])
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(10, 4))
    rows[3, 2] = np.nan  # what a newest value replaces leaves no trace
    tally, after = Tally(table), Tally(table)
    for step, row in enumerate(rows):
        if step == cut:
            after.restore(tally.state(), CPU)
            tally = after
        names = ("mean.1", "sum.1", "last.1", "sum.2")[: 4 if step % 3 else 3]
        tally.add({name: torch.tensor(value) for name, value in zip(names, row, strict=False)})
    found = tally.take()
    assert found["mean.1"] == pytest.approx(rows[:, 0].mean())
    assert found["sum.1"] == pytest.approx(rows[:, 1].sum())
    assert found["last.1"] == rows[9, 2]
    assert found["sum.2"] == pytest.approx(rows[[n for n in range(10) if n % 3], 3].sum())


@pytest.mark.parametrize("cut", [0, 4, 9])
def test_the_highest_step_is_kept_where_the_table_asks_for_it(cut: int) -> None:
    rng = np.random.default_rng(4)
    losses = -np.abs(rng.normal(size=10))  # below zero: nothing begins with one
    tally, after = Tally(), Tally()
    for step, loss in enumerate(losses):
        if step == cut:
            after.restore(tally.state(), CPU)
            tally = after
        kl = {"kl": torch.tensor(1.0)} if step % 3 else {}
        tally.add({"loss": torch.tensor(loss), "mse": torch.tensor(2 * loss), "perplexity.1": torch.tensor(3.0), **kl})
    found = tally.take()
    assert found["loss_peak"] == losses.max()
    assert [name for name in found if "peak" in name] == ["loss_peak"]
    tally.add({"loss": torch.tensor(-7.0)})
    assert tally.take() == {"loss": -7.0, "loss_peak": -7.0}


def test_checkpoints_of_before_that_kept_no_peak_are_read() -> None:
    tally, after = Tally(), Tally()
    tally.add({"loss": torch.tensor(3.0)})
    state = {key: value for key, value in tally.state().items() if "peaks" not in key}
    after.restore(state, CPU)
    after.add({"loss": torch.tensor(1.0)})
    assert after.take() == {"loss": 2.0, "loss_peak": 3.0}


@pytest.mark.parametrize("cut", [0, 1, 13, 25])
def test_a_row_that_spans_a_resume_equals_the_uninterrupted_one(cut: int) -> None:
    rng = np.random.default_rng(1)
    rows = [
        {"loss": torch.tensor(rng.normal())} | ({"kl": torch.tensor(rng.normal())} if n % 3 else {}) for n in range(26)
    ]
    whole, first, second = Tally(), Tally(), Tally()
    for row in rows:
        whole.add(row)
    for row in rows[:cut]:
        first.add(row)
    second.restore(first.state(), CPU)
    for row in rows[cut:]:
        second.add(row)
    assert second.take() == whole.take()


@pytest.mark.parametrize("steps", [1, 9, 10, 11, 95, 100, 101, 257])
def test_usage_window_counts_the_last_hundred_batches_or_a_little_less(steps: int) -> None:
    rng = np.random.default_rng(steps)
    window, counts = UsageWindow(), []
    for _ in range(steps):
        counts.append(rng.multinomial(6, np.full(8, 1 / 8), size=2).astype(np.float32))
        window.add(torch.from_numpy(counts[-1]))
    # Ten slots of ten steps; the newest slot holds the steps since the last multiple of ten.
    newest = (steps - 1) % 10 + 1
    summed = np.sum(counts[-(90 + newest) :], axis=0).astype(np.float64)
    figures = window.metrics()
    for level in (0, 1):
        p = summed[level] / summed[level].sum()
        entropy = -np.sum(p[p > 0] * np.log(p[p > 0]))
        assert figures[f"used.{level + 1}"] == (summed[level] > 0).sum()
        assert figures[f"perplexity.{level + 1}"] == pytest.approx(np.exp(entropy), rel=1e-5)


def test_usage_window_resumes_and_starts_empty() -> None:
    window, copy = UsageWindow(slot=2, slots=2), UsageWindow(slot=2, slots=2)
    assert window.metrics() == {}
    for step in range(3):
        window.add(torch.eye(4)[step : step + 1])
    copy.restore({k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in window.state().items()}, CPU)
    for _ in range(2):
        for each in (window, copy):
            each.add(torch.eye(4)[3:])
    assert copy.metrics() == window.metrics()
    # Steps 0..4 in slots (0, 1), (2, 3), (4): the first slot was dropped for the fifth step.
    assert window.metrics()["used.1"] == 2
