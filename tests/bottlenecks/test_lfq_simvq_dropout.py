"""Lookup-free quantisation, SimVQ and level dropout against brute force and against vector-quantize-pytorch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tilework.bottlenecks import LFQ, RQ, VQ
from tilework.errors import UserError


def tokens(seed=0, n=200, dim=8):
    return torch.randn(2, n, dim, generator=torch.Generator().manual_seed(seed))


def brute_entropy(x, temperature, diversity):
    """Over all 2^D codes in float64, one by one."""
    x = x.detach().double().numpy()
    d = x.shape[1]
    codes = np.array([[1.0 if c >> bit & 1 else -1.0 for bit in range(d)] for c in range(2**d)])
    logits = -((x[:, None] - codes[None]) ** 2).sum(-1) / temperature
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)

    def entropy(q):
        return -(q * np.log(np.maximum(q, 1e-300))).sum(-1)

    return entropy(p).mean() - diversity * entropy(p.mean(0))


@pytest.mark.parametrize(
    ("dim", "temperature", "diversity"), [(1, 1.0, 1.0), (4, 0.5, 0.3), (7, 2.0, 2.0), (8, 0.01, 1.0)]
)
def test_lfq_entropy_equals_all_codes_one_by_one(dim, temperature, diversity):
    x = tokens(dim=dim)
    found = LFQ(dim=dim, temperature=temperature, diversity=diversity)(x).losses["entropy"]
    assert found.item() == pytest.approx(brute_entropy(x.flatten(0, 1), temperature, diversity), rel=1e-4, abs=1e-5)


def test_lfq_equals_the_peer():
    peer = pytest.importorskip("vector_quantize_pytorch")
    theirs = peer.LFQ(dim=6, entropy_loss_weight=1.0, diversity_gamma=0.7)
    ours = LFQ(dim=6, diversity=0.7, temperature=0.5)
    mine, other = (0.3 * tokens(dim=6)).requires_grad_(), (0.3 * tokens(dim=6)).requires_grad_()
    latent = ours(mine)
    # Its inverse temperature multiplies -|x - c|^2.
    z, codes, loss = theirs(other, inv_temperature=2.0)
    torch.testing.assert_close(latent.z, z)
    # Its first channel is the most significant bit, ours the least.
    turned = sum(((codes >> bit) & 1) << (5 - bit) for bit in range(6))
    assert torch.equal(latent.codes[:, 0], turned.long())
    # It clamps probabilities at 1e-5 inside the logarithm.
    torch.testing.assert_close(latent.losses["entropy"], loss, rtol=1e-3, atol=1e-3)
    (latent.z.pow(3).sum() + 5 * latent.losses["entropy"]).backward()
    (z.pow(3).sum() + 5 * loss).backward()
    torch.testing.assert_close(mine.grad, other.grad, rtol=1e-3, atol=1e-3)


def test_lfq_entropy_brings_collapsed_tokens_to_all_codes():
    torch.manual_seed(0)
    x = (1.0 + 0.1 * torch.randn(256, 4)).requires_grad_()
    bottleneck = LFQ(dim=4, temperature=1.0)
    first = bottleneck(x.unsqueeze(0)).codes.unique().numel()
    optimiser = torch.optim.Adam([x], lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        bottleneck(x.unsqueeze(0)).losses["entropy"].backward()
        optimiser.step()
    latent = bottleneck(x.unsqueeze(0))
    assert first == 1
    assert latent.codes.unique().numel() == 16
    assert latent.losses["entropy"].item() < -0.8 * math.log(16)


def test_lfq_holds_no_n_times_k():
    """2^20 codes for 4,096 tokens would be 16 GiB of probabilities."""
    x = tokens(n=2048, dim=20).requires_grad_()
    loss = LFQ(dim=20)(x).losses["entropy"]
    loss.backward()
    assert x.grad.isfinite().all()
    assert loss.item() >= -math.log(4096) - 1e-3


def simvq(**more):
    torch.manual_seed(0)
    return VQ(dim=8, codes=32, codebook="simvq", start="random", **more)


def test_simvq_equals_the_peer():
    peer = pytest.importorskip("vector_quantize_pytorch")
    ours = simvq(revival=None)
    theirs = peer.SimVQ(dim=8, codebook_size=32, rotation_trick=False, input_to_quantize_commit_loss_weight=0.25)
    theirs.frozen_codebook.data.copy_(ours.book.codes[0])
    theirs.code_transform.weight.data.copy_(torch.eye(8))
    for step in range(3):
        mine, other = tokens(step).requires_grad_(), tokens(step).requires_grad_()
        latent = ours(mine)
        z, codes, loss = theirs(other)
        assert torch.equal(latent.codes[:, 0], codes)
        torch.testing.assert_close(latent.z, z)
        total = latent.losses["codebook"] + 0.25 * latent.losses["commitment"]
        torch.testing.assert_close(total, loss)
        for one, parameter in ((total, ours.book.mix), (loss, theirs.code_transform.weight)):
            one.backward()
            with torch.no_grad():
                parameter -= parameter.grad
                parameter.grad = None
        # theirs multiplies by the transposed weight
        torch.testing.assert_close(ours.book.mix[0], theirs.code_transform.weight.t())
        torch.testing.assert_close(mine.grad, other.grad)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_simvq_moves_every_code_and_keeps_its_vectors(distance):
    ours = simvq(revival=None, distance=distance)
    kept, before = ours.book.codes.clone(), ours.codebooks()[0].detach().clone()
    optimiser = torch.optim.SGD(ours.parameters(), lr=1.0)
    (ours(tokens(5, n=3)).losses["codebook"] * 8).backward()
    optimiser.step()
    after = ours.codebooks()[0].detach()
    assert torch.equal(ours.book.codes, kept)
    assert ((after - before).norm(dim=1) > 0).all()


def test_simvq_revives_dead_codes_where_the_tokens_are():
    ours = simvq(decay=0.9, revival={"patience": 2, "cooldown": 0})
    with torch.no_grad():
        ours.book.mix[0] = torch.randn(8, 8)
    for step in range(60):
        ours(50 + 0.1 * tokens(step))
    codes = ours.codebooks()[0].detach()
    near = (codes - 50).abs().amax(1) < 3
    assert near.float().mean() > 0.9


def test_simvq_starts_at_the_tokens_whatever_its_matrix_was():
    ours = simvq()
    with torch.no_grad():
        ours.book.mix[0] = torch.randn(8, 8)
    points = 20 + tokens().flatten(0, 1)
    ours.start(points, torch.Generator().manual_seed(0))
    assert (ours.codebooks()[0] - 20).abs().max() < 6


def test_level_dropout_reports_and_learns_from_the_levels_in_use():
    torch.manual_seed(0)
    ours = RQ(dim=4, codes=8, levels=4, level_dropout=1.0, revival=None, decay=0.99)
    points = torch.randn(2000, 4, generator=torch.Generator().manual_seed(0))
    ours.start(points, torch.Generator().manual_seed(0))
    ours.deferred = True
    h = points.view(100, 20, 4)
    latent = ours(h)
    # Which levels each image went through, from the outputs alone.
    parts = torch.stack([book[c] for book, c in zip(ours.codebooks(), latent.codes.transpose(0, 1), strict=True)])
    sums = parts.cumsum(0)
    error = (sums - latent.z.detach()).abs().amax((2, 3))
    depth = error.argmin(0) + 1
    assert error.min(0).values.max() < 1e-5
    assert set(depth.tolist()) == {1, 2, 3, 4}
    counts = latent.stats["counts"].sum(1)
    assert counts.tolist() == [20.0 * int((depth > level).sum()) for level in range(4)]
    # The loss of a level is the mean over the images that went through it.
    expected = []
    for level, x in enumerate(latent.inputs):
        each = (x.view(100, 20, 4) - parts[level]).square()
        expected.append(each[depth > level].mean())
    torch.testing.assert_close(latent.losses["commitment"], torch.stack(expected).mean())
    # Statistics: only tokens that went through a level move its codes.
    before = ours.book.total.clone(), ours.book.count.clone()
    ours.update()
    level, decay = 3, 0.99
    through = (depth > level).repeat_interleave(20)
    sums = torch.zeros(8, 4).index_add_(
        0, latent.codes[:, level].flatten()[through], latent.inputs[level].detach()[through]
    )
    torch.testing.assert_close(ours.book.total[level], before[0][level] * decay + (1 - decay) * sums)


def test_level_dropout_is_off_in_evaluation_and_fewer_levels_decode():
    torch.manual_seed(0)
    ours = RQ(dim=4, codes=8, levels=3, level_dropout=1.0)
    ours(tokens(dim=4))
    ours.eval()
    latent = ours(tokens(dim=4))
    assert torch.equal(ours.decode(latent.codes), latent.z)
    first = ours.codebooks()[0][latent.codes[:, 0]]
    assert torch.equal(ours.decode(latent.codes[:, :1]), first)
    with pytest.raises(UserError, match="do not fit"):
        ours.decode(latent.codes[:, :0])


def first_level_error(share: float, seed: int) -> float:
    """Squared error of the best decoder for what training shows it, where it is given the first level's codes alone.

    The decoder is a polynomial found by least squares, so that nothing depends on how a net happens to train. The points lie on
    a circle; their first codes lie within it, where a decoder that only ever saw all levels has never been.
    """
    torch.manual_seed(seed)
    turn = torch.arange(512) * 2 * math.pi / 512
    points = torch.stack([turn.cos(), turn.sin()], 1)
    target = torch.stack([(3 * turn).cos(), (3 * turn).sin()], 1).double()
    bottleneck = RQ(dim=2, codes=4, levels=4, codebook="gradient", level_dropout=share)
    bottleneck.start(points, torch.Generator().manual_seed(seed))

    def features(z: torch.Tensor) -> torch.Tensor:
        x, y = z.detach().double().view(-1, 2).unbind(1)
        return torch.stack([x**i * y**j for i in range(6) for j in range(6 - i)], 1)

    batch = points.view(8, 64, 2)
    seen = torch.cat([features(bottleneck.train()(batch).z) for _ in range(20)])
    decoder = torch.linalg.lstsq(seen, target.repeat(20, 1), driver="gelsd").solution
    codes = bottleneck.eval()(batch).codes
    return (features(bottleneck.decode(codes[:, :1])) @ decoder - target).square().mean().item()


def test_level_dropout_makes_the_first_level_better():
    """By a third, at five starts; the largest single error with it stays below the smallest without."""
    without, dropped = ([first_level_error(share, seed) for seed in range(5)] for share in (0.0, 0.8))
    assert max(dropped) < 0.9 * min(without)
    assert sum(dropped) < 0.75 * sum(without)
