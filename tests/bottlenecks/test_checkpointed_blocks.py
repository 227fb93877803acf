"""Bottlenecks inside blocks under activation checkpointing train exactly as they do outside of one."""

from __future__ import annotations

import copy
import pickle
from contextlib import nullcontext

import pytest
import torch
from fake_cuda import fake_cuda, on_one_device
from torch import nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from tilework.bottlenecks import RQ, VQ
from tilework.bottlenecks.codebook import reservoir
from tilework.bottlenecks.repetition import passes
from tilework.errors import UserError

STEPS = 5


class Net(nn.Module):
    """Encoder, bottleneck and decoder as one block; random numbers are drawn before and after the bottleneck."""

    def __init__(self, layer):
        super().__init__()
        self.enc, self.layer, self.dec = nn.Linear(6, layer.in_channels), layer, nn.Linear(layer.dim, 6)

    def body(self, x):
        latent = self.layer(nn.functional.dropout(self.enc(x), 0.2))
        out = self.dec(nn.functional.dropout(latent.z, 0.2))
        return (out - x).square().mean() + 0.25 * sum(value.mean() for value in latent.losses.values())


def once(net, run, x):
    return run(net.body, x)


def plain(body, x):
    return body(x)


def anew(body, x):
    return checkpoint(body, x, use_reentrant=False)


def reentrant(body, x):
    return checkpoint(body, x, use_reentrant=True)


def nested(body, x):
    return checkpoint(lambda y: checkpoint(body, y, use_reentrant=False), x, use_reentrant=False)


def nested_reentrant(body, x):
    return checkpoint(lambda y: checkpoint(body, y, use_reentrant=True), x, use_reentrant=True)


def nested_mixed(body, x):
    return checkpoint(lambda y: checkpoint(body, y, use_reentrant=True), x, use_reentrant=False)


RUNS = [anew, reentrant, nested, nested_reentrant, nested_mixed]


def inputs(step, count=1):
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(2, 24, 6, generator=generator).requires_grad_() for _ in range(count)]


def trained(make, run, *, deferred=False, loss=once, count=1, steps=STEPS):
    """Gradients of the encoder at each step, and the final state."""
    torch.manual_seed(0)
    net = Net(make())
    net.layer.deferred = deferred
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    gradients = []
    for step in range(steps):
        optimiser.zero_grad()
        sum(loss(net, run, x) for x in inputs(step, count)).backward()
        gradients.append(net.enc.weight.grad.clone())
        optimiser.step()
        if deferred:
            net.layer.update()
    return gradients, net.state_dict()


def assert_same(one, two):
    for a, b in zip(one[0], two[0], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
    for name, value in one[1].items():
        torch.testing.assert_close(value, two[1][name], rtol=1e-5, atol=1e-6, msg=name)


def test_the_same_gradients_and_the_same_codebook(config, deferred):
    right = trained(config.build, plain, deferred=deferred)
    assert_same(right, trained(config.build, anew, deferred=deferred))
    assert_same(right, trained(config.build, reentrant, deferred=deferred))


def lively():
    """Codes move fast and are revived often."""
    revival = {"patience": 0, "cooldown": 0, "threshold": 0.9}
    return RQ(dim=3, codes=8, levels=2, decay=0.2, level_dropout=0.5, revival=revival)


LIVELY = {
    "rq": lively,
    "gradient": lambda: VQ(dim=3, codes=8, codebook="gradient", distance="cosine", revival={"patience": 0}),
    "simvq": lambda: VQ(dim=3, codes=8, codebook="simvq", revival={"patience": 0, "cooldown": 0}),
}


@pytest.mark.parametrize("make", LIVELY.values(), ids=LIVELY)
@pytest.mark.parametrize("run", RUNS)
def test_nested_blocks(make, run):
    assert_same(*(trained(make, how) for how in (plain, run)))


@pytest.mark.parametrize("make", LIVELY.values(), ids=LIVELY)
@pytest.mark.parametrize("run", RUNS)
def test_many_forward_passes_before_one_backward_pass(make, run):
    assert_same(*(trained(make, how, count=4) for how in (plain, run)))


@pytest.mark.parametrize("run", RUNS)
def test_many_forward_passes_then_as_many_backward_passes(run):
    """First forward, first backward: the other order than one backward pass has."""

    def steps(how):
        torch.manual_seed(0)
        net = Net(lively())
        for step in range(3):
            for loss in [how(net.body, x) for x in inputs(step, 3)]:
                loss.backward()
        return [net.enc.weight.grad, net.dec.weight.grad], net.state_dict()

    assert_same(steps(plain), steps(run))


@pytest.mark.parametrize("run", RUNS)
def test_one_layer_twice_in_a_block(run):
    def twice(net, run, x):
        return run(lambda y: net.body(y) + net.body(2 * y), x)

    assert_same(*(trained(lively, how, loss=twice) for how in (plain, run)))


@pytest.mark.parametrize("run", [anew, reentrant])
def test_a_sequence_of_blocks(run):
    class Codes(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(x).z

    def in_segments(net, run, x):
        whole = nn.Sequential(net.enc, Codes(net.layer), net.dec)
        if run is plain:
            return whole(x).square().mean()
        return checkpoint_sequential(whole, 2, x, use_reentrant=run is reentrant).square().mean()

    assert_same(*(trained(lively, how, loss=in_segments) for how in (plain, run)))


def test_a_retained_graph_goes_backward_twice():
    torch.manual_seed(0)
    net = Net(lively())
    loss = anew(net.body, inputs(0)[0])
    before = {name: value.clone() for name, value in net.state_dict().items()}
    loss.backward(retain_graph=True)
    first = net.enc.weight.grad.clone()
    loss.backward()
    torch.testing.assert_close(net.enc.weight.grad, 2 * first)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_gradient_of_a_gradient():
    def penalty(net, run, x):
        (gradient,) = torch.autograd.grad(run(net.body, x), x, create_graph=True)
        return gradient.square().sum() * 1e3

    assert_same(*(trained(lively, how, loss=penalty, steps=3) for how in (plain, anew)))


def test_a_block_whose_encoder_is_frozen():
    """Nothing of the bottleneck is in the graph, yet its decoder's input must be made again."""

    def steps(how):
        torch.manual_seed(0)
        net = Net(lively())
        net.enc.requires_grad_(False)
        return [
            torch.autograd.grad(how(net.body, inputs(step)[0].detach()), net.dec.weight)[0] for step in range(4)
        ], net.state_dict()

    assert_same(steps(plain), steps(anew))


def test_the_same_batch_at_every_step():
    """With a fixed encoder the tokens are the same too, and the codebook moves between the steps."""

    def steps(how):
        torch.manual_seed(0)
        net, x = Net(lively()), inputs(0)[0]
        return [torch.autograd.grad(how(net.body, x), net.dec.weight)[0] for _ in range(6)], net.state_dict()

    # Dropout off: it would make the batches differ.
    kept, nn.functional.dropout = nn.functional.dropout, lambda x, p: x
    try:
        assert_same(steps(plain), steps(anew))
        assert_same(steps(plain), steps(nested))
    finally:
        nn.functional.dropout = kept


def test_evaluation_and_passes_without_gradient_are_as_ever():
    torch.manual_seed(0)
    layer, other = lively(), lively()
    other.load_state_dict(layer.state_dict())
    x = torch.randn(2, 24, 3)
    for _ in range(3):
        with torch.no_grad():
            layer(x)
        other(x.clone().requires_grad_())
    assert layer.passes._open == []
    assert int(layer.book.step) == 3
    layer.eval()
    before = copy.deepcopy(layer.state_dict())
    for run in (anew, reentrant):
        run(lambda y: layer(y).z.square().mean(), x.clone().requires_grad_()).backward()
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


@pytest.mark.parametrize("run", [anew, reentrant])
def test_the_same_input_twice_with_a_codebook_that_moves_is_refused(run):
    torch.manual_seed(0)
    layer = VQ(dim=3, codes=8, start="random", decay=0.2)
    x = torch.randn(2, 24, 3).requires_grad_()
    loss = run(lambda y: layer(y).losses["commitment"], x) + run(lambda y: layer(y).losses["commitment"], x)
    with pytest.raises(UserError, match="same input twice") as refused:
        loss.backward()
    assert "deferred" in refused.value.fix
    del loss
    layer.deferred = True
    (run(lambda y: layer(y).losses["commitment"], x) + run(lambda y: layer(y).losses["commitment"], x)).backward()


def test_another_input_in_the_backward_pass_is_refused():
    torch.manual_seed(0)
    layer = VQ(dim=3, codes=8, start="random")
    x = torch.randn(2, 24, 3).requires_grad_()

    def noisy(y):
        return layer(y + torch.randn_like(y)).losses["commitment"]

    loss = checkpoint(noisy, x, use_reentrant=False, preserve_rng_state=False)
    with pytest.raises(UserError, match="has not seen") as refused:
        loss.backward()
    assert "preserve_rng_state" in refused.value.why


def test_an_input_that_differs_by_rounding_is_known_again():
    torch.manual_seed(0)
    layer = VQ(dim=3, codes=8, start="random", decay=0.2)
    xs = [torch.randn(2, 24, 3).requires_grad_() for _ in range(3)]
    calls = []

    def rounded(y):
        calls.append(1)
        latent = layer(y * (1 + 1e-6 * (len(calls) > 3)))
        return (latent.z * torch.arange(3.0)).sum() + latent.losses["commitment"]

    used = []
    whole = layer.book.vectors
    layer.book.vectors = lambda earlier=None: used.append(whole(earlier).clone()) or whole(earlier)
    sum(checkpoint(rounded, x, use_reentrant=False) for x in xs).backward()
    assert len(used) == 6
    # The last block is repeated first.
    assert all(torch.equal(a, b) for a, b in zip(used[:3], reversed(used[3:]), strict=True))
    assert not torch.equal(used[0], used[1])


def test_passes_that_are_never_repeated_are_forgotten(monkeypatch):
    monkeypatch.setattr(passes, "_MOST_BYTES", 6 * 8 * 3 * 4)
    torch.manual_seed(0)
    layer = VQ(dim=3, codes=8, start="random", decay=0.2)
    losses = []
    for _ in range(20):
        x = torch.randn(2, 24, 3).requires_grad_()
        losses.append(anew(lambda y: layer(y).losses["commitment"], x))
    kept = {id(one.used) for one in layer.passes._open if one.used is not None}
    assert len(kept) <= 7
    losses[-1].backward()
    with pytest.raises(UserError, match="has not seen"):
        losses[0].backward()
    del losses


def test_what_waits_for_its_repetition_is_neither_copied_nor_saved():
    layer = VQ(dim=3, codes=8)
    loss = anew(lambda y: layer(y).losses["commitment"], torch.randn(2, 24, 3).requires_grad_())
    assert layer.passes._open
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other.passes._open == []
        assert not any("passes" in name for name in other.state_dict())
    loss.backward()


@pytest.mark.parametrize("make", LIVELY.values(), ids=LIVELY)
def test_on_a_gpu_a_pass_that_may_be_repeated_waits_for_nothing(make):
    torch.manual_seed(0)
    layer = make()
    layer(torch.randn(2, 24, 3))
    with fake_cuda(layer), torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
        for step in range(2 * reservoir.EVERY):
            with on_one_device() if step >= reservoir.EVERY else nullcontext():
                layer(torch.randn(2, 24, 3, device="cuda", requires_grad=True))
        assert len(layer.passes._open) == 2 * reservoir.EVERY


def test_these_tests_can_fail(monkeypatch):
    monkeypatch.setattr(passes, "in_backward", lambda: False)
    with pytest.raises(AssertionError):
        assert_same(*(trained(lively, how) for how in (plain, anew)))


def test_codes_of_the_wrong_pass_are_found_out(monkeypatch):
    monkeypatch.setattr(passes.Passes, "keep", lambda self, codes: None)
    with pytest.raises(AssertionError):
        assert_same(*(trained(lively, how) for how in (plain, anew)))


@pytest.mark.slow
@pytest.mark.parametrize("inside", [True, False], ids=["compiled inside", "compiled outside"])
def test_a_compiled_block(inside):
    """Compiled or not, in the block or around it: the codebook moves once a step."""

    def compiled(net, run, x):
        if inside:
            return run(torch.compile(net.body, backend="aot_eager"), x)
        return torch.compile(lambda y: run(net.body, y), backend="aot_eager")(x)

    def make():
        return VQ(dim=3, codes=8, decay=0.2)

    assert_same(trained(make, plain, steps=3), trained(make, anew, loss=compiled, steps=3))
