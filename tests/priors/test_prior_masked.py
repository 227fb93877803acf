"""The masked prior: what is hidden is not seen, loops have no first frame, and how many tokens a pass draws."""

from __future__ import annotations

import math

import pytest
import torch
from prior_examples import SHAPES, built, rng, some

from tilework.priors.blocks.base import flat
from tilework.priors.blocks.labels import LabelEmbedding
from tilework.priors.contract import LabelMix, Sampling, TokenShape
from tilework.priors.masking.masks import training_masks
from tilework.priors.masking.passes import counts_of, first_of
from tilework.priors.masking.schedule import portions
from tilework.priors.masking.views import training_view, views

attention = pytest.mark.parametrize("attention", ["full", "factorised"])
LOCAL = {"convolutions": 2, "pointer": True, "token_width": 6, "tied": True}
local = pytest.mark.parametrize("local", [{}, LOCAL], ids=["blocks alone", "local"])
shapes = pytest.mark.parametrize("shape", SHAPES)


@shapes
@local
@attention
def test_hidden_tokens_are_not_seen_and_the_others_are(shape, attention, local):
    prior = built("masked", SHAPES[shape], attention=attention, **local)
    tokens, labels = some(prior.shape)
    hidden = torch.rand(tokens.shape, generator=rng(2)) < 0.5
    other = (tokens + 1) % prior.shape.codes
    with torch.no_grad():
        plain = prior.logits(tokens, hidden, labels)
        assert torch.equal(prior.logits(torch.where(hidden, other, tokens), hidden, labels), plain)
        changed = prior.logits(torch.where(hidden, tokens, other), hidden, labels)
    # Whatever is seen reaches every token of its item.
    assert float((changed - plain).abs().amax(-1).min()) > 1e-6


@attention
@local
@pytest.mark.parametrize("frames", [5, 8])
def test_a_loop_that_is_turned_is_the_same_loop(attention, local, frames):
    prior = built("masked", SHAPES["loop"], attention=attention, **local)
    tokens, labels = some(prior.shape, frames=frames)
    hidden = torch.rand(tokens.shape, generator=rng(2)) < 0.5
    with torch.no_grad():
        plain = prior.logits(tokens, hidden, labels).unflatten(1, (frames, -1))
        for turn in (1, frames - 2):
            turned = prior.logits(tokens.roll(turn, 1), hidden.roll(turn, 1), labels).unflatten(1, (frames, -1))
            assert torch.allclose(turned, plain.roll(turn, 1), atol=1e-4)
        # Frames in another order are another loop.
        shuffled = torch.tensor([1, 0, *range(2, frames)])
        swapped = prior.logits(tokens[:, shuffled], hidden[:, shuffled], labels).unflatten(1, (frames, -1))
    assert not torch.allclose(swapped, plain[:, shuffled], atol=1e-2)


@attention
@local
def test_a_clip_has_a_beginning_and_an_end(attention, local):
    prior = built("masked", SHAPES["clip"], attention=attention, **local)
    tokens, labels = some(prior.shape)
    hidden = torch.zeros_like(tokens, dtype=torch.bool)
    with torch.no_grad():
        plain = prior.logits(tokens, hidden, labels).unflatten(1, (4, -1))
        turned = prior.logits(tokens.roll(1, 1), hidden, labels).unflatten(1, (4, -1))
    assert not torch.allclose(turned, plain.roll(1, 1), atol=1e-2)


def test_attention_of_long_clips_is_factorised_unless_asked_otherwise():
    def factorised(shape, attention):
        return built("masked", shape, attention=attention, depth=1).factorised

    short, long = TokenShape(4, 1, 8, 8, 5), TokenShape(180, 1, 8, 8, 5)
    assert (factorised(short, "auto"), factorised(long, "auto")) == (False, True)
    assert (factorised(short, "factorised"), factorised(long, "full")) == (True, False)
    assert not factorised(TokenShape(1, 1, 64, 64, 5), "auto")  # a frame has no time


@pytest.mark.parametrize("tokens", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("passes", [1, 2, 8, 64, 5000])
def test_portions_are_all_tokens_and_never_none(tokens, passes):
    counts = portions(tokens, passes)
    assert sum(counts) == tokens
    assert min(counts) >= 1
    assert len(counts) == min(tokens, passes)


def test_portions_follow_the_cosine():
    counts = portions(256, 8)
    left = [256 - sum(counts[: n + 1]) for n in range(8)]
    assert left == [round(256 * math.cos(math.pi / 2 * (n + 1) / 8)) for n in range(8)]
    assert counts == sorted(counts) or max(counts[:4]) <= min(counts[4:])


def test_items_with_less_to_draw_need_fewer_passes():
    missing = torch.tensor([[True] * 6, [True] * 2 + [False] * 4, [False] * 6])
    counts = counts_of(missing, 4)
    assert counts.shape == (4, 3)
    assert counts.sum(0).tolist() == [6, 2, 0]
    assert counts[2:, 1].tolist() == [0, 0]
    assert counts_of(torch.zeros(2, 3, dtype=torch.bool), 4).numel() == 0


def test_the_highest_of_the_missing_come_first():
    scores = torch.tensor([[5.0, 4.0, 3.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
    missing = torch.tensor([[False, True, True, True], [True, True, False, False]])
    first = first_of(scores, missing, torch.tensor([2, 1]))
    assert first.tolist() == [[False, True, True, False], [False, True, False, False]]


def test_training_hides_by_the_cosine():
    torch.manual_seed(0)
    masks = training_masks(torch.Size([4000, 50, 1]), torch.device("cpu"))
    assert torch.equal(masks.hidden[..., 0], masks.asked)
    assert int(masks.asked.sum(1).min()) >= 1
    # The mean of cos(pi r / 2) is 2 / pi; rounded up, half a token more.
    assert float(masks.asked.float().mean()) == pytest.approx(2 / math.pi + 0.5 / 50, abs=0.015)


def test_levels_in_training_are_seen_as_they_are_when_sampling():
    torch.manual_seed(0)
    masks = training_masks(torch.Size([3000, 20, 3]), torch.device("cpu"))
    level = masks.level[:, None, None]
    number = torch.arange(3)
    assert set(masks.level.tolist()) == {0, 1, 2}
    lower = (number < level).expand_as(masks.hidden)
    higher = (number > level).expand_as(masks.hidden)
    assert not bool(masks.hidden[lower].any())
    at = masks.hidden.gather(2, level.expand(-1, 20, 1))[..., 0]
    assert torch.equal(at, masks.asked)
    # A new image: nothing of higher levels, in about half of the items. Repainting: some, where the level itself is seen.
    seen = ~masks.hidden & higher
    with_some = seen.flatten(1).any(1)[masks.level < 2]
    assert 0.3 < float(with_some.float().mean()) < 0.6
    assert not bool((seen & masks.asked[..., None]).any())


def test_number_of_passes_and_their_order_are_the_callers():
    prior = built("masked", SHAPES["image"], passes=5)
    tokens, labels = some(prior.shape, 2)
    known = torch.zeros_like(tokens, dtype=torch.bool)
    for steps, wanted in ((None, 5), (1, 1), (3, 3), (100, 12)):
        seen = []
        prior.sample(tokens, known, labels, Sampling(steps=steps), rng(), lambda _, there, seen=seen: seen.append(1))
        assert len(seen) == wanted
    assert [prior._passes(16, level) for level in (0, 1)] == [5, 5]
    unset = built("masked", SHAPES["image"])
    assert [unset._passes(places, 0) for places in (16, 256, 11_520)] == [10, 10, 31]
    assert unset._passes(256, 1) == 5
    drawn = {
        order: prior.sample(tokens, known, labels, Sampling(steps=4, order=order), rng())
        for order in ("halton", "confidence", "random")
    }
    assert not torch.equal(drawn["halton"], drawn["random"])
    assert not torch.equal(drawn["halton"], drawn["confidence"])


def test_more_passes_never_see_less():
    """A token that is drawn alone in its pass costs what the network gives it with all the others known."""
    prior = built("masked", TokenShape(1, 1, 1, 1, 5))
    tokens = torch.arange(5).view(5, 1, 1, 1, 1)
    labels = torch.full((5,), -1)
    with torch.no_grad():
        logits = prior.logits(tokens, torch.ones_like(tokens, dtype=torch.bool), labels)
    wanted = -logits.log_softmax(-1).gather(-1, flat(tokens)[..., None]) / math.log(2)
    assert torch.allclose(prior.bits(tokens, labels, rng()).flatten(), wanted.flatten(), atol=1e-5)


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize(
    ("frames", "window"), [(45, 15), (45, None), (12, 12), (7, 3), (180, 15), (300, 15), (2, 2), (5, 2), (16, 15)]
)
def test_views_draw_every_frame_once_each_given_those_before(frames, window, loop):
    drawn = set()
    for view in views(frames, window, loop):
        assert len(view.chosen) == len(set(view.chosen)) <= (window or frames)
        assert list(view.chosen)[:-1] == sorted(view.chosen[:-1])
        assert {view.chosen[at] for at in view.before} == drawn & set(view.chosen)
        drawn |= set(view.chosen)
    assert drawn == set(range(frames))


@pytest.mark.parametrize(("frames", "window"), [(45, 15), (180, 15), (48, 12), (12, 4)])
@pytest.mark.parametrize("loop", [False, True])
def test_a_frame_is_drawn_beside_frames_that_it_sees(frames, window, loop):
    """No seam where two windows meet, nor where a loop closes."""
    drawn = set()
    for view in views(frames, window, loop):
        for at, frame in enumerate(view.chosen):
            if frame in drawn or view.closed:
                continue
            beside = [view.chosen[at + step] if 0 <= at + step < len(view.chosen) else None for step in (-1, 1)]
            last = not loop and frame == frames - 1
            assert beside == [(frame - 1) % frames, None if last else (frame + 1) % frames]
        drawn |= set(view.chosen)


def test_what_is_cut_out_goes_back_where_it_was():
    whole = torch.arange(2 * 12 * 3).view(2, 36, 1)
    other = torch.zeros_like(whole)
    for view in views(12, 4):
        part = view.cut(whole)
        assert part.shape == (2, 3 * len(view.chosen), 1)
        assert int(view.earlier(3, whole.device).sum()) == 3 * len(view.before)
        view.put(part, other)
    assert torch.equal(whole, other)


def test_training_sees_every_view():
    torch.manual_seed(0)
    seen = {training_view(12, 4).chosen for _ in range(100)}
    assert seen == {view.chosen for view in views(12, 4)}


def test_frames_that_came_before_are_seen_whole_in_half_of_the_items():
    torch.manual_seed(0)
    masks = training_masks(torch.Size((400, 24, 1)), torch.device("cpu"), frames=6, before=(0, 3))
    hidden = masks.hidden.view(400, 6, 4)
    whole = ~hidden[:, [0, 3]].flatten(1).any(1)
    assert 0.45 < float(whole.float().mean()) < 0.65
    assert bool(hidden.flatten(1).any(1).all())


def test_frames_are_hidden_whole_where_that_is_asked():
    torch.manual_seed(0)
    masks = training_masks(torch.Size((200, 24, 1)), torch.device("cpu"), frames=6, whole_frames=1.0)
    each = masks.hidden.view(200, 6, 4).sum(2)
    assert int(((each > 0) & (each < 4)).sum(1).max()) == 1
    assert len(set(each[:, 0].tolist())) > 1


def test_squares_of_tokens_share_a_position_and_each_is_hidden_by_itself():
    prior = built("masked", TokenShape(1, 1, 5, 4, 6), patch=2)
    assert prior.grid == 6
    tokens, labels = some(prior.shape)
    hidden = torch.zeros_like(tokens, dtype=torch.bool)
    hidden[..., 0, 0] = True
    with torch.no_grad():
        plain = prior.logits(tokens, hidden, labels)
        for row, column, seen in ((0, 0, False), (0, 1, True), (4, 3, True)):
            other = tokens.clone()
            other[..., row, column] = (other[..., row, column] + 1) % 6
            same = torch.equal(prior.logits(other, hidden, labels)[:, 0], plain[:, 0])
            assert same != seen


def test_squares_begin_as_they_were_where_there_is_room():
    from tilework.priors.blocks.patches import Patches

    torch.manual_seed(0)
    patches = Patches(2, 4, 4, 8, 8)
    patches.start()
    given = torch.zeros(3, 16, 8)
    given[:, 5] = torch.randn(3, 8)
    found = patches.parted(patches.joined(given)).detach()
    assert found.shape == given.shape
    # One token of a square comes back in part, and none goes to another square.
    assert bool(((found * given).sum(-1)[:, 5] > 0).all())
    assert float(found.view(3, 4, 4, 8)[:, 2:].abs().max()) < 1e-6


def test_frames_that_are_chosen_have_the_vectors_of_their_own_weights():
    labels = LabelEmbedding(2, 4, 0.0)
    mix = LabelMix(torch.tensor([1, -1]), torch.tensor([[0.0, 0.25, 1.0], [1.0, 0.5, 0.0]]))
    found = labels.of_frames(torch.tensor([0, 1]), mix, (2, 0, 1), 2)
    first, second, none = labels.table.weight
    assert torch.equal(found[0, ::2], torch.stack([second, first, torch.lerp(first, second, torch.tensor(0.25))]))
    assert torch.equal(found[1, ::2], torch.stack([second, none, torch.lerp(second, none, torch.tensor(0.5))]))
    assert torch.equal(found[:, ::2], found[:, 1::2])


@pytest.mark.parametrize("dims", [3, 16, 40])
def test_codes_begin_as_far_apart_as_in_the_autoencoder(dims):
    shape = TokenShape(1, 2, 4, 4, 50)
    vectors = [torch.randn(50, dims, generator=rng(level)) * 7 + 3 for level in range(2)]
    prior = built("masked", shape, tied=True)
    other = prior.embedding.table.weight[-1].clone()  # of no code: what stands where one is hidden
    prior.begin_at(vectors, rng())
    for level, given in enumerate(vectors):
        found = prior.embedding.vectors(level, 50).detach()
        assert float(found.std()) == pytest.approx(1, abs=0.05)
        ours, theirs = torch.pdist(found), torch.pdist(given)
        alike = float(torch.corrcoef(torch.stack([ours, theirs]))[0, 1])
        assert alike > (0.6 if dims > 16 else 0.9)  # of more dimensions than there are channels a part is kept
    assert torch.equal(prior.embedding.table.weight[-1], other)
    untied = built("masked", shape)
    before = untied.embedding.table.weight.clone()
    untied.begin_at(vectors, rng())
    assert torch.equal(untied.embedding.table.weight, before)


@shapes
@attention
@local
def test_what_is_asked_of_some_positions_is_what_all_would_answer(shape, attention, local):
    """The last block computes only those that are drawn, of each item as many as there are."""
    prior = built("masked", SHAPES[shape], attention=attention, **local).eval()
    tokens, labels = some(prior.shape)
    hidden = flat(torch.rand(tokens.shape, generator=rng(2)) < 0.5)
    asked = torch.rand(hidden.shape[:2], generator=rng(3)) < torch.linspace(0.1, 0.7, len(tokens))[:, None]
    asked[0] = False
    view = views(tokens.shape[1], None)[0]
    with torch.no_grad():
        every = prior._evidence(flat(tokens), hidden, view, labels)
        some_of = prior._evidence(flat(tokens), hidden, view, labels, asked=asked)
        for level in range(prior.shape.levels):
            found, wanted = prior.head(some_of.at(asked), level), prior.head(every.at(asked), level)
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    apart = attention == "full" or prior.shape.frames == 1  # nothing after the blocks that mixes positions
    left_out = (some_of.vectors == 0).all(-1).sum(1)
    assert left_out.tolist() == [hidden.shape[1] - int(asked.sum(1).max()) if apart and not local else 0] * len(tokens)
