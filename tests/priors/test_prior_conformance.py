"""What every prior promises, run on every kind that is registered: adding a file adds its tests."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from prior_examples import FORMS, SHAPES, built, rng, some

from tilework.errors import UserError
from tilework.priors.contract import LabelMix, Sampling, TokenShape
from tilework.spec import PRIORS

CASES = [
    pytest.param(kind, form, shape, id=f"{kind}-{number}-{shape}")
    for kind in PRIORS.shipped
    for number, form in enumerate(FORMS.get(kind, ()))
    for shape in SHAPES
]
every = pytest.mark.parametrize(("kind", "form", "shape"), CASES)
each_kind = pytest.mark.parametrize("kind", PRIORS.shipped)


@pytest.fixture
def prior(kind, form, shape):
    return built(kind, SHAPES[shape], **form)


def nothing(tokens):
    return torch.zeros_like(tokens, dtype=torch.bool)


def test_every_kind_has_examples():
    assert set(FORMS) == set(PRIORS.shipped)


@every
def test_shapes_and_kinds_of_numbers(prior, form, shape):
    tokens, labels = some(prior.shape)
    for mode in (True, False):
        prior.train(mode)
        loss = prior(tokens, labels)
        assert loss.total.shape == ()
        assert loss.total.requires_grad
        assert math.isfinite(loss.total.detach())
        assert all(v.shape == () and not v.requires_grad for v in loss.values.values())
    bits = prior.bits(tokens, labels, rng())
    assert bits.shape == tokens.shape
    assert bits.dtype == torch.float32
    assert not bits.requires_grad
    assert bool((bits >= 0).all())
    assert float(bits.mean()) > 0
    drawn = prior.sample(tokens, nothing(tokens), labels, Sampling(), rng())
    assert drawn.shape == tokens.shape
    assert drawn.dtype == torch.int64
    assert 0 <= int(drawn.min()) <= int(drawn.max()) < prior.shape.codes


@every
def test_gradients_reach_every_parameter(prior, form, shape):
    prior.train()
    tokens, labels = some(prior.shape, 12)
    torch.manual_seed(0)
    sum(prior(tokens, labels).total for _ in range(4)).backward()
    unreached = [name for name, p in prior.named_parameters() if p.grad is None or not bool(p.grad.abs().sum())]
    assert unreached == []


@every
def test_modes_are_left_as_they_were(prior, form, shape):
    tokens, labels = some(prior.shape)
    for mode in (True, False):
        prior.train(mode)
        prior.bits(tokens, labels, rng())
        prior.sample(tokens, nothing(tokens), labels, Sampling(steps=2), rng())
        assert prior.training == mode
        assert all(layer.training == mode for layer in prior.modules())


@every
def test_known_tokens_come_back(prior, form, shape):
    tokens, labels = some(prior.shape)
    for share in (0.2, 0.8):
        known = torch.rand(tokens.shape, generator=rng(3)) < share
        # What is not known is not looked at, whatever stands there.
        given = torch.where(known, tokens, 10**6)
        drawn = prior.sample(given, known, labels, Sampling(), rng())
        assert torch.equal(drawn[known], tokens[known])
        assert int(drawn.max()) < prior.shape.codes
    assert torch.equal(prior.sample(tokens, ~nothing(tokens), labels, Sampling(), rng()), tokens)


@every
def test_what_is_not_known_has_no_influence(prior, form, shape):
    tokens, labels = some(prior.shape)
    known = torch.rand(tokens.shape, generator=rng(3)) < 0.5
    other = torch.where(known, tokens, (tokens + 1) % prior.shape.codes)
    first, second = (prior.sample(given, known, labels, Sampling(), rng()) for given in (tokens, other))
    assert torch.equal(first, second)


@every
def test_a_seed_is_one_result_and_torchs_own_numbers_are_left_alone(prior, form, shape):
    tokens, labels = some(prior.shape)
    results = []
    for seed, noise in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        drawn = prior.sample(tokens, nothing(tokens), labels, Sampling(), rng(seed))
        bits = prior.bits(tokens, labels, rng(seed))
        assert torch.equal(torch.get_rng_state(), before)
        results.append((drawn, bits))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert not torch.equal(results[0][0], results[2][0])


@every
def test_whoever_watches_sees_tokens_arrive_and_may_stop(prior, form, shape):
    tokens, labels = some(prior.shape)
    known = nothing(tokens)
    known[:, 0, 0, 0, 0] = True
    seen = []

    def watch(shown, there):
        assert shown.shape == there.shape == tokens.shape
        assert there.dtype == torch.bool
        seen.append((shown.clone(), there.clone()))

    drawn = prior.sample(tokens, known, labels, Sampling(steps=3), rng(), watch)
    for (before, there), (after, _) in itertools.pairwise([*seen, (drawn, None)]):
        assert torch.equal(before[there], after[there])
    counts = [int(there.sum()) for _, there in seen]
    assert counts == sorted(set(counts))
    assert counts[-1] == tokens.numel()

    class Stopped(Exception):
        pass

    def stop(shown, there):
        raise Stopped

    prior.train()
    with pytest.raises(Stopped):
        prior.sample(tokens, known, labels, Sampling(), rng(), stop)
    assert prior.training


@every
def test_state_survives(prior, form, shape, kind):
    tokens, labels = some(prior.shape)
    other = built(kind, prior.shape, **form)
    with torch.no_grad():
        for weight in other.parameters():
            weight.zero_()
    other.load_state_dict(prior.state_dict())
    assert torch.equal(other.bits(tokens, labels, rng()), prior.bits(tokens, labels, rng()))


@every
def test_settings_survive_yaml_and_a_run_can_be_steered(prior, form, shape):
    assert PRIORS.parse(prior.config.model_dump(mode="json")) == prior.config
    tokens, labels = some(prior.shape)
    for setting in prior.settings():
        assert setting.low <= setting.value <= setting.high
        prior.set(setting.name, 0.5)
        assert {s.name: s.value for s in prior.settings()}[setting.name] == 0.5
    with pytest.raises(KeyError):
        prior.set("nonsense", 1.0)
    prior.train()
    assert not torch.equal(prior(tokens, labels).total, prior(tokens, labels).total)


@every
def test_autocast_changes_neither_dtype_nor_sense(prior, form, shape):
    tokens, labels = some(prior.shape)
    plain = prior.bits(tokens, labels, rng())
    with torch.autocast("cpu", torch.bfloat16):
        loss, bits = prior(tokens, labels), prior.bits(tokens, labels, rng())
        drawn = prior.sample(tokens, nothing(tokens), labels, Sampling(steps=2), rng())
    assert loss.total.dtype == bits.dtype == torch.float32
    assert drawn.dtype == torch.int64
    assert float((bits - plain).abs().mean()) < 0.04 * float(plain.mean())


@every
def test_no_label_is_a_label_of_its_own(prior, form, shape):
    tokens, labels = some(prior.shape)

    def cost(label):
        return prior.bits(tokens, torch.full_like(labels, label), rng())

    assert torch.equal(cost(-1), cost(-1))
    if prior.config.labels:
        assert not torch.allclose(cost(-1), cost(0))
        assert not torch.allclose(cost(1), cost(0))
    else:
        assert torch.equal(cost(-1), cost(0))


@every
def test_guidance_goes_towards_the_label(prior, form, shape):
    tokens, labels = some(prior.shape, 64)
    if not prior.config.labels:
        with pytest.raises(UserError, match="--guidance 1"):
            prior.sample(tokens, nothing(tokens), labels, Sampling(guidance=1), rng())
        return
    labels = torch.ones_like(labels)
    one = {"steps": 10**6, "order": "random"}
    drawn = [
        prior.sample(tokens, nothing(tokens), labels, Sampling(guidance=g, **one), rng()) for g in (0.0, 1.0, 1e-9)
    ]
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])
    # Without a label there is nothing to go to.
    none = torch.full_like(labels, -1)
    plain, guided = (
        prior.sample(tokens, nothing(tokens), none, Sampling(guidance=g, **one), rng()) for g in (0.0, 3.0)
    )
    assert float((plain == guided).float().mean()) > 0.99  # the two sums round differently


@every
def test_labels_mix_frame_by_frame(prior, form, shape):
    """0 is the one label's own draw, 1 the other's; between them it is that of a label whose vector lies between theirs."""
    tokens, _ = some(prior.shape, 16)
    count, frames, last = len(tokens), tokens.shape[1], prior.shape.classes - 1

    def drawn(label, weight=None, other=0, **sampling):
        mix = None if weight is None else LabelMix(torch.full((count,), other), torch.full((count, frames), weight))
        labels = torch.full((count,), label)
        return prior.sample(tokens, nothing(tokens), labels, Sampling(**sampling), rng(), mix=mix)

    guided = {"guidance": 2.0} if prior.config.labels else {}
    for sampling in ({}, guided):
        assert torch.equal(drawn(1, 0.0, **sampling), drawn(1, **sampling))
        assert torch.equal(drawn(1, 1.0, **sampling), drawn(0, **sampling))
    half = drawn(1, 0.5)
    if not prior.config.labels:
        assert torch.equal(half, drawn(1))
        return
    assert not torch.equal(half, drawn(1))
    with torch.no_grad():
        for name, layer in prior.named_modules():
            if name in ("label.table", "head.shares"):
                table = layer.weight.view(prior.shape.classes + 1, -1)
                table[last] = torch.lerp(table[1], table[0], 0.5)
    if last > 1:
        assert torch.equal(half, drawn(last))
    with pytest.raises(UserError, match="label 9 is not known"):
        drawn(1, 0.5, 9)


@every
def test_each_frame_has_its_own_mixture(prior, form, shape):
    """A loop has no special frame: where the weights are turned, the likeliest tokens turn with them."""
    if not prior.config.labels or not prior.sees_both_sides or not prior.shape.loop or "window" in form:
        return  # of a clip that is seen window by window, the first frames are chosen from frame 0 on
    tokens, labels = some(prior.shape, 64)
    weight = torch.rand(64, prior.shape.frames, generator=rng(4)).round()
    with torch.no_grad():
        prior.label.table.weight.mul_(5)

    def likeliest(weight):
        mix = LabelMix(torch.zeros_like(labels), weight)
        return prior.sample(
            tokens, nothing(tokens), torch.ones_like(labels), Sampling(top_k=1, steps=1), rng(), mix=mix
        )

    turned = likeliest(weight.roll(1, 1)).roll(-1, 1)
    assert float((turned == likeliest(weight)).float().mean()) > 0.99  # sums round differently
    assert not torch.equal(likeliest(weight), likeliest(weight[:, :1].expand_as(weight)))


@every
def test_other_lengths_where_it_allows_them(prior, form, shape):
    frames = prior.shape.frames + 3
    tokens, labels = some(prior.shape, frames=frames)
    known = nothing(tokens)
    known[:, :2] = True
    if not prior.any_length:
        with pytest.raises(UserError, match="do not fit a prior over"):
            prior.sample(tokens, known, labels, Sampling(), rng())
        return
    drawn = prior.sample(tokens, known, labels, Sampling(), rng())
    assert torch.equal(drawn[:, :2], tokens[:, :2])
    assert prior.bits(tokens, labels, rng()).shape == tokens.shape


@each_kind
def test_probabilities_of_all_items_sum_to_one(kind):
    """For the order that the generator gives; of two tokens side by side, two levels of one token, two frames of one token."""
    for shape in (TokenShape(1, 1, 1, 2, 3, 2), TokenShape(1, 2, 1, 1, 3), TokenShape(2, 1, 1, 1, 3, loop=True)):
        prior = built(kind, shape)
        items = torch.tensor(list(itertools.product(range(3), repeat=2))).view(9, *shape.item)
        for seed in range(3):
            bits = [prior.bits(x[None], torch.tensor([-1]), rng(seed)).sum() for x in items]
            total = float((-torch.stack(bits).double() * math.log(2)).exp().sum())
            assert total == pytest.approx(1, abs=1e-5)


@each_kind
def test_samples_are_as_frequent_as_they_are_probable(kind):
    shape = TokenShape(1, 1, 1, 2, 3, 2)
    prior, count, orders = built(kind, shape), 20_000, 1000
    items = torch.tensor(list(itertools.product(range(3), repeat=2))).view(9, *shape.item)
    labels = torch.ones(count, dtype=torch.long)
    # One token in a pass, in a random order: the mixture over orders that `bits` describes.
    drawn = prior.sample(
        items[:1].repeat(count, 1, 1, 1, 1), torch.zeros(count, *shape.item, dtype=torch.bool), labels,
        Sampling(steps=2, order="random"), rng(),
    )  # fmt: skip
    found = torch.bincount((drawn.flatten(1) * torch.tensor([3, 1])).sum(1), minlength=9).double()
    rows = items.repeat(orders, 1, 1, 1, 1)
    bits = prior.bits(rows, torch.ones(len(rows), dtype=torch.long), rng()).flatten(1).sum(1).double()
    chance = (-bits * math.log(2)).exp().view(orders, 9).mean(0)
    chance /= chance.sum()
    square = float(((found - count * chance) ** 2 / (count * chance)).sum())
    assert square < 40  # of 8 degrees of freedom: 1 in 300,000 by chance; a wrong distribution gives hundreds


@every
def test_top_k_one_is_the_likeliest_code_whatever_the_seed(prior, form, shape):
    tokens, labels = some(prior.shape)
    # All but one token are known.
    known = ~nothing(tokens)
    place = (slice(None), -1, -1, -1, -1)
    known[place] = False
    greedy = [prior.sample(tokens, known, labels, Sampling(top_k=1), rng(seed)) for seed in range(3)]
    assert torch.equal(greedy[0], greedy[1])
    assert torch.equal(greedy[0], greedy[2])
    many = [prior.sample(tokens, known, labels, Sampling(), rng(seed))[place] for seed in range(60)]
    commonest = torch.stack(many).mode(0).values
    # The commonest of sixty draws is nearly always the likeliest: at least of one item it is.
    assert bool((commonest == greedy[0][place]).any())


@every
@pytest.mark.parametrize(
    ("sampling", "message"), [({"top_k": 100}, "--top-k 100 is more than"), ({"order": "haltom"}, "haltom")]
)
def test_what_cannot_be_sampled_is_refused(prior, form, shape, sampling, message):
    tokens, labels = some(prior.shape)
    if "order" in sampling and not prior.sees_both_sides:
        return
    with pytest.raises(UserError, match=message):
        prior.sample(tokens, nothing(tokens), labels, Sampling(**sampling), rng())


@every
def test_items_that_do_not_fit_are_refused(prior, form, shape):
    tokens, labels = some(prior.shape)
    calls = {
        "do not fit": (tokens[..., :-1], labels),
        "are not codes": (tokens + prior.shape.codes, labels),
    }
    if prior.config.labels:
        calls["label 9 is not known"] = tokens, torch.full_like(labels, 9)
    for message, (items, names) in calls.items():
        with pytest.raises(UserError, match=message):
            prior.bits(items, names, rng())
        with pytest.raises(UserError, match=message):
            prior.sample(items, ~nothing(items), names, Sampling(), rng())


@every
def test_weights_that_are_not_finite_draw_nothing(prior, form, shape):
    tokens, labels = some(prior.shape)
    with torch.no_grad():
        next(iter(prior.head.parameters())).fill_(float("nan"))
    with pytest.raises(UserError, match="not finite"):
        prior.sample(tokens, nothing(tokens), labels, Sampling(), rng())
