"""Faults put into small runs that really train: each is found by its code, and a healthy run has none of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from doctor_examples import case_of
from tiny_runs import session, tiny

from tilework.doctor.diagnosis import diagnose, shipped
from tilework.doctor.finding import Severity
from tilework.engine.probing.opening import probe_session
from tilework.engine.progress import Silent
from tilework.engine.session import Session

LOOKING = {code: rule for code, rule in shipped().items() if rule.probes}
STEPS = 100


def trained(*overrides: str, steps: int = STEPS) -> Session:
    made = session(tiny("vq", "optimizer.lr=3e-3", *overrides))
    made.parts.task.start(2, Silent())
    feed, epoch = made.parts.data.train, 0
    while made.step < steps:
        for batch in feed.epoch(epoch):
            made.parts.stepper.step([batch], made.steering.weights(), made.steering.lr())
            made.state.position.advance(1, made.parts.budget)
            if made.step == steps:
                break
        epoch += 1
    return made


def found_in(folder: Path, made: Session) -> dict[str, Severity]:
    """What the rules over probes find, of severity warning or above, causes first."""
    spec = made.parts.spec.model_dump(mode="json")
    probes = probe_session(made).values
    with case_of(folder, spec, train={"loss": [1.0]}, every=made.step, probes=probes, total_steps=made.step) as case:
        findings = diagnose(case, LOOKING).findings
    return {f.code: f.severity for f in findings if f.severity is not Severity.INFO}


def test_a_healthy_run_has_nothing(tmp_path: Path) -> None:
    assert found_in(tmp_path, trained()) == {}


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        (("decoder.final_relu=true",), "output-cut"),
        (("objective.edges=1e-9",), "term-idle"),
        (("objective.sharpness=1000",), "term-dominates"),
        (("optimizer.lr=1.0",), "dead-units"),
    ],
)
def test_a_fault_of_the_spec_is_found_first(tmp_path: Path, overrides: tuple[str, ...], code: str) -> None:
    assert next(iter(found_in(tmp_path, trained(*overrides))), None) == code


def test_running_statistics_that_never_follow_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tilework.nets.layers.nn.BatchNorm2d", lambda width: torch.nn.modules.BatchNorm2d(width, momentum=1e-5)
    )
    made = trained("encoder.norm=batch", steps=220)
    assert next(iter(found_in(tmp_path, made)), None) == "train-eval-differ"


def test_codes_that_are_chosen_otherwise_in_evaluation_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trained(steps=220)
    bottleneck = type(made.parts.model.bottleneck)
    chosen = bottleneck._quantise

    def shifted(self: object, x: torch.Tensor, *rest: object) -> object:
        return chosen(self, x if self.training else x.roll(1, 0), *rest)  # type: ignore[attr-defined]

    monkeypatch.setattr(bottleneck, "_quantise", shifted)
    assert "train-eval-differ" in found_in(tmp_path, made)


def test_a_decoder_that_always_gives_one_colour_is_found(tmp_path: Path) -> None:
    made = trained(steps=STEPS)
    with torch.no_grad():
        for name, value in made.parts.model.decoder.named_parameters():
            value.fill_(-4.0 if name.endswith("stage1_up.bias") else 0.0)
    assert "constant-output" in found_in(tmp_path, made)
