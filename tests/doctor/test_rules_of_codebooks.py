"""Rules of codebooks at their edges: what comes before what, and runs that are short, end early or have few held-out tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from doctor_examples import case_of, falling
from doctor_faults import noisy, of_loss
from test_rules_over_probes import GRADIENTS, HEALTHY, SPEC

from tilework.doctor.diagnosis import diagnose, shipped
from tilework.doctor.finding import CannotJudge, Finding, Severity
from tilework.spec import load_spec

Series = Mapping[str, Sequence[float]]
AT_RANDOM = ("bottleneck.start=random", "bottleneck.revival=null")


def spec_of(recipe: str, *settings: str) -> dict[str, Any]:
    return load_spec(recipe, settings).model_dump(mode="json")


def judged(folder: Path, code: str, spec: Mapping[str, Any], **series: Any) -> Finding | None:
    with case_of(folder, spec, **series) as case:
        return shipped()[code].judge(case)


# A commitment that has won ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "share", "reported"),
    [(2e-6, 0.4, True), (2e-6, 0.01, False), (2e-5, 0.4, False), (5e-3, 0.4, False)],
)
def test_a_commitment_that_holds_tokens_at_their_codes(
    tmp_path: Path, distance: float, share: float, reported: bool
) -> None:
    """0.33 is the norm of tokens with 32 numbers: their squared distance to a code is 0.0006 or 0.006 of it."""
    gradients = {**GRADIENTS, "weight.commitment": 250.0, "latent.commitment": 0.6 * share / (1 - share)}
    val = {"z_norm": [0.33] * 3, "quantisation_error.1": [distance] * 3}
    probes = {**HEALTHY, "gradients": gradients}
    found = judged(
        tmp_path, "term-dominates", SPEC, val=val, probes={n: {"applies": True, **p} for n, p in probes.items()}
    )
    if not reported:
        assert found is None
        return
    assert found is not None
    assert (found.values["term"], found.measured) == ("commitment", pytest.approx(share))
    assert found.fix is not None
    assert found.fix.changes == {"objective.commitment": 0.25}
    assert "250" in shipped()["term-dominates"].words(found).title


def test_tokens_at_codes_that_were_just_placed_are_not_held_by_the_commitment(tmp_path: Path) -> None:
    """rqvae-digits at step 50 has a share of 0.22 and of 0.34 on two seeds, with the usual weight."""
    val = {"z_norm": [0.33] * 3, "quantisation_error.1": [2e-6] * 3}
    held = {**GRADIENTS, "latent.commitment": 0.3, "applies": True}
    for name in ("usual", "50", "200"):
        (tmp_path / name).mkdir()
    usual = {"gradients": {**held, "weight.commitment": 0.25}}
    assert judged(tmp_path / "usual", "term-dominates", SPEC, val=val, probes=usual) is None
    for step in (50, 200):
        large = {"gradients": {**held, "weight.commitment": 250.0, "step": step}}
        if step < 200:
            with pytest.raises(CannotJudge):
                judged(tmp_path / f"{step}", "term-dominates", SPEC, val=val, probes=large)
        else:
            assert judged(tmp_path / f"{step}", "term-dominates", SPEC, val=val, probes=large) is not None


def test_terms_without_any_gradient_are_not_called_too_light(tmp_path: Path) -> None:
    dead = {name: 0.0 for name in GRADIENTS if name.startswith(("output.", "latent."))}
    probes = {"gradients": {"applies": True, **GRADIENTS, **dead, "latent.commitment": 0.3}}
    assert judged(tmp_path, "term-dominates", SPEC, probes=probes) is None


# Latents and codes that shrink together ---------------------------------------------------------------------------------


def slide(start: float, end: float) -> list[float]:
    """100 rows, 1,000 steps: rises at first, as latents do, and goes in a straight line from step 100 on."""
    return [start * n / 10 for n in range(10)] + [start + (end - start) * n / 89 for n in range(90)]


@pytest.mark.parametrize(
    ("tokens", "codes", "gradient", "reported"),
    [
        ((1.0, 0.5), (1.0, 0.5), (0.2, 0.6), True),
        ((1.0, 0.5), (1.0, 1.0), (0.2, 0.6), False),  # codes stay: a drift
        ((1.0, 1.0), (1.0, 0.5), (0.2, 0.6), False),
        ((1.0, 0.9), (1.0, 0.9), (0.2, 0.6), False),  # settles
        ((1.0, 0.5), (1.0, 0.5), (0.2, 0.2), False),  # nothing pulls against it: only the scale has changed
    ],
)
def test_a_slide_is_reported_before_the_cliff(
    tmp_path: Path,
    tokens: tuple[float, float],
    codes: tuple[float, float],
    gradient: tuple[float, float],
    reported: bool,
) -> None:
    curves = {"z_norm": slide(*tokens), "code_norm.1": slide(*codes), "grad_norm": slide(*gradient)}
    train = of_loss(
        [0.1] * 100, **{n.replace(".", "__"): v for n, v in curves.items()}, quantisation_error__1=[0.01] * 100
    )
    found = judged(tmp_path, "quantiser-loss-cliff", spec_of("vq-mnist"), train=train)
    assert (found is not None) == reported
    if found is not None:
        assert found.severity is Severity.WARNING
        assert found.measured == pytest.approx(0.6, abs=0.05)  # the medians of the outer quarters
        assert found.evidence is not None
        assert "grad_norm" in found.evidence.series
        assert "shrink together" in shipped()["quantiser-loss-cliff"].words(found).title


def test_a_short_run_has_no_slide(tmp_path: Path) -> None:
    shrinking = {name: [1 - 0.05 * n for n in range(12)] for name in ("z_norm", "code_norm__1")}
    train = of_loss([0.1] * 12, **shrinking, grad_norm=[0.1 * n for n in range(12)], quantisation_error__1=[0.01] * 12)
    assert judged(tmp_path, "quantiser-loss-cliff", spec_of("vq-mnist"), train=train) is None


# Codes that a change by hand has cost -------------------------------------------------------------------------------------

HEAVY, FASTER = ("objective.commitment", 0.25, 20.0, 400), ("optimizer.lr", 1e-3, 2e-3, 500)


@pytest.mark.parametrize(
    ("perplexity", "changes", "blamed"),
    [
        ([14] * 40 + [4] * 20, [HEAVY], "objective.commitment"),
        ([14] * 40 + [4] * 20, [HEAVY, FASTER], "objective.commitment"),
        ([14] * 40 + [12] * 10 + [4] * 10, [HEAVY, FASTER], "optimizer.lr"),
        ([14] * 40 + [4] * 20, [], None),  # nobody changed anything: for other rules
        ([14] * 40 + [9] * 20, [HEAVY], None),
        ([14] * 40 + [4] * 10 + [13] * 10, [HEAVY], None),  # they are back
        ([14] * 40 + [4] * 4, [HEAVY], None),  # too soon
        ([2.5] * 40 + [1] * 20, [HEAVY], None),  # there was nothing to lose
    ],
)
def test_codes_that_are_lost_after_a_change(
    tmp_path: Path, perplexity: list[float], changes: list[tuple[str, float, float, int]], blamed: str | None
) -> None:
    rows = {"perplexity.1": perplexity, "perplexity.2": [13.0] * len(perplexity)}
    found = judged(tmp_path, "codes-lost", spec_of("rqvae-digits"), train=rows, changes=changes)
    assert (None if found is None else found.values["name"]) == blamed
    if found is not None:
        words = shipped()["codes-lost"].words(found)
        assert "of level 1" in words.title
        assert words.advice == f"set {blamed} back to {found.values['back']:g}, then revive the dead codes"


# Drift ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "rolled_back", "reported"),
    [(40.0, False, True), (6.0, False, None), (6.0, True, True), (2.0, True, None)],
)
def test_a_drift_in_a_run_that_ends_early(
    tmp_path: Path, ahead: float, rolled_back: bool, reported: bool | None
) -> None:
    train = of_loss(falling(0.2, 0.1, 9), z_norm=noisy(0.1 * ahead, 9), code_norm__1=noisy(0.1, 9))
    events = [("rolled-back", 15, {"reason": "loss-spike"})] if rolled_back else []
    spec = spec_of("rqvae-digits", "objective.commitment=0")
    if reported is None:
        with pytest.raises(CannotJudge):
            judged(tmp_path, "norm-drift", spec, train=train, events=events)
        return
    found = judged(tmp_path, "norm-drift", spec, train=train, events=events)
    assert found is not None
    assert found.fix is not None
    assert found.fix.changes == {"objective.commitment.weight": 0.25}


# Codes that stand still -------------------------------------------------------------------------------------------------


def test_codes_that_stand_still_are_the_cause_of_a_loss_that_rises(tmp_path: Path) -> None:
    rising = [*falling(0.2, 0.05, 30), *(0.05 * 1.2**n for n in range(30))]
    train = of_loss(rising, z_norm=[0.1 * 1.1**n for n in range(60)], code_norm__1=[0.1] * 60)
    with case_of(tmp_path, spec_of("rqvae-digits", "objective.codebook=0"), train=train) as case:
        found = {one.code: one for one in diagnose(case).findings}
    assert found["codebook-frozen"].because == ""
    assert found["codebook-frozen"].fix is not None
    assert found["loss-diverging"].because == "codebook-frozen"
    assert found["loss-diverging"].fix is None, "its own fix would leave the cause as it is"


def test_codes_do_not_move_where_steps_are_refused(tmp_path: Path) -> None:
    spec = spec_of("rqvae-digits")
    train = of_loss(falling(0.2, 0.1, 30), code_norm__1=[0.1] * 30)
    long_ago, lately = (
        [("step-skipped", last, {"first": last - 4, "last": last, "count": 5, "terms": ["mse"]})] for last in (50, 280)
    )
    assert judged(tmp_path, "codebook-frozen", spec, train=train, events=long_ago) is not None
    (tmp_path / "refused").mkdir()
    assert judged(tmp_path / "refused", "codebook-frozen", spec, train=train, events=lately) is None


# Unused codes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "used", "settings", "reported"),
    [
        (8192, 12, AT_RANDOM, True),  # 9,000 held-out tokens would touch 5,464 of them
        (8192, 1500, AT_RANDOM, False),
        (8192, 12, (), False),  # with so few tokens nothing is reported of codes without a known fault
        (1024, 12, (), True),
    ],
)
def test_codes_for_which_there_are_few_tokens(
    tmp_path: Path, codes: int, used: int, settings: tuple[str, ...], reported: bool
) -> None:
    val = {"codes": [codes] * 7, "tokens": [9000] * 7, "used.1": [used] * 7, "perplexity.1": [used * 0.7] * 7}
    spec = spec_of("vq-mnist", "data=digits", f"bottleneck.codes={codes}", *settings)
    found = judged(tmp_path, "unused-codes", spec, train=of_loss(falling(0.2, 0.01, 60)), val=val)
    assert (found is not None) == reported
    assert found is None or found.values["used"] == used


def test_too_many_codes_that_also_start_at_random_get_one_fix_for_both(tmp_path: Path) -> None:
    spec = spec_of("vq-mnist", "data=digits", "bottleneck.codes=8192", *AT_RANDOM)
    found = judged(tmp_path, "codebook-too-large", spec, train_items=1617, model={"grid": [7, 7]})
    assert found is not None
    assert found.fix is not None
    assert found.fix.changes == {"bottleneck.codes": 1024, "bottleneck.start": "kmeans", "bottleneck.revival": {}}


def test_a_run_of_three_steps_shows_nothing_of_its_codes(tmp_path: Path) -> None:
    val = {"codes": [64] * 2, "tokens": [9000] * 2, "used.1": [1] * 2, "perplexity.1": [1.0] * 2}
    spec = spec_of("vq-mnist", "data=digits", "bottleneck.codes=64", *AT_RANDOM)
    for code in ("unused-codes", "codebook-collapse"):
        folder = tmp_path / code
        folder.mkdir()
        with pytest.raises(CannotJudge):
            judged(folder, code, spec, val=val, epoch=3, total_steps=3)
