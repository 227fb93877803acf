"""The same codebook in, the same codes, outputs, gradients and moving averages out as vector-quantize-pytorch."""

from __future__ import annotations

import pytest
import torch

from tilework.bottlenecks import FSQ, RQ, VQ

peer = pytest.importorskip("vector_quantize_pytorch")


def tokens(seed=0, n=200, dim=8):
    return torch.randn(2, n, dim, generator=torch.Generator().manual_seed(seed))


def give(theirs, codes):
    """Put one codebook (K, D), with counts of 1, into a peer's layer."""
    book = theirs._codebook
    book.embed.data.copy_(codes)
    book.embed_avg.data.copy_(codes)
    book.cluster_size.data.fill_(1.0)
    book.initted.data.fill_(True)


def test_vq_with_moving_averages():
    torch.manual_seed(0)
    ours = VQ(dim=8, codes=32, decay=0.9, start="random", revival=None)
    theirs = peer.VectorQuantize(8, 32, decay=0.9, commitment_weight=1.0, rotation_trick=False)
    give(theirs, ours.codebook)
    for step in range(5):
        mine, other = tokens(step).requires_grad_(), tokens(step).requires_grad_()
        latent = ours(mine)
        z, codes, loss = theirs(other)
        assert torch.equal(latent.codes[:, 0], codes)
        torch.testing.assert_close(latent.z, z)
        torch.testing.assert_close(latent.losses["commitment"], loss.squeeze())
        (latent.z.square().sum() + 0.25 * latent.losses["commitment"]).backward()
        (z.square().sum() + 0.25 * loss.sum()).backward()
        torch.testing.assert_close(mine.grad, other.grad)
        torch.testing.assert_close(ours.codebook, theirs._codebook.embed)
        torch.testing.assert_close(ours.book.count, theirs._codebook.cluster_size)


def test_rotation_trick():
    torch.manual_seed(0)
    ours = VQ(dim=8, codes=32, start="random", revival=None, gradient="rotation")
    theirs = peer.VectorQuantize(8, 32, decay=0.99, commitment_weight=0.0, rotation_trick=True)
    give(theirs, ours.codebook)
    mine, other = tokens().requires_grad_(), tokens().requires_grad_()
    ours(mine).z.pow(3).sum().backward()
    theirs(other)[0].pow(3).sum().backward()
    torch.testing.assert_close(mine.grad, other.grad, rtol=1e-3, atol=1e-4)


def test_cosine():
    torch.manual_seed(0)
    ours = VQ(dim=8, codes=32, start="random", distance="cosine").eval()
    theirs = peer.VectorQuantize(8, 32, use_cosine_sim=True).eval()
    theirs._codebook.embed.data.copy_(ours.codebook)
    latent = ours(tokens())
    z, codes, _ = theirs(tokens())
    assert torch.equal(latent.codes[:, 0], codes)
    torch.testing.assert_close(latent.z, z)


def test_residual():
    torch.manual_seed(0)
    ours = RQ(dim=8, codes=32, levels=4, decay=0.8, start="random", revival=None)
    theirs = peer.ResidualVQ(
        dim=8, num_quantizers=4, codebook_size=32, decay=0.8, commitment_weight=1.0, rotation_trick=False
    )
    for layer, codes in zip(theirs.layers, ours.codebooks(), strict=True):
        give(layer, codes)
    for step in range(3):
        latent = ours(tokens(step))
        z, codes, losses = theirs(tokens(step))
        assert torch.equal(latent.codes, codes.permute(0, 2, 1))
        torch.testing.assert_close(latent.z, z)
        torch.testing.assert_close(latent.losses["commitment"], losses.mean())
        for level, layer in enumerate(theirs.layers):
            torch.testing.assert_close(ours.codebook[level], layer._codebook.embed[0])


@pytest.mark.parametrize("levels", [[8, 6, 5], [5, 3], [4, 7, 16, 3]])
def test_fsq(levels):
    mine, other = (tokens(dim=len(levels)).mul(2).requires_grad_() for _ in range(2))
    theirs = peer.FSQ(levels)
    latent = FSQ(levels=levels)(mine)
    z, codes = theirs(other)
    assert torch.equal(latent.codes[:, 0], codes.long())
    torch.testing.assert_close(latent.z, z)
    latent.z.pow(3).sum().backward()
    z.pow(3).sum().backward()
    torch.testing.assert_close(mine.grad, other.grad)
