"""What every bottleneck promises, run on every kind that is registered: adding a file adds its tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from bottleneck_examples import EXAMPLES
from safetensors.torch import load_file, save_file

from tilework.bottlenecks import Bottleneck
from tilework.errors import UserError
from tilework.spec import BOTTLENECKS


def built(config, seed=0, deferred=True) -> Bottleneck:
    torch.manual_seed(seed)
    bottleneck = config.build()
    bottleneck.deferred = deferred
    if bottleneck.wants_start:
        bottleneck.start(torch.randn(600, bottleneck.in_channels), torch.Generator().manual_seed(seed))
    return bottleneck


def grid(bottleneck, batch=3, height=4, width=5, seed=1):
    return torch.randn(batch, bottleneck.in_channels, height, width, generator=torch.Generator().manual_seed(seed))


def train_step(bottleneck, h, lr=0.1):
    """Forward, backward, a plain SGD step on the bottleneck's own weights, update."""
    h = h.clone().requires_grad_()
    latent = bottleneck(h)
    loss = latent.z.square().mean() + sum(value.sum() for value in latent.losses.values())
    bottleneck.zero_grad()
    loss.backward()
    with torch.no_grad():
        for weight in bottleneck.parameters():
            if weight.grad is not None:
                weight -= lr * weight.grad
    bottleneck.update()
    return latent, h.grad


def state(bottleneck):
    return {key: value.clone() for key, value in bottleneck.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_every_kind_has_examples():
    assert {config.kind for config in EXAMPLES} == set(BOTTLENECKS.kinds)


def test_settings_survive_yaml(config):
    assert BOTTLENECKS.parse(config.model_dump(mode="json")) == config


def test_shapes_of_grids_and_sequences(config):
    bottleneck = built(config)
    h = grid(bottleneck)
    for mode in (True, False):
        bottleneck.train(mode)
        latent = bottleneck(h)
        assert latent.z.shape == (3, bottleneck.dim, 4, 5)
        assert latent.z.dtype == torch.float32
        rows = bottleneck(h.flatten(2).transpose(1, 2))
        assert rows.z.shape == (3, 20, bottleneck.dim)
        if bottleneck.levels:
            assert latent.codes.shape == (3, bottleneck.levels, 4, 5)
            assert latent.codes.dtype == torch.int64
            assert torch.equal(rows.codes, latent.codes.flatten(2))
            assert 0 <= int(latent.codes.min()) <= int(latent.codes.max()) < bottleneck.codes_per_level
        else:
            assert latent.codes is None
        assert all(not s.requires_grad for s in latent.stats.values())
    # One position per image, the layout of a vector latent.
    assert bottleneck(h[:, :, :1, :1]).z.shape == (3, bottleneck.dim, 1, 1)


def test_channels_last_memory_changes_nothing(config):
    bottleneck = built(config).eval()
    h = grid(bottleneck)
    assert torch.equal(bottleneck(h).z, bottleneck(h.to(memory_format=torch.channels_last)).z)


def test_decoded_codes_are_the_evaluated_output_exactly(config):
    bottleneck = built(config)
    h = grid(bottleneck)
    for _ in range(3):
        train_step(bottleneck, h)
    bottleneck.eval()
    latent = bottleneck(h)
    if latent.codes is None:
        with pytest.raises(TypeError):
            bottleneck.decode(torch.zeros(1, 1, 1, 1, dtype=torch.int64))
    else:
        assert torch.equal(bottleneck.decode(latent.codes), latent.z)


def test_what_is_not_quantised_is_where_the_codes_are_chosen(config):
    """The token of which the nearest code is taken, in the space of the decoder."""
    bottleneck = built(config).eval()
    h = grid(bottleneck)
    latent = bottleneck(h)
    if not bottleneck.levels:
        assert bottleneck.unquantised(h) is h
        return
    token = bottleneck.outer(latent.inputs[0]) if latent.inputs else latent.mean
    found = bottleneck.unquantised(h)
    assert found.shape == latent.z.shape
    torch.testing.assert_close(found.permute(0, 2, 3, 1).flatten(0, 2), token)


def test_training_gives_the_same_codes_and_values_as_evaluation(config):
    bottleneck = built(config)
    if not bottleneck.levels:
        pytest.skip("nothing discrete (training may add noise)")
    if getattr(config, "level_dropout", 0):
        pytest.skip("training draws how many levels an image goes through")
    h = grid(bottleneck)
    trained, evaluated = bottleneck(h), bottleneck.eval()(h)
    assert torch.equal(trained.codes, evaluated.codes)
    assert torch.equal(trained.z, evaluated.z)


def test_codes_are_the_nearest_by_brute_force(config):
    bottleneck = built(config).eval()
    if not bottleneck.levels:
        pytest.skip("nothing discrete")
    latent = bottleneck(grid(bottleneck))
    books = [book.detach().double().numpy() for book in bottleneck.codebooks()]
    inputs = [x.detach().double().numpy() for x in latent.inputs]
    if not books:
        # An implicit codebook: every value it can give, against the values it gave.
        k = bottleneck.codes_per_level
        books = [bottleneck.decode(torch.arange(k).view(1, 1, k))[0].double().numpy()]
        assert len(np.unique(books[0], axis=0)) == k
        inputs = [latent.z.permute(0, 2, 3, 1).flatten(0, 2).double().numpy()]
    for level, (x, book) in enumerate(zip(inputs, books, strict=True)):
        assert book.shape[0] == bottleneck.codes_per_level
        distance = ((x[:, None, :] - book[None]) ** 2).sum(-1)
        chosen = latent.codes[:, level].flatten().numpy()
        rows = np.arange(len(x))
        norms = np.linalg.norm(book, axis=1)
        bound = 4 * (x.shape[1] + 3) * 2**-24 * (np.linalg.norm(x, axis=1) * norms.max() + norms.max() ** 2 / 2)
        assert np.all(distance[rows, chosen] <= distance.min(1) + bound)
        assert np.mean(chosen == distance.argmin(1)) > 0.99


def test_levels_sum_to_the_output_and_the_error_never_grows_with_depth(config):
    bottleneck = built(config).eval()
    if not bottleneck.codebooks():
        pytest.skip("no learnt codebook")
    points = torch.randn(400, bottleneck.in_channels, generator=torch.Generator().manual_seed(3))
    bottleneck.start(points, torch.Generator().manual_seed(0))
    latent = bottleneck(points.unsqueeze(0))
    chosen = [book[latent.codes[0, level]] for level, book in enumerate(bottleneck.codebooks())]
    total = sum(chosen)
    if bottleneck.project_out is not None:
        total = bottleneck.project_out(total)
    torch.testing.assert_close(latent.z[0], total)
    errors = [(x - q).square().mean().item() for x, q in zip(latent.inputs, chosen, strict=True)]
    assert latent.stats["quantisation_error"].tolist() == pytest.approx(errors, rel=1e-5)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < latent.inputs[0].var(0).mean().item()


def test_gradients_are_finite_where_directions_are_not_defined(config):
    bottleneck = built(config)
    tokens = [torch.zeros(1, bottleneck.in_channels), torch.full((1, bottleneck.in_channels), 1e-20)]
    books = bottleneck.codebooks()
    if books and books[0].shape[1] == bottleneck.in_channels:
        code = books[0][:1].detach()
        # At a code, opposite to one, near the origin, far away.
        tokens += [code, -code, -1e-3 * code, 1e6 * code]
    h = torch.stack(tokens, 1)
    _, gradient = train_step(bottleneck, h)
    assert gradient.isfinite().all()
    assert all(w.grad is None or w.grad.isfinite().all() for w in bottleneck.parameters())
    assert all(value.isfinite().all() for value in state(bottleneck).values())


def test_the_encoder_learns_through_it(config):
    bottleneck = built(config)
    h = grid(bottleneck)
    _, gradient = train_step(bottleneck, h)
    assert (gradient.flatten(1).abs().sum(1) > 0).all()


def test_duplicating_the_batch_changes_no_loss(config):
    bottleneck = built(config)
    if getattr(config, "level_dropout", 0):
        bottleneck.eval()
    h = grid(bottleneck)
    once, twice = bottleneck(h), bottleneck(torch.cat([h, h]))
    assert once.losses.keys() == twice.losses.keys()
    for key, value in once.losses.items():
        torch.testing.assert_close(value, twice.losses[key], rtol=1e-5, atol=1e-7)


def test_evaluation_changes_no_state(config):
    bottleneck = built(config)
    train_step(bottleneck, grid(bottleneck))
    before = state(bottleneck)
    bottleneck.eval()
    latent = bottleneck(grid(bottleneck, seed=5))
    if latent.codes is not None:
        bottleneck.decode(latent.codes)
    bottleneck.update()
    assert same(before, state(bottleneck))


def test_a_saved_bottleneck_goes_on_bit_for_bit(config, deferred, tmp_path):
    one = built(config, deferred=deferred)
    for step in range(4):
        train_step(one, grid(one, seed=step))
    save_file(one.state_dict(), tmp_path / "state.safetensors")
    torch.manual_seed(99)
    other = config.build()
    other.deferred = deferred
    other.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert not other.wants_start
    for step in range(4, 30):
        results = []
        for bottleneck in (one, other):
            torch.manual_seed(step)
            results.append(train_step(bottleneck, grid(bottleneck, batch=1, seed=step)))
        assert torch.equal(results[0][0].z, results[1][0].z)
        assert torch.equal(results[0][1], results[1][1])
    assert same(state(one), state(other))


def test_seeded_runs_repeat(config):
    runs = []
    for _ in range(2):
        bottleneck = built(config, seed=7)
        for step in range(5):
            train_step(bottleneck, grid(bottleneck, seed=step))
        runs.append(state(bottleneck))
    assert same(*runs)


def test_it_needs_no_engine(config):
    torch.manual_seed(0)
    bottleneck = config.build()
    for step in range(3):
        train_step(bottleneck, grid(bottleneck, seed=step))
    assert not bottleneck.wants_start
    assert bottleneck.eval()(grid(bottleneck)).z.isfinite().all()


def test_inference_mode_in_between_does_no_harm(config):
    bottleneck = built(config)
    with torch.inference_mode():
        bottleneck.eval()(grid(bottleneck))
    bottleneck.train()
    _, gradient = train_step(bottleneck, grid(bottleneck))
    assert gradient.isfinite().all()


def test_bits(config):
    bottleneck = built(config)
    k, q = bottleneck.codes_per_level, bottleneck.levels
    assert bottleneck.bits_per_position == (q * math.log2(k) if q else 0)
    assert (k >= 2) == (q >= 1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_float32_under_autocast(config, dtype):
    bottleneck = built(config).eval()
    h = (grid(bottleneck) * 3).to(dtype)
    plain = bottleneck(h.float())
    with torch.autocast("cpu", dtype):
        mixed = bottleneck(h)
    assert mixed.z.dtype == torch.float32
    assert torch.equal(mixed.z, plain.z)
    for key, value in mixed.losses.items():
        assert value.dtype == torch.float32
        assert torch.equal(value, plain.losses[key])


def test_cheaper_matrix_products_are_not_used(config):
    bottleneck = built(config).eval()
    h = grid(bottleneck)
    plain = bottleneck(h).z
    torch.set_float32_matmul_precision("medium")
    try:
        assert torch.equal(bottleneck(h).z, plain)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite(config, bad):
    bottleneck = built(config)
    h = grid(bottleneck)
    h[1, 0, 2, 3] = bad
    with pytest.raises(UserError, match="NaN or infinite"):
        bottleneck.eval()(h)
    bottleneck.train()
    latent = bottleneck(h)
    assert int(latent.stats["nonfinite"]) == 1
    bottleneck.update()
    assert all(value.isfinite().all() for value in state(bottleneck).values())
    # The next clean step is as finite as ever.
    after, gradient = train_step(bottleneck, grid(bottleneck, seed=8))
    assert gradient.isfinite().all()
    assert int(after.stats["nonfinite"]) == 0
    assert all(value.isfinite().all() for value in after.losses.values())


def test_wrong_channels_are_refused_by_name(config):
    bottleneck = built(config)
    with pytest.raises(UserError, match=rf"takes {bottleneck.in_channels} channels and was given"):
        bottleneck(torch.zeros(2, bottleneck.in_channels + 1, 3, 3))
    with pytest.raises(UserError, match="shape"):
        bottleneck(torch.zeros(2, bottleneck.in_channels))


def test_whole_numbers_are_refused(config):
    bottleneck = built(config)
    for mode in (True, False):
        bottleneck.train(mode)
        for kind in (torch.int64, torch.uint8, torch.bool):
            with pytest.raises(UserError, match=f"was given a tensor of {kind}"):
                bottleneck(grid(bottleneck).to(kind))
    assert bottleneck(grid(bottleneck).double()).z.dtype == torch.float32


def test_codes_of_another_model_are_refused(config):
    bottleneck = built(config).eval()
    if not bottleneck.levels:
        pytest.skip("nothing discrete")
    codes = torch.full((1, bottleneck.levels, 2, 2), bottleneck.codes_per_level)
    with pytest.raises(UserError, match="codes run from"):
        bottleneck.decode(codes)
    with pytest.raises(UserError, match="do not fit"):
        bottleneck.decode(codes.repeat(1, 2, 1, 1))


def test_what_learns_by_gradient_is_attached_to_the_graph(config):
    bottleneck = built(config)
    books = bottleneck.codebooks()
    assert bottleneck.learns_by_gradient == (len(books) > 0 and all(book.requires_grad for book in books))
    assert bottleneck.learns_by_gradient == ("codebook" in bottleneck(grid(bottleneck)).losses)


def test_settings_that_may_be_changed_are_changed(config):
    bottleneck = built(config)
    for setting in bottleneck.settings():
        assert setting.low <= setting.value <= setting.high
        assert setting.label
        assert setting.help
        bottleneck.set(setting.name, setting.low)
        assert {s.name: s.value for s in bottleneck.settings()}[setting.name] == setting.low
        bottleneck.set(setting.name, setting.high)
        train_step(bottleneck, grid(bottleneck))
    with pytest.raises(KeyError):
        bottleneck.set("nothing", 1.0)


def test_health_is_of_every_code(config):
    bottleneck = built(config)
    for step in range(3):
        train_step(bottleneck, grid(bottleneck, seed=step))
    health = bottleneck.health()
    assert set(health) in ({"idle", "revived_ago"}, {"idle"}, set())
    assert ("idle" in health) == bool(bottleneck.codebooks())
    assert bottleneck.can_revive == ("revived_ago" in health)
    assert all(value.shape == (bottleneck.levels, bottleneck.codes_per_level) for value in health.values())


def test_the_gradient_of_codes_is_that_of_the_parameter(config):
    bottleneck = built(config)
    assert bottleneck.code_gradient() is None
    train_step(bottleneck, grid(bottleneck))
    gradient = bottleneck.code_gradient()
    weights = dict(bottleneck.named_parameters())
    codes = weights.get("book.codes")
    assert (gradient is None) == (codes is None)
    if gradient is not None:
        assert torch.equal(gradient, codes.grad.norm(dim=-1))
        assert gradient.max() > 0


def test_a_constructor_takes_the_settings_or_their_config(config):
    kind = type(config.build())
    settings = {name: getattr(config, name) for name in config.model_fields_set - {"kind"}}
    states = []
    for make in (config.build, lambda: kind(config), lambda: kind(**settings)):
        torch.manual_seed(3)
        states.append(state(make()))
    assert same(*states[:2])
    assert same(*states[1:])
    with pytest.raises(UserError, match="both given"):
        kind(config, **settings)
    with pytest.raises(UserError, match="was given int"):
        kind(8)
