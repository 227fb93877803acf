"""The held-out pass against brute force over all its images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from tiny_runs import BOTTLENECKS, session, tiny

from tilework.engine.autoencoder.validate import MOST_POINTS, Measured, usage_metrics, validate
from tilework.engine.compute import Compute
from tilework.engine.session import Session
from tilework.objective.fine.laplacian import laplacian_energy

OVERRIDES = ("encoder.norm=batch", "engine.batch_size=48")  # 180 held-out digits: three batches of 48 and one of 36


def run_pass(made: Session, weights: dict[str, float] | None = None) -> Measured:
    return validate(
        made.parts.compute,
        made.parts.model,
        made.parts.task.objective,
        made.parts.task.images.validation,
        made.steering.final_weights() if weights is None else weights,
    )


def everything(made: Session) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """All held-out images in one batch, their reconstructions, and the codes of each level."""
    made.parts.model.eval()
    x = torch.cat([b.images for b in made.parts.task.images.validation.epoch(0)])
    with torch.no_grad():
        recon, latent = made.parts.model(x)
    made.parts.model.train()
    return x, recon, [] if latent.codes is None else list(latent.codes.unbind(1))


def laplacian(a: np.ndarray) -> np.ndarray:
    """scipy's filter at the pixels whose four neighbours exist."""
    return ndimage.convolve(a, np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])[None, None])[..., 1:-1, 1:-1]


def test_detail_is_one_for_equal_images_less_for_blurred_and_more_for_noisy_ones() -> None:
    g = torch.Generator().manual_seed(5)
    sharp = (torch.rand(4, 3, 16, 16, generator=g) > 0.5).float()
    blurred = torch.nn.functional.avg_pool2d(sharp, 3, stride=1, padding=1)
    noisy = sharp + torch.randn(sharp.shape, generator=g)
    assert laplacian_energy(blurred) < 0.2 * laplacian_energy(sharp)
    assert laplacian_energy(noisy) > 1.5 * laplacian_energy(sharp)
    assert laplacian_energy(torch.full((2, 1, 8, 8), 0.7)) == pytest.approx(0, abs=1e-9)
    assert laplacian_energy(torch.rand(2, 1, 2, 2, generator=g)) == 0, "no pixel has four neighbours"


@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_figures(bottleneck: str) -> None:
    made = session(tiny(bottleneck, *OVERRIDES))
    assert len(made.parts.task.images.validation.indices) % 48, "the last batch must be a short one"
    found = run_pass(made)
    x, recon, codes = everything(made)
    squared = ((recon.double() - x.double()) ** 2).numpy()
    assert found.metrics["mse"] == pytest.approx(squared.mean(), rel=1e-5)
    assert found.metrics["psnr"] == pytest.approx(10 * math.log10(1 / squared.mean()), abs=1e-3)
    energies = [(laplacian(a.double().numpy()) ** 2).mean() for a in (recon, x)]
    assert found.metrics["detail"] == pytest.approx(energies[0] / energies[1], rel=1e-4)
    for level, chosen in enumerate(codes):
        k = made.parts.model.bottleneck.codes_per_level
        counts = np.bincount(chosen.flatten().numpy(), minlength=k)
        p = counts[counts > 0] / counts.sum()
        assert found.counts is not None
        np.testing.assert_array_equal(found.counts[level], counts)
        assert found.metrics[f"used.{level + 1}"] == (counts > 0).sum()
        assert found.metrics[f"perplexity.{level + 1}"] == pytest.approx(math.exp(-(p * np.log(p)).sum()), rel=1e-6)
        assert found.metrics["codes"] == k
        assert found.metrics["tokens"] == counts.sum() == chosen.numel()
        assert found.metrics["tokens_per_code"] == pytest.approx(chosen.numel() / k)
    assert (found.counts is None) == (not codes)


def test_kl_per_dimension_and_active_units() -> None:
    made = session(tiny("gaussian", *OVERRIDES))
    x, _, _ = everything(made)
    made.parts.model.eval()
    with torch.no_grad():
        h = made.parts.model.encoder(x).double()
    mu, logvar = h[:, :4].movedim(1, -1).reshape(-1, 4), h[:, 4:].movedim(1, -1).reshape(-1, 4)
    kl = (0.5 * (mu**2 + logvar.exp() - 1 - logvar)).mean(0)
    found = run_pass(made).metrics
    for d in range(4):
        assert found[f"kl.{d + 1}"] == pytest.approx(kl[d].item(), rel=1e-3)
    assert found["active_units"] == (kl > 0.01).sum()


def test_loss_is_the_weighted_sum_of_the_raw_terms() -> None:
    made = session(tiny("vq", *OVERRIDES, "objective.l1=0.5"))
    weights = {"mse": 2.0, "commitment": 0.125, "l1": 0.5}
    found = run_pass(made, weights).metrics
    assert found["loss"] == pytest.approx(sum(w * found[name] for name, w in weights.items()), rel=1e-6)


@pytest.mark.parametrize("bottleneck", ["vq", "gaussian"])
@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_changed(bottleneck: str, training: bool) -> None:
    """Not one buffer (batch statistics, codebook averages, reservoir), no random state, and the mode is put back."""
    made = session(tiny(bottleneck, *OVERRIDES))
    made.parts.model.train(training)
    state = {k: v.clone() for k, v in made.parts.model.state_dict().items()}
    hidden = {k: v.clone() for k, v in made.parts.model.named_buffers()}
    random = torch.get_rng_state()
    first, second = run_pass(made), run_pass(made)
    assert first.metrics == second.metrics
    assert torch.equal(torch.get_rng_state(), random)
    assert made.parts.model.training is training
    for now, before in ((dict(made.parts.model.named_buffers()), hidden), (made.parts.model.state_dict(), state)):
        assert now.keys() == before.keys()
        for name, tensor in now.items():
            assert torch.equal(tensor, before[name]), name
    assert all(p.grad is None for p in made.parts.model.parameters())


def test_points_of_a_two_dimensional_latent_come_with_their_labels() -> None:
    made = session(tiny("vq", "encoder.dense=[16]", "bottleneck.dim=2", "bottleneck.codes=8", *OVERRIDES))
    found = run_pass(made)
    assert found.points is not None
    assert found.labels is not None
    made.parts.model.eval()
    with torch.no_grad():
        expected = torch.cat(
            [made.parts.model.encoder(b.images) for b in made.parts.task.images.validation.epoch(0)]
        ).reshape(-1, 2)
    np.testing.assert_allclose(found.points, expected.numpy()[:MOST_POINTS], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(
        found.labels, torch.cat([b.labels for b in made.parts.task.images.validation.epoch(0)]).numpy()
    )
    assert run_pass(session(tiny("vq", *OVERRIDES))).points is None


def test_perfect_reconstruction_has_an_infinite_psnr() -> None:
    made = session(tiny("none"))
    made.parts.model.forward = lambda x: (x, made.parts.model.bottleneck(made.parts.model.encoder(x)))  # type: ignore[method-assign]
    assert run_pass(made).metrics["mse"] == 0.0
    assert run_pass(made).metrics["psnr"] == math.inf


def test_usage_figures_of_a_known_table() -> None:
    figures = usage_metrics(torch.tensor([[4, 4, 0, 0], [8, 0, 0, 0]]))
    assert figures == pytest.approx(
        {"codes": 4, "tokens": 8, "tokens_per_code": 2, "used.1": 2, "perplexity.1": 2, "used.2": 1, "perplexity.2": 1}
    )


def test_ranks_share_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of two ranks takes every second batch: together they count every image once."""
    made = session(tiny("vq", *OVERRIDES))
    whole = run_pass(made)
    parts = []
    for rank in (0, 1):
        monkeypatch.setattr(Compute, "world", property(lambda self: 2))
        monkeypatch.setattr(Compute, "rank", property(lambda self, rank=rank: rank))
        parts.append(run_pass(made))
    assert whole.counts is not None
    np.testing.assert_array_equal(sum(p.counts for p in parts), whole.counts)
