"""The benchmark of priors runs, and its sides are what they claim to be. No number is judged."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import children
import pytest
import torch


def test_our_causal_prior_is_a_gpt_weight_for_weight(benchmarks: Path) -> None:
    from sides.gpts import Ours, Plain, Size

    size = Size(side=4, codes=11, width=16, depth=2, heads=2, batch=3)
    torch.manual_seed(0)
    ours, plain = Ours(size), Plain(size)
    with torch.no_grad():
        for weight in ours.prior.parameters():
            weight += 0.3 * torch.randn_like(weight)
    plain.start_as(ours)
    assert ours.parameters == plain.parameters
    tokens = torch.randint(11, (3, 16))
    none = torch.full((3,), -1)
    with torch.no_grad():
        logits = ours.prior.logits(tokens.view(3, 1, 1, 4, 4), none)[:, :, 0]
        assert torch.allclose(logits, plain.gpt(tokens), atol=1e-4)
    assert ours.bits(tokens) == pytest.approx(plain.bits(tokens), rel=1e-5)


def test_it_runs_on_small_shapes(benchmarks: Path, tmp_path: Path) -> None:
    out = tmp_path / "priors.json"
    command = [sys.executable, str(benchmarks / "priors.py"), "--tiny", "--pairs", "1", "--steps", "1", "--cores", "1"]
    done = children.run([*command, "--output", str(out)], warm=True, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads(out.read_text())["comparisons"]
    assert {"sample-cache", "masked", "train-plain", "train-plain-bf16", "sample-plain"} <= set(rows)
    assert ("learn-x-transformers" in rows) == ("train-x-transformers" in rows)
    for name, row in rows.items():
        assert row["value"]["min"] <= row["value"]["median"] <= row["value"]["max"], name
        assert row["machine"]["cores"] == 1
    losses = rows["train-plain"]["losses"]
    assert losses["ours"] == pytest.approx(losses["peer"], rel=1e-3)
    from render import block

    page = block(tmp_path)
    assert all(f"| {name} |" in page for name in rows)
