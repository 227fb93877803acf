"""The known ways in which codebooks go wrong, each with a check, and with proof that the check fails on the faulty formula."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from tilework.bottlenecks import RQ, VQ, Revival
from tilework.bottlenecks.codebook import book as book_module
from tilework.bottlenecks.codebook import nearest, revival
from tilework.bottlenecks.codebook.quantizer import CodebookBottleneck
from tilework.bottlenecks.codebook.rules import ema
from tilework.bottlenecks.health import duplicate_codes


def tokens(n=256, dim=4, seed=0):
    return torch.randn(1, n, dim, generator=torch.Generator().manual_seed(seed))


def faulty(check, *args):
    """The check must not pass while a fault is in place."""
    with pytest.raises(AssertionError):
        check(*args)


# Revived codes die again at once (only the code is rewritten, not its statistics) --------------------------------


def check_revived_codes_stay():
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=8, start="random", revival=Revival(patience=2, cooldown=5, jitter=0.0))
    with torch.no_grad():
        vq.book.codes[0, 3] = 100.0
        vq.book.total[0, 3] = 100.0
    h = tokens()
    for step in range(200):
        vq(tokens(seed=step))
        if vq.book.revived.sum() > 0:
            break
    place = vq.codebook[0, 3].clone()
    assert place.norm() < 10
    # Unhit tokens far away: the average alone moves the code now.
    vq.book.revival = None
    for _ in range(3):
        vq(torch.full_like(h, -50.0))
    assert torch.allclose(vq.codebook[0, 3], place, rtol=0.1)


def test_revived_codes_stay():
    check_revived_codes_stay()


def test_revived_codes_stay_needs_the_statistics(monkeypatch):
    whole = revival.put

    def code_only(target, codes, values, real):
        if target.ndim == 3 and not getattr(code_only, "done", False):
            code_only.done = True
            whole(target, codes, values, real)

    monkeypatch.setattr(book_module.revival, "put", code_only)
    faulty(check_revived_codes_stay)


# One unhit batch counts as dead ------------------------------------------------------------------------------------


def check_one_unhit_batch_is_not_death():
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=8, start="random")
    for step in range(30):
        vq(tokens(seed=step))
    # A batch that visits one code only.
    vq(vq.codebook[0, :1].expand(256, 4).unsqueeze(0).clone())
    assert vq.book.revived.sum() == 0


def test_one_unhit_batch_is_not_death():
    check_one_unhit_batch_is_not_death()


def test_one_unhit_batch_needs_patience(monkeypatch):
    def hasty(counts, age, settings, counter):
        return idle_now["vq"].book.idle > 0

    idle_now = {}
    built = VQ.__init__

    def remember(self, **settings):
        built(self, **settings)
        idle_now["vq"] = self

    monkeypatch.setattr(VQ, "__init__", remember)
    monkeypatch.setattr(book_module.revival, "judge", hasty)
    faulty(check_one_unhit_batch_is_not_death)


# A k-means start shrinks every code (sums initialised with means instead of mean x count) --------------------------


def check_kmeans_start_keeps_norms():
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=8, revival=None)
    points = tokens(2000)[0] + 5
    vq.start(points, torch.Generator().manual_seed(0))
    before = vq.codebook.norm(dim=-1)
    vq(points.unsqueeze(0))
    assert torch.allclose(vq.codebook.norm(dim=-1), before, rtol=0.02)


def test_kmeans_start_keeps_norms():
    check_kmeans_start_keeps_norms()


def test_kmeans_start_needs_mean_times_count(monkeypatch):
    place = book_module.Codebook._place

    def means_as_sums(self, level, codes, counts):
        place(self, level, codes, counts)
        self.count[level] = counts
        self.total[level] = codes

    monkeypatch.setattr(book_module.Codebook, "_place", means_as_sums)
    faulty(check_kmeans_start_keeps_norms)


# Unused codes explode (counts start at 0) --------------------------------------------------------------------------


def check_unused_codes_stay_where_they_are():
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=64, start="random", revival=None)
    before = vq.codebook.norm(dim=-1).max()
    for _ in range(20):
        vq(torch.full((1, 32, 4), 0.3))
    assert vq.codebook.norm(dim=-1).max() < 1.5 * before


def test_unused_codes_stay_where_they_are():
    check_unused_codes_stay_where_they_are()


def test_unused_codes_need_counts_that_start_at_one(monkeypatch):
    built = book_module.Codebook.__init__

    def from_zero(self, *args, **kwargs):
        built(self, *args, **kwargs)
        self.count.zero_()

    monkeypatch.setattr(book_module.Codebook, "__init__", from_zero)
    # Codes without a count of their own are left alone, so the first fault needs a second one to show.
    check_unused_codes_stay_where_they_are()
    monkeypatch.setattr(ema, "known", lambda counts, epsilon: torch.ones_like(counts, dtype=torch.bool))
    faulty(check_unused_codes_stay_where_they_are)


# Beta on the wrong term; a codebook that never moves ---------------------------------------------------------------


def check_which_loss_moves_what():
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=8, codebook="gradient", start="random")
    h = tokens().requires_grad_()
    losses = vq(h).losses
    to_h, to_codes = torch.autograd.grad(losses["commitment"], [h, vq.codebook], retain_graph=True, allow_unused=True)
    assert to_codes is None
    assert to_h.abs().sum() > 0
    to_h, to_codes = torch.autograd.grad(losses["codebook"], [h, vq.codebook], allow_unused=True)
    assert to_h is None
    # The gradient of a mean over tokens and dimensions: 2 (e - x) / (N D), summed over the tokens of each code.
    found = vq(h).codes[0, 0]
    expected = torch.zeros(8, 4).index_add_(0, found, 2 * (vq.codebook[0][found] - h[0]).detach() / h[0].numel())
    torch.testing.assert_close(to_codes[0], expected)


def test_commitment_moves_the_encoder_and_codebook_the_codes():
    check_which_loss_moves_what()


def test_swapped_terms_are_noticed(monkeypatch):
    forward = CodebookBottleneck.forward

    def swapped(self, h):
        latent = forward(self, h)
        latent.losses.update(commitment=latent.losses["codebook"], codebook=latent.losses["commitment"])
        return latent

    monkeypatch.setattr(CodebookBottleneck, "forward", swapped)
    faulty(check_which_loss_moves_what)


def test_a_codebook_loss_on_the_straight_through_output_is_noticed(monkeypatch):
    forward = CodebookBottleneck.forward

    def through(self, h):
        latent = forward(self, h)
        latent.losses["codebook"] = F.mse_loss(latent.z, h.detach())
        return latent

    monkeypatch.setattr(CodebookBottleneck, "forward", through)
    faulty(check_which_loss_moves_what)


# The loss is a mean over tokens and dimensions, averaged over levels (a sum would depend on the batch) --------------


def test_commitment_is_a_mean_over_tokens_dimensions_and_levels():
    torch.manual_seed(0)
    rq = RQ(dim=3, codes=8, levels=3, start="random").eval()
    latent = rq(tokens(dim=3))
    left, total = tokens(dim=3)[0].double(), 0.0
    for level, codebook in enumerate(rq.codebooks()):
        left = left - codebook[latent.codes[0, level]].double()
        total += left.square().sum().item()
    assert latent.losses["commitment"].item() == pytest.approx(total / (256 * 3 * 3), rel=1e-5)


# Half precision ------------------------------------------------------------------------------------------------------


def test_large_values_under_half_precision_stay_finite():
    torch.manual_seed(0)
    vq = VQ(dim=64, codes=16)
    with torch.autocast("cpu", torch.float16):
        # |x|^2 is 2.5e7: infinite in float16.
        latent = vq((tokens(dim=64) * 600).half())
    assert latent.losses["commitment"].isfinite()
    assert vq.codebook.isfinite().all()
    assert vq.codebook.norm(dim=-1).max() > 1000


# The started flag is state -------------------------------------------------------------------------------------------


def test_a_resumed_codebook_is_not_started_again():
    torch.manual_seed(0)
    first = VQ(dim=4, codes=8)
    assert first.wants_start
    first(tokens())
    assert not first.wants_start
    second = VQ(dim=4, codes=8)
    second.load_state_dict(first.state_dict())
    assert not second.wants_start
    fresh = VQ(dim=4, codes=8)
    second.load_state_dict(fresh.state_dict())
    assert second.wants_start


# Memory: no N x K ----------------------------------------------------------------------------------------------------


class Largest(TorchDispatchMode):
    """The most elements that any tensor made inside this block has."""

    def __init__(self):
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return out


@pytest.mark.parametrize("gradient", ["straight_through", "rotation"])
@pytest.mark.parametrize("codebook", ["ema", "gradient"])
def test_no_tensor_of_a_step_has_tokens_times_codes_elements(codebook, gradient):
    n, k, dim = 4096, 8192, 2
    torch.manual_seed(0)
    vq = VQ(dim=dim, codes=k, codebook=codebook, gradient=gradient, start="random", chunk_mib=1)
    h = tokens(n, dim).requires_grad_()
    with Largest() as largest:
        latent = vq(h)
        (latent.losses["commitment"] + latent.z.sum()).backward()
    ring = 16384 * dim
    assert largest.elements <= max(2**18, n * dim, k * dim, ring)
    assert largest.elements < n * k / 100


def test_the_memory_check_sees_a_full_matrix():
    with Largest() as largest:
        torch.cdist(torch.zeros(64, 2), torch.zeros(32, 2)).argmin(1)
    assert largest.elements == 64 * 32


# Gradient accumulation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", [False, True])
def test_accumulated_micro_batches_are_one_batch(shared):
    results = []
    for parts in (1, 4):
        torch.manual_seed(0)
        rq = RQ(dim=4, codes=8, levels=2, shared=shared, start="random")
        rq.deferred = True
        for step in range(10):
            for part in tokens(seed=step).chunk(parts, dim=1):
                rq(part)
            rq.update()
        results.append(rq)
    for key in ("codes", "count", "total"):
        torch.testing.assert_close(results[0].book.state_dict()[key], results[1].book.state_dict()[key])


def test_codes_do_not_move_between_micro_batches():
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=8, start="random")
    vq.deferred = True
    before = vq.state_dict()["book.codes"].clone()
    vq(tokens())
    vq(tokens(seed=1))
    assert torch.equal(vq.codebook, before)
    vq.update()
    assert not torch.equal(vq.codebook, before)


# Cosine norms; shared codebooks; churn; duplicates -------------------------------------------------------------------


@pytest.mark.parametrize("codebook", ["ema", "gradient"])
def test_cosine_codes_keep_norm_one(codebook):
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=16, distance="cosine", codebook=codebook)
    optimiser = torch.optim.Adam(vq.parameters(), lr=0.1) if codebook == "gradient" else None
    for step in range(100):
        latent = vq(tokens(seed=step) * 50)
        if optimiser:
            optimiser.zero_grad()
            latent.losses["codebook"].backward()
            optimiser.step()
    assert torch.allclose(vq.codebooks()[0].norm(dim=-1), torch.ones(16), atol=1e-5)
    assert vq.codebook.norm(dim=-1).max() < 1.2
    torch.testing.assert_close(latent.z.norm(dim=-1), torch.ones(1, 256))


def check_no_churn():
    """Fewer tokens per step than codes, all of them used evenly in the long run: nothing may be revived."""
    torch.manual_seed(0)
    k, n = 256, 32
    vq = VQ(dim=2, codes=k, start="random")
    places = torch.randn(k, 2) * 10
    vq.start(places, torch.Generator().manual_seed(0))
    revived = 0
    for step in range(400):
        order = torch.randperm(k, generator=torch.Generator().manual_seed(step // (k // n)))
        part = step % (k // n)
        vq(places[order[part * n : (part + 1) * n]].unsqueeze(0))
        revived += int(vq.book.revived.sum())
    assert revived == 0


def test_a_relative_bound_does_not_churn():
    check_no_churn()


def test_an_absolute_bound_churns(monkeypatch):
    monkeypatch.setattr(book_module.revival, "judge", lambda counts, age, settings, counter: counts < 1.0 + 0 * age)
    faulty(check_no_churn)


def test_revival_takes_distinct_points():
    """Two distinct points in the data and many dead codes: no two codes may become the same point."""
    torch.manual_seed(0)
    vq = VQ(dim=2, codes=32, start="random", decay=0.5, revival=Revival(patience=0, cooldown=0, jitter=0.0))
    with torch.no_grad():
        vq.book.codes.add_(100.0)
        vq.book.total.copy_(vq.book.codes)
    two = torch.tensor([[-3.0, 1.0], [2.0, -1.0]]).repeat(64, 1).unsqueeze(0)
    while vq.book.revived.sum() == 0:
        vq(two)
        assert int(vq.book.step) < 100, "nothing was revived"
    assert vq.book.revived.sum() <= 2
    assert duplicate_codes(vq.codebook[0]) == 0


def test_averages_match_the_formula():
    torch.manual_seed(0)
    decay, epsilon, k, dim = 0.9, 1e-3, 8, 4
    vq = VQ(dim=dim, codes=k, decay=decay, epsilon=epsilon, start="random", revival=None)
    n = torch.ones(k, dtype=torch.float64)
    code = vq.codebook[0].double()
    m = code.clone()
    for step in range(20):
        h = tokens(seed=step)[0].double()
        hit = torch.cdist(h, code).argmin(1)
        n = decay * n + (1 - decay) * torch.bincount(hit, minlength=k)
        m = decay * m + (1 - decay) * torch.stack([h[hit == i].sum(0) for i in range(k)])
        code = m / ((n + epsilon) / (n.sum() + k * epsilon) * n.sum())[:, None]
        vq(tokens(seed=step))
    torch.testing.assert_close(vq.codebook[0].double(), code, rtol=1e-4, atol=1e-5)


def test_the_old_codebook_assigns():
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=8, start="random", decay=0.1)
    old = vq.codebook[0].clone()
    latent = vq(tokens())
    assert torch.equal(latent.codes[0, 0], nearest(tokens()[0], old))
    assert not torch.equal(vq.codebook[0], old)


def test_smoothing_keeps_the_total():
    counts = torch.tensor([[0.0, 1.0, 7.0]])
    sums = torch.ones(1, 3, 2)
    smoothed = sums / ema.codes_of(counts, sums, 0.5)
    assert smoothed[0, :, 0].sum().item() == pytest.approx(8.0)


def test_a_token_that_is_not_finite_does_not_pull_a_learnt_codebook():
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=8, codebook="gradient", start="random")
    h = tokens().clone()
    h[0, 5] = float("nan")
    vq(h).losses["codebook"].backward()
    assert vq.codebook.grad.isfinite().all()
    clean = VQ(dim=4, codes=8, codebook="gradient", start="random")
    clean.load_state_dict(vq.state_dict())
    clean(torch.cat([h[:, :5], h[:, 6:]], 1)).losses["codebook"].backward()
    torch.testing.assert_close(vq.codebook.grad, clean.codebook.grad)


def test_a_token_that_is_not_finite_leaves_the_statistics_of_the_others():
    h = tokens().clone()
    h[0, 5, 2] = float("inf")
    results = []
    for batch in (h, torch.cat([h[:, :5], h[:, 6:]], 1)):
        torch.manual_seed(0)
        rq = RQ(dim=4, codes=8, levels=2, start="random")
        latent = rq(batch)
        results.append((latent.stats["counts"], rq.book.codes, rq.book.count))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)
