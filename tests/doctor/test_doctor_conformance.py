"""What every rule must bear: a run with next to nothing in it, and a fix that is a spec."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from doctor_examples import case_of, falling
from doctor_faults import MADE, Made, made

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER, PRIOR
from tilework.doctor.diagnosis import diagnose, shipped
from tilework.doctor.finding import CannotJudge, Finding, Missing, Severity
from tilework.runs.folder import RunFolder
from tilework.spec import load_spec

CODES = sorted(shipped())
_SERIES = (
    "loss", "mse", "bits", "lr", "grad_norm", "z_norm", "code_norm.1", "quantisation_error.1", "commitment", "codebook", "lpips",
    "kl", "kl.1", "active_units", "perplexity.1", "used.1", "duplicates.1", "codes", "tokens", "coding.unigram", "coding.copy",
    "psnr", "detail", "data_wait", "steps_per_second", "weight.mse", "weight.lpips", "weight.commitment", "weight.kl",
)  # fmt: skip


def judged(code: str, case: Case) -> Finding | None:
    """What a rule finds, with its words made; a lack is as good as an answer, anything else is raised."""
    rule = shipped()[code]
    try:
        found = rule.judge(case)
    except CannotJudge:
        return None
    if found is not None:
        words = rule.words(found)
        assert words.title
        assert "\n" not in words.title + words.cause + words.advice
        text = json.dumps(found.as_dict(), allow_nan=False)  # what a page reads
        assert Finding.read(json.loads(text)) == found
    return found


def every_rule(case: Case) -> dict[str, Finding]:
    """What each rule finds, also those of the other task."""
    found = {code: judged(code, case) for code in CODES}
    return {code: one for code, one in found.items() if one is not None}


@pytest.mark.parametrize("task", [AUTOENCODER, PRIOR])
def test_a_run_with_nothing_in_it(tmp_path: Path, task: str) -> None:
    with case_of(tmp_path, task=task) as case:
        assert every_rule(case) == {}


@pytest.mark.parametrize("recipe", ["rqvae-digits", "vae-digits", "p5-sharp", "next-frames"])
def test_a_run_of_three_steps(tmp_path: Path, recipe: str) -> None:
    spec = load_spec(recipe).model_dump(mode="json")
    train = {name: [1.0] for name in _SERIES}
    val = {name: [1.0] for name in _SERIES if not name.startswith(("weight", "lr"))}
    with case_of(tmp_path, spec, task=spec["task"], train=train, val=val, every=3, total_steps=1000) as case:
        assert {code for code, one in every_rule(case).items() if one.severity is not Severity.INFO} == set()


@pytest.mark.parametrize("recipe", ["rqvae-digits", "vae-digits", "next-frames"])
def test_a_run_without_validation(tmp_path: Path, recipe: str) -> None:
    spec = load_spec(recipe).model_dump(mode="json")
    with case_of(tmp_path, spec, task=spec["task"], train={name: falling(1, 0.1, 40) for name in _SERIES}) as case:
        every_rule(case)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -1.0])
@pytest.mark.parametrize("recipe", ["gamefactory-v2.1.0", "vae-digits", "next-frames"])
def test_values_that_are_no_measurements(tmp_path: Path, recipe: str, value: float) -> None:
    spec = load_spec(recipe).model_dump(mode="json")
    every = {name: [value] * 60 for name in _SERIES}
    facts = {"seconds_at": value, "steps_per_epoch": 10, "held_out": 0, "leak_counts": {"examined": 0}}
    with case_of(tmp_path, spec, train=every, val=every, **facts) as case:
        every_rule(case)


@pytest.mark.parametrize(
    ("task", "recipe"), [(AUTOENCODER, "next-frames"), (PRIOR, "rqvae-digits"), ("toy", "rqvae-digits")]
)
def test_a_run_of_the_other_task_and_of_neither(tmp_path: Path, task: str, recipe: str) -> None:
    spec = load_spec(recipe).model_dump(mode="json")
    with case_of(tmp_path, spec, task=task, train={"loss": falling(2, 1, 40)}) as case:
        assert all(task in shipped()[found.code].tasks for found in diagnose(case).findings)
        every_rule(case)


def test_a_spec_that_is_not_one(tmp_path: Path) -> None:
    spec = {"bottleneck": "vq", "objective": ["mse"], "optimizer": None, "engine": 3}
    every = {name: falling(1, 0.1, 60) for name in _SERIES}
    with case_of(tmp_path, spec, train=every, val=every) as case:
        every_rule(case)


def test_every_rule_that_needs_no_probe_has_a_run_that_it_must_find() -> None:
    by_hand = {one.code for one in MADE} | {
        "prior-tokenizer-changed"
    }  # a test of its own: it reads another run's folder
    assert {code for code, rule in shipped().items() if not rule.probes} <= by_hand <= set(shipped())


@pytest.mark.parametrize("one", MADE, ids=lambda one: one.code)
def test_each_fault_is_found_by_its_rule(tmp_path: Path, one: Made) -> None:
    with one.case(tmp_path) as case:
        found = judged(one.code, case)
        every = {f.code: f for f in diagnose(case).findings}
    assert found is not None
    assert (found.code, found.severity) == (one.code, one.severity)
    assert one.code in every
    assert 0 <= found.step <= 2000


@pytest.mark.parametrize("one", [one for one in MADE if one.severity is not Severity.INFO], ids=lambda one: one.code)
def test_each_fix_is_a_spec_and_another_one(tmp_path: Path, one: Made) -> None:
    with one.case(tmp_path) as case:
        found = judged(one.code, case)
    assert found is not None
    if found.fix is None:
        # At the usual rate no setting is known to help; and what was set by hand stood in no spec.
        assert one.code in {"loss-stalled", "codes-lost"}
        return
    changed = load_spec(one.recipe, [*one.settings, *found.fix.overrides()])
    assert changed.model_dump(mode="json") != one.spec


@pytest.mark.parametrize(
    "one", [one for one in MADE if "loss" in one.train and one.severity is not Severity.INFO], ids=lambda one: one.code
)
def test_a_fault_is_the_first_finding_or_explains_it(tmp_path: Path, one: Made) -> None:
    """Of what is found in a run with one fault the cause comes first, or is named by what does."""
    with one.case(tmp_path) as case:
        first = diagnose(case).first
    assert first is not None
    assert first.code == one.code


def test_finding_words_never_need_the_run(tmp_path: Path) -> None:
    with made("loss-diverging").case(tmp_path) as case:
        found = judged("loss-diverging", case)
    assert found is not None
    again = Finding.read(json.loads(json.dumps(found.as_dict())))
    assert shipped()["loss-diverging"].words(again) == shipped()["loss-diverging"].words(found)


def test_a_prior_whose_parent_is_elsewhere_is_not_judged(tmp_path: Path) -> None:
    spec = load_spec("next-frames").model_dump(mode="json")
    gone = {"parent": "gone-run", "parent_step": 100, "parent_path": "/nowhere"}
    with case_of(tmp_path, spec, task=PRIOR, **gone) as case, pytest.raises(CannotJudge) as lack:
        shipped()["prior-tokenizer-changed"].judge(case)
    assert lack.value.missing is Missing.FACTS


def test_a_parent_that_was_trained_on_and_one_with_other_weights_are_found(tmp_path: Path) -> None:
    from tilework.runs.checkpoints import weights_hash

    parent = RunFolder(tmp_path / "parent")
    folder = parent.checkpoints / "step-00000100"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text('{"step": 100}')
    (folder / "model.safetensors").write_bytes(b"weights")
    kept = {"parent": "parent", "parent_step": 100, "parent_weights": weights_hash(folder)}
    spec = load_spec("next-frames").model_dump(mode="json")
    rule = shipped()["prior-tokenizer-changed"]
    run = tmp_path / "prior"
    run.mkdir()
    with case_of(run, spec, task=PRIOR, **kept) as case:
        assert rule.judge(case) is None
        (folder / "model.safetensors").write_bytes(b"others")
        found = rule.judge(case)
        assert found is not None
        assert found.values["gone"] is False
        folder.rename(parent.checkpoints / "step-00000200")
        found = rule.judge(case)
    assert found is not None
    assert (found.values["gone"], found.values["newest"]) == (True, 200)
    assert found.fix is not None
    load_spec("next-frames", found.fix.overrides())
