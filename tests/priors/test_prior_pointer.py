"""Codes around a token, and the mixture of what the network makes of it with copies of them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from prior_examples import rng

from tilework.priors import masked
from tilework.priors.blocks.heads import Evidence, MixtureHead
from tilework.priors.blocks.nearby import UNKNOWN, nearby, offsets
from tilework.priors.contract import TokenShape


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_codes_around_a_token_are_those_of_its_neighbours(frames, circular):
    around = offsets(frames)
    codes = torch.randint(9, (2, frames, 3, 4, 2), generator=rng(1))
    hidden = torch.rand(codes.shape, generator=rng(2)) < 0.4
    found = nearby(codes, hidden, around, circular).numpy()
    assert len(set(around)) == len(around) == (8 if frames == 1 else 28)
    for b, t, y, x, q, j in itertools.product(*map(range, found.shape)):
        frame, row, column = np.add((t, y, x), around[j])
        if circular:
            frame %= frames
        inside = 0 <= frame < frames and 0 <= row < 3 and 0 <= column < 4
        wanted = codes[b, frame, row, column, q] if inside and not hidden[b, frame, row, column, q] else UNKNOWN
        assert found[b, t, y, x, q, j] == int(wanted)


def answer(around=3, levels=1):
    torch.manual_seed(0)
    made = MixtureHead(levels, 6, 8, labels=3, around=around)
    with torch.no_grad():
        for weight in made.parameters():
            weight += 0.1 * torch.randn_like(weight)
    return made


def evidence(count=50, around=3, levels=1, **more):
    torch.manual_seed(1)
    near = torch.randint(-1, 6, (count, levels, around)) if around else None
    return Evidence(torch.randn(count, 8), torch.randint(3, (count,)), nearby=near, **more)


def test_the_mixture_is_the_sum_of_its_formula():
    made, seen = answer(levels=2), evidence(levels=2)
    with torch.no_grad():
        for level in (0, 1):
            found = made(seen, level).exp().numpy()
            assert found.sum(1) == pytest.approx(np.ones(50), rel=1e-5)
            own = made(Evidence(seen.vectors, seen.label), level).softmax(-1).numpy()
            gates = made.gates[level](seen.vectors).numpy()
            for n in range(50):
                near = seen.nearby[n, level].tolist()
                share = np.exp(
                    [gates[n, 0], *(gates[n, 1 + j] if code >= 0 else -np.inf for j, code in enumerate(near))]
                )
                share /= share.sum()
                wanted = share[0] * own[n]
                for j, code in enumerate(near):
                    if code >= 0:
                        wanted[code] += share[1 + j]
                assert found[n] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("around", [0, 3])
def test_the_loss_is_that_of_the_logits(around):
    made, seen = answer(around), evidence(around=around)
    codes = torch.randint(6, (50,))
    with torch.no_grad():
        wanted = torch.nn.functional.cross_entropy(made(seen, 0), codes, reduction="none")
        assert torch.allclose(made.loss(seen, codes, 0), wanted, atol=1e-5)


def test_shares_go_from_label_to_label():
    made = answer(0)
    own, other = evidence(around=0), torch.randint(3, (50,))
    with torch.no_grad():
        plain = made(own, 0)
        for weight, wanted in ((0.0, plain), (1.0, made(Evidence(own.vectors, other), 0))):
            mixed = Evidence(own.vectors, own.label, other, torch.full((50,), weight))
            assert torch.allclose(made(mixed, 0), wanted, atol=1e-6)


def test_what_repeats_is_learnt_at_once():
    """Noise that stands still: 5 frames of a code each that nobody could know but from the frame beside it."""
    shape = TokenShape(5, 1, 4, 4, 64, loop=True)

    def bits(pointer):
        torch.manual_seed(0)
        prior = masked.Prior(masked.Config(width=16, depth=1, heads=2, dropout=0.0, pointer=pointer), shape)
        optimizer = torch.optim.AdamW(prior.parameters(), 2e-2)
        none = torch.full((16,), -1)
        for _ in range(40):
            still = torch.randint(64, (16, 1, 1, 4, 4)).expand(-1, 5, -1, -1, -1)
            prior(still, none).total.backward()
            optimizer.step()
            optimizer.zero_grad()
        fresh = torch.randint(64, (16, 1, 1, 4, 4), generator=rng(5)).expand(-1, 5, -1, -1, -1)
        return float(prior.eval().bits(fresh, none, rng()).mean())

    # One frame in five costs 6 bits a token, whatever is known.
    assert bits(pointer=True) < 3
    assert bits(pointer=False) > 0.9 * math.log2(64)


@pytest.mark.parametrize("frames", [1, 3])
def test_what_comes_before_is_found_as_by_hand(frames: int) -> None:
    from tilework.priors.blocks.before import before, offsets_before, places_before

    height, width, levels = 3, 4, 2
    codes = torch.randint(9, (2, frames * height * width, levels), generator=rng())
    found = before(codes, places_before(frames, height, width, frames > 1))
    grid = codes.view(2, frames, height, width, levels)
    for place in range(frames * height * width):
        t, y, x = place // (height * width), place // width % height, place % width
        for j, (dt, dy, dx) in enumerate(offsets_before(frames)):
            at = (t + dt, y + dy, x + dx)
            inside = at[0] >= 0 and 0 <= at[1] < height and 0 <= at[2] < width
            wanted = grid[:, at[0], at[1], at[2]] if inside else torch.full((2, levels), -1)
            assert torch.equal(found[:, place, :, j], wanted)
            assert not inside or (at[0] * height + at[1]) * width + at[2] < place  # nothing of what follows


def test_a_causal_prior_with_a_pointer_learns_to_copy_the_frame_before() -> None:
    """Frames that repeat in codes that were never seen: nothing but the pointer can know them."""
    from tilework.priors.causal import Config, Prior
    from tilework.priors.contract import TokenShape

    def bits(pointer: bool) -> float:
        torch.manual_seed(0)
        config = Config(width=16, depth=1, heads=2, dropout=0, pointer=pointer, labels=False)
        prior = Prior(config, TokenShape(3, 1, 3, 3, 64))
        optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
        generator = rng()
        none = torch.full((16,), -1)

        def items(low: int, high: int) -> torch.Tensor:
            first = torch.randint(low, high, (16, 1, 1, 3, 3), generator=generator)
            return first.repeat(1, 3, 1, 1, 1)

        for _ in range(60):
            optimizer.zero_grad()
            prior.train()(items(0, 32), none).total.backward()
            optimizer.step()
        held = prior.bits(items(32, 64), none, generator)[:, 1:]
        return float(held.mean())

    assert bits(True) < 1.5 < 6 < bits(False)
