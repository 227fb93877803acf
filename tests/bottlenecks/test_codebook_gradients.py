"""The backward passes of the quantiser against their formulas, by autograd on the formulas themselves."""

from __future__ import annotations

import torch

from tilework.bottlenecks.codebook import rotation, straight_through


def points(seed=0, n=50, d=6):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(n, d, generator=generator, dtype=torch.float64) for _ in range(3))


def test_straight_through():
    x, q, g = points()
    x.requires_grad_()
    out = straight_through(x, q)
    assert torch.equal(out, q)
    out.backward(g)
    assert torch.equal(x.grad, g)


def test_rotation_is_the_papers_formula():
    """(|q|/|x|) (x - 2 w (w.x) + 2 v (u.x)), w = (u+v)/|u+v|, all but x held constant (arXiv 2410.06424)."""
    x, q, g = points()
    u, v = x / x.norm(dim=1, keepdim=True), q / q.norm(dim=1, keepdim=True)
    w = (u + v) / (u + v).norm(dim=1, keepdim=True)
    reference = x.clone().requires_grad_()
    turned = reference - 2 * w * (w * reference).sum(1, keepdim=True) + 2 * v * (u * reference).sum(1, keepdim=True)
    formula = q.norm(dim=1, keepdim=True) / x.norm(dim=1, keepdim=True) * turned
    torch.testing.assert_close(formula, q)
    formula.backward(g)
    ours = x.clone().requires_grad_()
    out = rotation(ours, q)
    assert torch.equal(out, q)
    out.backward(g)
    torch.testing.assert_close(ours.grad, reference.grad)


def test_rotation_keeps_angles_to_the_gradient():
    """The angle between gradient and q before is that between gradient and x after: the point of the trick."""
    x, q, g = points(seed=1)
    x.requires_grad_()
    rotation(x, q).backward(g)
    before = torch.cosine_similarity(g, q)
    after = torch.cosine_similarity(x.grad, x.detach())
    torch.testing.assert_close(before, after)


def test_rotation_falls_back_where_it_is_singular():
    q = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]])
    x = torch.stack([torch.zeros(2), -3 * q[1], torch.ones(2)]).requires_grad_()
    g = torch.tensor([[1.0, -1.0], [2.0, 0.5], [0.3, 0.3]])
    rotation(x, q).backward(g)
    assert torch.equal(x.grad, g)


def test_rotation_near_its_singularities_is_finite():
    q = torch.tensor([[1.0, 0.0]]).repeat(4, 1)
    x = torch.tensor([[-1.0, 1e-7], [-1.0, 1e-5], [1e-7, 0.0], [1e-5, 1e-5]]).requires_grad_()
    rotation(x, q).sum().backward()
    assert x.grad.isfinite().all()
