"""The step of every bottleneck on a CUDA device: nothing is left on the host, and nothing waits for the device.

The start (k-means) is no part of the step and may wait; the backward pass cannot be followed without a driver.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from fake_cuda import WAITS, OtherDevice, fake_cuda, gradients, on_one_device
from torch import Tensor

from tilework.bottlenecks import VQ, NoBottleneck
from tilework.bottlenecks.codebook import gradients as formulas
from tilework.bottlenecks.codebook import reservoir


@pytest.fixture
def _tokens_are_taken_in_every_other_step(monkeypatch):
    """All that happens in some steps only then happens within two of them."""
    monkeypatch.setattr(reservoir, "EVERY", 2)


def stepped(config, *, deferred=True):
    """A bottleneck that has taken its first step on the CPU: what the host reads from the state, it has read."""
    torch.manual_seed(0)
    bottleneck = config.build()
    bottleneck.deferred = deferred
    bottleneck(torch.randn(6, bottleneck.in_channels, 4, 5))
    bottleneck.update()
    return bottleneck


def step(bottleneck, micro_batches=1) -> Tensor:
    """Forward in training mode, losses, the update; returns what a loop would go backward from."""
    total = torch.zeros((), device="cuda")
    for _ in range(micro_batches):
        h = torch.randn(6, bottleneck.in_channels, 4, 5, device="cuda", requires_grad=True)
        latent = bottleneck(h)
        total = total + latent.z.square().mean() + sum(value.sum() for value in latent.losses.values())
        everything = [latent.z, *latent.losses.values(), *latent.stats.values(), *latent.inputs]
        assert all(value.device.type == "cuda" for value in everything)
        assert latent.codes is None or latent.codes.device.type == "cuda"
    bottleneck.update()
    return total


def steps(bottleneck) -> None:
    """As many as it takes to come by all that happens in some steps only; constants are made in the first of them."""
    for _ in range(reservoir.EVERY):
        step(bottleneck)
    with on_one_device():
        for _ in range(reservoir.EVERY):
            assert step(bottleneck, micro_batches=2).requires_grad


@pytest.mark.usefixtures("_tokens_are_taken_in_every_other_step")
def test_a_step_waits_for_nothing_and_leaves_nothing_behind(config, deferred):
    bottleneck = stepped(config, deferred=deferred)
    with fake_cuda(bottleneck):
        steps(bottleneck)
        assert all(value.device.type == "cuda" for value in bottleneck.state_dict().values())


def test_what_is_asked_of_it_between_steps_is_on_the_device(typical):
    bottleneck = stepped(typical)
    with fake_cuda(bottleneck):
        step(bottleneck)
        gradients(bottleneck)
        with on_one_device():
            for setting in bottleneck.settings():
                bottleneck.set(setting.name, setting.high)
            step(bottleneck)
            health, gradient = bottleneck.health(), bottleneck.code_gradient()
            found = [*health.values(), *bottleneck.codebooks(), *([] if gradient is None else [gradient])]
        assert all(value.device.type == "cuda" for value in found)
        assert all(value.shape == (bottleneck.levels, bottleneck.codes_per_level) for value in health.values())


def test_inference_waits_for_nothing(config):
    bottleneck = stepped(config).eval()
    with fake_cuda(bottleneck), on_one_device():
        codes, z = bottleneck.infer(torch.randn(6, bottleneck.in_channels, 4, 5, device="cuda"))
        assert z.device.type == "cuda"
        if codes is not None:
            assert codes.device.type == "cuda"
            assert bottleneck.lookup(codes).shape == z.shape


@pytest.mark.parametrize("formula", [formulas._StraightThrough, formulas._Rotation])
def test_backward_formulas_of_our_own_wait_for_nothing(formula):
    with fake_cuda(), on_one_device():
        x, q, g = torch.randn(3, 10, 4, device="cuda")
        to_x, to_q = formula.backward(SimpleNamespace(saved_tensors=(x, q)), g)
        assert to_x.shape == x.shape
        assert to_x.device == x.device
        assert to_q is None


# These tests can fail ----------------------------------------------------------------------------------------------------


class Waiting(NoBottleneck):
    def forward(self, h):
        latent = super().forward(h)
        assert latent.z.sum().item() != 0.5
        return latent


class Branching(NoBottleneck):
    def forward(self, h):
        return super().forward(h if h.mean() > 0 else h * 2)


class Choosing(NoBottleneck):
    def update(self):
        self.some = torch.ones(4, device="cuda").nonzero()


class Copying(NoBottleneck):
    def update(self):
        self.seen = torch.ones(4, device="cuda").cpu()


class Sending(NoBottleneck):
    def forward(self, h):
        return super().forward(h + torch.zeros(h.shape[1:]).to(h.device))


class Forgotten(NoBottleneck):
    """Its offset is neither a parameter nor a buffer, so it stays where it was made."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.offset = torch.zeros(3, 1, 1)

    def forward(self, h):
        return super().forward(h + self.offset)


class MadeOnTheHost(NoBottleneck):
    def forward(self, h):
        return super().forward(h + torch.zeros(3, 1, 1))


class IndexedFromTheHost(NoBottleneck):
    def forward(self, h):
        return super().forward(h[:, torch.tensor([2, 1, 0])])


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        (Waiting, WAITS),
        (Branching, WAITS),
        (Choosing, WAITS),
        (Copying, OtherDevice),
        (Sending, OtherDevice),
        (Forgotten, (AssertionError, RuntimeError)),
        (MadeOnTheHost, RuntimeError),
        (IndexedFromTheHost, OtherDevice),
    ],
)
def test_a_bottleneck_that_waits_or_stays_behind_is_caught(kind, raised):
    bottleneck = kind(dim=3)
    with fake_cuda(bottleneck), pytest.raises(raised):
        steps(bottleneck)


def test_a_search_that_asks_the_device_is_caught(monkeypatch):
    whole = VQ._levels
    monkeypatch.setattr(VQ, "_levels", lambda self, x, *rest: whole(self, x[x[:, 0] > -9], *rest))
    bottleneck = stepped(VQ(dim=4, codes=8).config)
    with fake_cuda(bottleneck), pytest.raises(WAITS):
        step(bottleneck)


def test_a_first_step_reads_the_state_once():
    torch.manual_seed(0)
    bottleneck = VQ(dim=4, codes=8, start="random")
    with fake_cuda(bottleneck), pytest.raises(WAITS):
        step(bottleneck)
