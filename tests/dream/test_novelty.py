"""The three-sample test: copies are called copies, unseen ones are not, and copies in one place are found there."""

from __future__ import annotations

import numpy as np
import pytest

from tilework.dream.mann_whitney import mann_whitney_z
from tilework.dream.novelty import Novelty, Space, Verdict, diversity, novelty

SEEDS = range(8)


def clusters(rng: np.random.Generator, count: int, spread: float = 0.4) -> np.ndarray:
    """Points around four centres in eight dimensions."""
    centres = 4 * np.eye(8)[:4]
    return centres[rng.integers(0, 4, count)] + spread * rng.standard_normal((count, 8))


def found(training: np.ndarray, unseen: np.ndarray, generated: np.ndarray) -> Novelty:
    return novelty(training, unseen, generated, Space.LATENTS)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_training_points_are_called_copies(seed: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    training, unseen = clusters(rng, 600), clusters(rng, 200)
    chosen = training[rng.choice(600, 40, replace=False)]
    result = found(training, unseen, chosen + noise * rng.standard_normal(chosen.shape))
    assert result.verdict is Verdict.COPIES
    assert result.z < -6
    assert result.ratio < 0.5
    assert result.exact == (0 if noise else 40)


@pytest.mark.parametrize("count", [6, 16, 200])
def test_unseen_points_are_not(count: int) -> None:
    verdicts, z = [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        result = found(clusters(rng, 600), clusters(rng, 200), clusters(rng, count))
        verdicts.append(result.verdict)
        z.append(result.z)
        assert 0.6 < result.ratio < 1.6
    assert set(verdicts) == {Verdict.AS_UNSEEN}
    assert abs(np.mean(z)) < 1.2, "neither side is preferred"


@pytest.mark.parametrize("seed", SEEDS)
def test_copies_in_one_cluster_are_found_there(seed: int) -> None:
    """One cluster is copied, the others are far off, so that the whole looks new."""
    rng = np.random.default_rng(seed)
    training, unseen = clusters(rng, 600), clusters(rng, 240)
    first = training[training[:, 0] > 2]
    copied = first[rng.choice(len(first), 40)]
    far = clusters(rng, 400, spread=0.7)
    result = found(training, unseen, np.concatenate([copied, far[far[:, 0] < 2][:120]]))
    assert result.verdict is Verdict.COPIES_IN_PLACES
    assert result.z > -3
    assert result.copied_cells
    for number in result.copied_cells:
        assert training[result.cells[number].centre][0] > 2, "the cluster that was copied"


@pytest.mark.parametrize("seed", SEEDS)
def test_half_copies_of_every_cluster_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    training, unseen = clusters(rng, 600), clusters(rng, 240)
    half = np.concatenate([training[rng.choice(600, 80)], clusters(rng, 80)])
    assert found(training, unseen, half).verdict in {Verdict.COPIES, Verdict.COPIES_IN_PLACES}


def test_far_points_are_called_so() -> None:
    rng = np.random.default_rng(0)
    result = found(clusters(rng, 600), clusters(rng, 200), clusters(rng, 60, spread=1.5))
    assert result.verdict is Verdict.FARTHER
    assert result.ratio > 2


@pytest.mark.parametrize("sizes", [(600, 200, 2), (600, 2, 40), (2, 200, 40), (600, 0, 40)])
def test_few_points_show_nothing(sizes: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    result = found(*(clusters(rng, size) for size in sizes))
    assert result.verdict is Verdict.TOO_FEW
    assert result.counts == sizes


def test_data_whose_unseen_images_are_in_training_too_is_not_called_copied() -> None:
    """Where every held-out image has a twin in training, a copy is as far off as they are: at 0."""
    rng = np.random.default_rng(0)
    training = clusters(rng, 300)
    result = found(training, training[:100], training[100:160])
    assert result.verdict is Verdict.AS_UNSEEN
    assert result.z == 0


def test_z_is_that_of_the_rank_sum() -> None:
    """Against the p value of scipy's normal approximation, with ties and without."""
    from scipy.stats import mannwhitneyu, norm

    rng = np.random.default_rng(1)
    for a, b in ((rng.random(30), rng.random(50) + 0.2), (rng.integers(0, 5, 30), rng.integers(1, 6, 50))):
        expected = mannwhitneyu(a, b, method="asymptotic", use_continuity=False, alternative="less").pvalue
        assert norm.cdf(mann_whitney_z(a.astype(float), b.astype(float))) == pytest.approx(expected, rel=1e-9)


def test_diversity() -> None:
    rng = np.random.default_rng(2)
    real = clusters(rng, 300)
    same, part, off = clusters(rng, 300), clusters(rng, 1200), clusters(rng, 300) + 30
    part = part[part[:, 0] > 2][:200]
    precision, recall = diversity(real, same) or (0, 0)
    assert precision > 0.7
    assert recall > 0.7
    precision, recall = diversity(real, part) or (0, 0)
    assert precision > 0.7
    assert recall < 0.5, "one cluster of four"
    assert diversity(real, off) == (0, 0)
    assert diversity(real, same[:31]) is None


def test_the_same_input_gives_the_same() -> None:
    rng = np.random.default_rng(3)
    given = clusters(rng, 600), clusters(rng, 200), clusters(rng, 200)
    assert found(*given) == found(*given)


def images_with_detail(rng: np.random.Generator, count: int, most: float = 1.0) -> np.ndarray:
    """Points whose distance from the centre is how much detail they have; `most` of what others have at most."""
    direction = rng.standard_normal((count, 16))
    return direction * rng.uniform(0.2 * most, most, (count, 1))


@pytest.mark.parametrize("seed", SEEDS)
def test_plain_images_are_near_all_others_and_no_copies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    training, unseen = images_with_detail(rng, 800), images_with_detail(rng, 200)
    result = found(training, unseen, images_with_detail(rng, 60, most=0.4))
    assert result.z < -3, "by distance alone they would be copies"
    assert result.verdict is Verdict.PLAIN
    assert result.copied_cells == ()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("blur", [1.0, 0.85])
def test_copies_of_plain_images_are_copies_all_the_same(seed: int, blur: float) -> None:
    """Of the plainest training images, as they are but for a little noise, or blurred towards the mean of all."""
    rng = np.random.default_rng(seed)
    training, unseen = images_with_detail(rng, 800), images_with_detail(rng, 200)
    plainest = training[np.argsort(np.linalg.norm(training, axis=1))[100:160]]
    result = found(training, unseen, blur * plainest + 0.01 * rng.standard_normal(plainest.shape))
    assert result.plainness is not None
    assert result.plainness.radius_z < -3, "they are plainer"
    assert result.verdict is Verdict.COPIES
