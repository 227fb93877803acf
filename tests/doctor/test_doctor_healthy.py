"""What healthy runs go through and no rule may take for a fault: early phases, schedules, chance. Curves are of real runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doctor_examples import case_of, falling
from doctor_faults import FALLING, noisy, of_loss

from tilework.doctor.diagnosis import diagnose, shipped
from tilework.doctor.finding import CannotJudge, Finding, Missing, Severity
from tilework.spec import load_spec


def spec_of(recipe: str, *settings: str) -> dict[str, Any]:
    return load_spec(recipe, settings).model_dump(mode="json")


def alarms(folder: Path, spec: dict[str, Any], **rest: Any) -> list[Finding]:
    """Findings of severity warning or above."""
    with case_of(folder, spec, task=spec["task"], **rest) as case:
        return [found for found in diagnose(case).findings if found.severity is not Severity.INFO]


def codes_of(folder: Path, spec: dict[str, Any], **rest: Any) -> list[str]:
    return [found.code for found in alarms(folder, spec, **rest)]


def judged(folder: Path, code: str, spec: dict[str, Any], **rest: Any) -> Finding | None:
    with case_of(folder, spec, task=spec["task"], **rest) as case:
        return shipped()[code].judge(case)


DIGITS = {
    "mse": [0.236, 0.0827, 0.0576, 0.0533, 0.0519, 0.0512, 0.0509, 0.0505],
    "loss": [0.236, 0.0829, 0.0577, 0.0533, 0.0519, 0.0513, 0.051, 0.0506],
    "perplexity.1": [14.1, 1, 1, 1, 1, 1, 1.03, 1.2], "used.1": [16, 1, 1, 1, 1, 1, 2, 3],
    "perplexity.2": [12.1, 1, 3.57, 5.64, 7.26, 9.42, 10.3, 10], "used.2": [14, 1, 6, 8, 10, 12, 13, 13],
    "z_norm": [0.116, 0.13, 0.127, 0.127, 0.129, 0.134, 0.136, 0.14],
    "code_norm.1": [0.117, 0.115, 0.115, 0.114, 0.115, 0.115, 0.115, 0.115],
    "codes": [16] * 8, "tokens": [180] * 8, "duplicates.1": [0] * 8, "psnr": [6.3, 10.8, 12.4, 12.7, 12.9, 12.9, 12.9, 12.9],
    "detail": [0.001] * 8,
}  # fmt: skip
DIGITS_TRAIN = {
    "loss": [0.217, 0.136, 0.0847, 0.0668, 0.0592, 0.0555, 0.0536, 0.052, 0.0516, 0.051, 0.0508, 0.0498, 0.0497, 0.0495, 0.0497],
    "commitment": [
        4.6e-3, 6e-4, 2.3e-4, 1.1e-4, 4.5e-5, 4.4e-5, 2.3e-5, 1.1e-5, 1.1e-5, 1.2e-5, 1.4e-5, 2.3e-5, 3e-5, 3.1e-5, 4.2e-5,
    ],
    "quantisation_error.1": [
        4.8e-3, 8e-4, 3.9e-4, 1.8e-4, 8e-5, 8.3e-5, 4.3e-5, 2e-5, 2e-5, 2.2e-5, 2.6e-5, 4.2e-5, 5e-5, 5.8e-5, 7.8e-5,
    ],
    "z_norm": [0.124, 0.125, 0.127, 0.122, 0.126, 0.125, 0.125, 0.127, 0.128, 0.13, 0.131, 0.132, 0.134, 0.135, 0.135],
    "code_norm.1": [0.116, 0.115, 0.115, 0.114, 0.114, 0.114, 0.114, 0.115, 0.115, 0.115, 0.115, 0.115, 0.115, 0.115, 0.115],
    "grad_norm": [0.2, 0.13, 0.038, 0.024, 0.015, 0.011, 0.0085, 0.007, 0.006, 0.005, 0.0047, 0.0041, 0.0043, 0.0044, 0.0042],
    "weight.mse": [1.0] * 15, "weight.commitment": [0.25] * 15, "lr": [1e-3] * 15,
}  # fmt: skip


def test_a_codebook_that_has_yet_to_spread(tmp_path: Path) -> None:
    """One code for everything at step 125: the mean image is being learned, and by step 400 all is well."""
    found = codes_of(tmp_path, spec_of("rqvae-digits"), train=DIGITS_TRAIN, val=DIGITS, epoch=25, total_steps=2000)
    assert found == []


@pytest.mark.parametrize(
    ("over", "more"), [("", {}), ("7 epochs", {"optimizer.lr.over": "40 epochs"}), ("60 epochs", {}), ("175 steps", {})]
)
def test_the_same_at_the_end_of_a_short_run_is_to_train_longer(tmp_path: Path, over: str, more: dict[str, Any]) -> None:
    """With a learning rate that goes on falling to the new end, where it fell to the old one."""
    falls = [f"optimizer.lr={{kind: cosine, start: 1e-3, end: 1e-5, over: {over}}}"] if over else []
    spec = spec_of("rqvae-digits", "engine.epochs=7", *falls)
    rest = {"train": DIGITS_TRAIN, "val": DIGITS, "epoch": 25, "total_steps": 175, "steps_per_epoch": 25}
    found = alarms(tmp_path, spec, **rest)
    assert [(f.code, f.severity) for f in found] == [
        ("codebook-collapse", Severity.WARNING),
        ("unused-codes", Severity.WARNING),
    ]
    assert found[0].fix is not None
    assert found[0].fix.changes == {"engine.epochs": 40, **more}
    assert found[0].fix.keep_weights


@pytest.mark.parametrize("total", [75, 2000])
def test_a_codebook_of_few_codes_or_few_tokens_is_not_judged(tmp_path: Path, total: int) -> None:
    two = {"codes": [2] * 7, "tokens": [180] * 7, "perplexity.1": [1.0] * 7, "used.1": [1] * 7}
    few = {"codes": [240] * 7, "tokens": [12] * 7, "perplexity.1": [1.0] * 7, "used.1": [1] * 7}
    for number, val in enumerate((two, few)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert codes_of(folder, spec_of("p5-loops"), train=of_loss(FALLING), val=val, total_steps=total) == []


def test_codes_that_come_into_use_are_left_alone(tmp_path: Path) -> None:
    val = {
        "codes": [1000] * 7,
        "tokens": [10_800] * 7,
        "perplexity.1": [1, 5, 9, 15, 20, 40, 60],
        "used.1": [2, 9, 20, 40, 55, 90, 200],
    }
    assert "unused-codes" not in codes_of(tmp_path, spec_of("p5-loops"), train=of_loss(FALLING), val=val)


def test_a_long_run_is_judged_as_a_short_one(tmp_path: Path) -> None:
    """Thirty thousand rows, the last third of them rising: thinned, not smoothed over windows of thousands."""
    rising = [*falling(0.2, 0.01, 20_000), *(0.01 * 1.0004**n for n in range(10_000))]
    found = judged(tmp_path, "loss-diverging", spec_of("p5-loops"), train={"loss": rising}, every=1)
    assert found is not None
    assert 20_000 < found.step < 24_000


def test_codes_left_behind_by_a_random_start_get_the_fix_for_that(tmp_path: Path) -> None:
    train = of_loss(FALLING, z_norm=noisy(9, 60), code_norm__1=noisy(1.2, 60))
    found = judged(tmp_path, "norm-drift", spec_of("gamefactory-v2.0.1"), train=train)
    assert found is not None
    assert found.fix is not None
    assert found.fix.changes == {"bottleneck.start": "kmeans", "bottleneck.revival": {}}


def test_a_ramp_and_a_stair_move_the_loss_and_are_no_divergence(tmp_path: Path) -> None:
    mse, commitment = np.array(falling(0.2, 0.002, 80)), np.array(falling(1e-4, 0.02, 80))
    weight = np.where(np.arange(80) < 60, 0.05, 1.0)
    train = of_loss(
        (mse + weight * commitment).tolist(),
        mse=mse.tolist(),
        commitment=commitment.tolist(),
        weight__commitment=weight.tolist(),
    )
    found = codes_of(tmp_path, spec_of("p5-loops", "objective.commitment=0.05"), train=train)
    assert "loss-diverging" not in found
    assert "loss-spiking" not in found


def _folder(parent: Path, number: int) -> Path:
    folder = parent / str(number)
    folder.mkdir()
    return folder


def test_a_gap_between_training_and_held_out_images_is_learning_by_heart_but_not_of_other_groups(
    tmp_path: Path,
) -> None:
    train = of_loss(falling(500, 93, 60), bce=falling(500, 93, 60))
    del train["mse"]
    held = {"mse": falling(0.2, 0.018, 12)}
    few = spec_of("vae-digits", "data.split.validation=0.96")
    for bce, found in ((138, True), (112, False)):
        finding = judged(
            _folder(tmp_path, bce), "overfitting", few, train=train, val={**held, "bce": falling(500, bce, 12)}
        )
        assert (finding is not None) == found
    assert finding is None
    groups = spec_of("vae-digits", "data.split={by: group, validation: 0.1}")
    val = {**held, "bce": falling(500, 138, 12)}
    assert judged(_folder(tmp_path, 0), "overfitting", groups, train=train, val=val) is None


@pytest.mark.parametrize(("peak", "found"), [(60.0, True), (12.0, True), (4.0, False)])
def test_a_single_batch_unlike_the_others_is_seen_in_a_row_of_means(tmp_path: Path, peak: float, found: bool) -> None:
    """Rows of ten steps; in five of them one step is so many times the others."""
    level, rows = np.array(falling(0.2, 0.01, 60)), range(15, 60, 10)
    times = np.where(np.isin(np.arange(60), rows), peak, 1.2)
    loss = level * (9 + times) / 10
    train = of_loss((0.3 * loss).tolist(), loss_peak=(0.3 * level * times).tolist())
    finding = judged(tmp_path, "loss-spiking", spec_of("rqvae-digits"), train=train)
    assert (finding is not None) == found
    if finding is not None:
        assert finding.measured == 5
        assert finding.values["highest"] == pytest.approx(peak)
        assert finding.values["batches"]


def test_small_batches_differ_all_the_time_and_are_no_spikes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    steps = np.array(falling(0.2, 0.05, 1200)) * rng.lognormal(0, 0.7, 1200)
    rows = steps.reshape(120, 10)
    train = of_loss(rows.mean(1).tolist(), loss_peak=rows.max(1).tolist())
    assert judged(tmp_path, "loss-spiking", spec_of("rqvae-digits"), train=train) is None


def test_a_loss_of_nearly_nothing_that_doubles_is_no_divergence(tmp_path: Path) -> None:
    train = of_loss([*falling(0.2, 0.002, 60), *noisy(0.0045, 20)])
    assert codes_of(tmp_path, spec_of("p5-loops"), train=train) == []


def test_batches_that_differ_much_are_no_spikes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    loss = (np.array(falling(5.9, 3.3, 120)) * rng.uniform(0.8, 1.3, 120)).tolist()
    train = {"loss": loss, "lr": [1e-3] * 120, "grad_norm": rng.uniform(2, 13, 120).tolist()}
    assert codes_of(tmp_path, spec_of("motion-prior"), train=train, total_steps=3000) == []


def test_warm_up_is_no_stall_and_no_low_rate(tmp_path: Path) -> None:
    """At step 300 of a warm-up of 500 little is learned yet."""
    spec = spec_of("masked-prior")
    train = {"loss": noisy(6, 30, 1e-4), "lr": [1e-6 * n for n in range(1, 31)], "grad_norm": noisy(1, 30)}
    assert codes_of(tmp_path, spec, train=train, total_steps=20_000) == []


def test_a_run_that_began_with_trained_weights_may_go_slowly(tmp_path: Path) -> None:
    spec = spec_of("vae-digits", "optimizer.lr=1e-6")
    assert codes_of(tmp_path, spec, train=of_loss(noisy(150, 40, 1e-3), lr=[1e-6] * 40), val={"psnr": [19.0] * 5}) == []


def test_a_high_rate_that_trains_well_is_no_finding(tmp_path: Path) -> None:
    spec = spec_of("vae-digits", "optimizer.lr=0.02")
    train, val = of_loss(falling(0.2, 0.02, 60), lr=[0.02] * 60), {"loss": falling(0.22, 0.02, 6), "detail": [0.6] * 6}
    assert codes_of(tmp_path, spec, train=train, val=val, total_steps=700) == []


def test_a_rate_a_hundred_times_the_usual_that_sticks_early(tmp_path: Path) -> None:
    spec = spec_of("gpt-prior", "optimizer.lr=0.1")
    loss = [5.59, 4.31, 4.09, 3.82, 3.67, 3.58, 3.52, 3.5, 3.51, 3.55, 3.58, 3.65, 3.58, 3.5, 3.45, 3.39]
    train = {"loss": loss, "lr": [0.1] * 16, "grad_norm": noisy(0.5, 16)}
    val = {"loss": [4.87, 3.55], "bits": [7.02, 5.12], "coding.unigram": [5.86] * 2}
    assert codes_of(tmp_path, spec, train=train, val=val, total_steps=10_000) == ["learning-rate-high"]


def test_a_run_that_has_converged_has_a_small_gradient(tmp_path: Path) -> None:
    train = of_loss(falling(0.2, 1e-4, 80), grad_norm=falling(0.2, 1e-6, 80))
    assert codes_of(tmp_path, spec_of("rqvae-digits"), train=train) == []


def test_a_clip_below_every_gradient_is_good_to_know_alone(tmp_path: Path) -> None:
    train = {"loss": falling(5.9, 3.3, 60), "lr": [1e-3] * 60, "grad_norm": noisy(5, 60)}
    found = judged(tmp_path, "gradient-always-clipped", spec_of("motion-prior"), train=train)
    assert found is not None
    assert found.severity is Severity.INFO


def test_a_latent_that_wakes_late_and_one_that_sheds_some_dimensions(tmp_path: Path) -> None:
    waking = {"kl": [0.003, 0.12, 0.3, 0.8], "active_units": [0, 1, 2, 6]}
    shed = {"kl": [0.003, 2, 8, 9], "active_units": [0, 12, 7, 7]}
    for name, val in (("waking", waking), ("shed", shed)):
        folder = tmp_path / name
        folder.mkdir()
        train = of_loss(FALLING[:30], kl=[1.0] * 30)
        assert codes_of(folder, spec_of("vae-digits-beta10"), train=train, val=val, epoch=50) == [], name


def test_fsq_within_its_levels_has_a_commitment_of_zero(tmp_path: Path) -> None:
    spec = spec_of("p5-sharp", "bottleneck.kind=fsq")
    train = of_loss(FALLING, commitment=[0.0] * 60, weight__commitment=[0.25] * 60)
    assert codes_of(tmp_path, spec, train=train) == []


def test_a_late_term_is_not_constant(tmp_path: Path) -> None:
    train = of_loss(FALLING, sharpness=[0.05] * 4, weight__sharpness=[0.0] * 60)
    assert "term-constant" not in codes_of(tmp_path, spec_of("p5-sharp"), train=train)


@pytest.mark.parametrize(
    "leak",
    [
        {"by": "group", "examined": 180, "identical": 0, "near_twins": 22, "neighbours": 0},
        {"by": "segment", "examined": 180, "identical": 0, "near_twins": 40, "neighbours": 40},
        {"by": "cluster", "examined": 168, "identical": 0, "near_twins": 0, "neighbours": 0},
    ],
)
def test_images_of_a_kind_look_alike(tmp_path: Path, leak: dict[str, Any]) -> None:
    assert judged(tmp_path, "validation-leak", spec_of("rqvae-digits"), leak_counts=leak) is None


def test_a_leak_that_nobody_measured_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge) as lack:
        judged(tmp_path, "validation-leak", spec_of("vae-mnist"), leak="", leak_counts=None)
    assert lack.value.missing is Missing.FACTS


def test_a_validation_that_is_the_training_set_is_an_error(tmp_path: Path) -> None:
    leak = {"by": "official", "examined": 100, "identical": 100, "near_twins": 100, "neighbours": 100}
    found = judged(tmp_path, "validation-leak", spec_of("vq-photos"), leak_counts=leak)
    assert found is not None
    assert (found.severity, found.values["kind"]) == (Severity.ERROR, "identical")
    assert found.fix is not None
    load_spec("vq-photos", found.fix.overrides())


def test_early_stopping_has_already_dealt_with_it(tmp_path: Path) -> None:
    spec = spec_of("gpt-prior")
    val = {"loss": [6, 4, 3.8, 3.9, 4.0, 4.2], "bits": [8, 5, 4.8, 5, 5.1, 5.3], "coding.unigram": [8] * 6}
    train = {"loss": falling(6, 3, 60), "lr": [1e-3] * 60, "grad_norm": noisy(1.0, 60)}
    assert codes_of(tmp_path, spec, train=train, val=val) == []


def test_a_few_skipped_steps_and_one_rollback_are_good_to_know(tmp_path: Path) -> None:
    events = [("step-skipped", 40, {}), ("skipped-steps", 50, {"in_row": 2}), ("rolled-back", 300, {})]
    assert codes_of(tmp_path, spec_of("rqvae-digits"), train=of_loss(FALLING), events=events) == []


def test_a_checkpoint_may_wait_for_a_long_validation(tmp_path: Path) -> None:
    """The rows of these runs are written within milliseconds, all long after a checkpoint of the epoch's start."""
    spec = spec_of("rqvae-digits", "engine.save_every_minutes=0.5")
    found = judged(tmp_path, "checkpoint-older-than-promised", spec, train=of_loss(FALLING), seconds_at=1.0)
    assert found is None, "one long wait since the checkpoint: a machine that slept"
