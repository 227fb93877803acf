"""Revival: who is dead, where they go, when they are left alone, and that chance is a function of seed and step."""

from __future__ import annotations

import pytest
import torch

from tilework.bottlenecks import RQ, VQ, Revival
from tilework.bottlenecks.codebook import reservoir, revival
from tilework.bottlenecks.codebook.counter import Counter, row_keys


def tokens(n=512, dim=3, seed=0):
    return torch.randn(1, n, dim, generator=torch.Generator().manual_seed(seed))


CPU = torch.device("cpu")


def test_a_code_is_dead_after_patience_steps_below_the_relative_bound():
    counts = torch.tensor([[100.0, 100.0, 1.0, 30.0]])
    age = torch.zeros(1, 4, dtype=torch.int32)
    settings = Revival(threshold=0.1, patience=3)
    seen = [revival.judge(counts, age, settings, Counter(0, 0)).tolist() for _ in range(4)]
    assert seen == [[[False] * 4], [[False] * 4], [[False, False, True, False]], [[False, False, True, False]]]
    # One good step begins the count anew.
    revival.judge(torch.full((1, 4), 50.0), age, settings, Counter(0, 0))
    assert not revival.judge(counts, age, settings, Counter(0, 0)).any()


def test_the_cooldown_comes_before_the_patience():
    age = torch.full((1, 2), -5, dtype=torch.int32)
    counts = torch.tensor([[100.0, 0.0]])
    settings = Revival(patience=2)
    dead = [bool(revival.judge(counts, age, settings, Counter(0, 0))[0, 1]) for _ in range(8)]
    assert dead == [False] * 6 + [True] * 2
    assert age[0, 0] == 0


def test_after_its_last_step_dead_codes_stay_dead_unless_a_person_calls_them():
    vq = VQ(dim=3, codes=4, start="random", decay=0.5, revival=Revival(patience=1, cooldown=0, until=30))
    revived = []
    for step in range(61):
        with torch.no_grad():  # only the first code is ever near
            vq.book.codes[:, 1:] += 1000
            vq.book.total.copy_(vq.book.codes * vq.book.count.unsqueeze(-1))
        if step == 60:
            assert vq.book.make_due() == 3
        vq(tokens(64, seed=step))
        revived.append(int(vq.book.revived.sum()))
    assert sum(revived[:30]) > 30
    assert revived[30:60] == [0] * 30
    assert revived[60] == 3


def test_the_chance_per_step():
    counts = torch.cat([torch.zeros(1, 5000), torch.full((1, 5000), 1.0)], 1)
    settings = Revival(patience=0, probability=0.1)
    drawn = [revival.judge(counts, torch.ones(1, 10_000).int(), settings, Counter(1, s)) for s in range(3)]
    for dead in drawn:
        assert 400 < int(dead.sum()) < 600
        assert not dead[0, 5000:].any()
    assert not torch.equal(drawn[0], drawn[1])


def test_newcomers_are_distinct_tokens_of_the_ring_and_leave_it():
    ring = torch.arange(12.0).view(1, 6, 2)[:, [0, 1, 1, 2, 2, 3]].contiguous()
    filled = torch.tensor([[True, True, True, True, True, False]])
    dead = torch.tensor([[True, False, True, True, True, False, True]])
    settings = Revival(jitter=0.0)
    who, points, real = revival.newcomers(dead, ring, filled, settings, Counter(3, 5))
    # Three distinct filled rows, so three of the five dead codes are served.
    assert int(real.sum()) == 3
    assert set(who[real].tolist()) <= {0, 2, 3, 4, 6}
    assert len(set(who[real].tolist())) == 3
    assert sorted(points[real].tolist()) == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert int(filled.sum()) == 2


def test_jitter_has_the_stated_size():
    ring = torch.randn(1, 4000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 20.0])
    filled = torch.ones(1, 4000, dtype=torch.bool)
    dead = torch.ones(1, 1000, dtype=torch.bool)
    exact = revival.newcomers(dead, ring, filled.clone(), Revival(jitter=0.0), Counter(3, 5))[1]
    moved = revival.newcomers(dead, ring, filled.clone(), Revival(jitter=0.05), Counter(3, 5))[1]
    spread = (moved - exact).std(1)[0]
    torch.testing.assert_close(spread, 0.05 * ring.std(1)[0], rtol=0.1, atol=0)


def test_dead_codes_come_back_to_the_data():
    torch.manual_seed(0)
    vq = VQ(dim=3, codes=64, start="random")
    with torch.no_grad():
        vq.book.codes[:, 10:] += 1000
        vq.book.total.copy_(vq.book.codes)
    for step in range(400):
        latent = vq(tokens(seed=step))
    assert len(vq.eval()(tokens(4096, seed=1000)).codes.unique()) == 64
    assert vq.codebook.abs().max() < 10
    assert latent.stats["idle"].max() < 100


def test_without_revival_they_do_not():
    torch.manual_seed(0)
    vq = VQ(dim=3, codes=64, start="random", revival=None)
    with torch.no_grad():
        vq.book.codes[:, 10:] += 1000
        vq.book.total.copy_(vq.book.codes)
    for step in range(100):
        latent = vq(tokens(seed=step))
    assert len(vq.eval()(tokens(4096, seed=1000)).codes.unique()) <= 10
    assert latent.stats["idle"].max() == 100
    assert "revived" not in latent.stats
    assert not any("ring" in key for key in vq.state_dict())


@pytest.mark.parametrize("codebook", ["ema", "gradient"])
def test_every_level_is_revived_on_its_own_inputs(codebook):
    torch.manual_seed(0)
    rq = RQ(dim=2, codes=32, levels=2, codebook=codebook, decay=0.95, revival=Revival(patience=2, cooldown=20))
    for step in range(150):
        h = tokens(dim=2, seed=step)
        latent = rq(h)
        if step == 20:
            with torch.no_grad():
                rq.book.codes[1, 8:] += 1000
                if codebook == "ema":
                    rq.book.total.copy_(rq.book.codes * rq.book.count[..., None])
    found = [latent.stats["counts"][level].gt(0).sum().item() for level in range(2)]
    assert found[0] >= 31
    assert found[1] >= 28
    assert rq.codebook[1].norm(dim=-1).max() < rq.codebook[0].norm(dim=-1).max()


def test_hashed_bits_are_uniform_and_differ_by_seed_step_and_stream():
    draws = [
        Counter(seed, step).uniform(stream, 20_000, CPU)
        for seed, step, stream in [(0, 0, 1), (1, 0, 1), (0, 1, 1), (0, 0, 2)]
    ]
    for draw in draws:
        assert 0 <= draw.min() < draw.max() < 1
        histogram = torch.histc(draw, 20, 0, 1)
        # Chi-squared with 19 degrees of freedom: 43.8 is the 99.9 % point.
        assert ((histogram - 1000) ** 2 / 1000).sum() < 43.8
        assert abs(torch.corrcoef(torch.stack([draw[1:], draw[:-1]]))[0, 1]) < 0.03
    assert torch.corrcoef(torch.stack(draws)).fill_diagonal_(0).abs().max() < 0.03
    assert torch.equal(Counter(5, 6).bits(7, 10, CPU), Counter(5, 6).bits(7, 100, CPU)[:10])


def test_row_keys_are_equal_exactly_for_equal_rows():
    rows = torch.randint(-2, 3, (5000, 4), generator=torch.Generator().manual_seed(0)).float()
    rows[0, 0] = -0.0
    assert len(row_keys(rows).unique()) == len(rows.add(0.0).unique(dim=0))
    assert len(row_keys(torch.randn(50_000, 1)).unique()) >= len(torch.randn(50_000, 1).unique()) - 50


@pytest.mark.parametrize(("slots", "total"), [(32, 1000), (32, 32), (64, 100), (32, 5)])
def test_picks_spread_over_the_batch(slots, total):
    found = torch.stack([reservoir.picks(Counter(0, step), slots, total, CPU) for step in range(300)])
    assert 0 <= int(found.min()) <= int(found.max()) < total
    if total >= slots:
        assert all(len(row.unique()) == slots for row in found)
    times = torch.bincount(found.flatten(), minlength=total).float()
    assert times.min() > 0.4 * times.mean() or total == 1000
    assert times.max() < 4 * times.mean()


def test_slots_of_micro_batches_are_shared_fairly():
    kept = torch.zeros(4)
    for step in range(200):
        owner = torch.zeros(64)
        for earlier in range(1, 4):
            owner = torch.where(reservoir.keeps_new(Counter(0, step), 64, earlier, CPU), earlier, owner)
        kept += torch.bincount(owner.long(), minlength=4)
    assert (kept / kept.sum()).tolist() == pytest.approx([0.25] * 4, abs=0.02)
