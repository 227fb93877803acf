"""The order of findings: causes first; what follows from another is marked as such."""

from __future__ import annotations

from pathlib import Path

import pytest
from doctor_examples import case_of, falling

from tilework.doctor.contract import Rule
from tilework.doctor.diagnosis import diagnose, ordered, shipped
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words


def finding(code: str, severity: Severity = Severity.WARNING, step: int = 100) -> Finding:
    return Finding(code, severity, step, 1.0, 0.5)


def rule(*follows: str, found: Finding | None = None, lacks: Missing | None = None) -> Rule:
    class Made(Rule):
        follows_from = follows

        def judge(self, case: object) -> Finding | None:
            if lacks:
                raise CannotJudge(lacks, have=1)
            return found

        def words(self, finding: Finding) -> Words:
            return Words(finding.code, "")

    return Made()


def test_what_follows_from_another_comes_after_it_and_names_the_first_cause() -> None:
    rules = {"grey": rule("collapse"), "collapse": rule("cliff"), "cliff": rule(), "blur": rule()}
    found = ordered(
        [finding("grey", Severity.ERROR, 300), finding("collapse", Severity.ERROR), finding("cliff"), finding("blur")],
        rules,
    )
    assert [(f.code, f.because) for f in found] == [
        ("blur", ""),
        ("cliff", ""),
        ("collapse", "cliff"),
        ("grey", "cliff"),
    ]


def test_of_two_that_name_each_other_the_earlier_is_the_cause() -> None:
    rules = {"a": rule("b"), "b": rule("a")}
    found = ordered([finding("a", step=200), finding("b", step=100)], rules)
    assert [(f.code, f.because) for f in found] == [("b", ""), ("a", "b")]


def test_good_to_know_explains_nothing() -> None:
    rules = {"a": rule("b"), "b": rule()}
    found = ordered([finding("a"), finding("b", Severity.INFO)], rules)
    assert {f.code: f.because for f in found} == {"a": "", "b": ""}


def test_a_rule_that_cannot_judge_stops_no_other(tmp_path: Path) -> None:
    rules = {"lost": rule(lacks=Missing.PROBE), "found": rule(found=finding("other"))}
    with case_of(tmp_path) as case:
        seen = diagnose(case, rules)
    assert [f.code for f in seen.findings] == ["found"]
    assert [(u.code, u.missing, u.values) for u in seen.unjudged] == [("lost", Missing.PROBE, {"have": 1})]
    assert seen.first is not None
    assert seen.first.code == "found"


def test_a_finding_travels_as_plain_data() -> None:
    made = Finding(
        "x", Severity.ERROR, 3, 1.5, 2.0, {"codes": 4}, Evidence(("mse",), "val", (0, 3), "a.png"),
        Fix({"optimizer.lr": 1e-4, "bottleneck.revival": {}, "bottleneck.gradient": None}, keep_weights=False), "y",
    )  # fmt: skip
    assert Finding.read(made.as_dict()) == made
    assert made.fix is not None
    assert made.fix.overrides() == ["optimizer.lr=0.0001", "bottleneck.revival={}", "bottleneck.gradient=null"]


def test_a_collapsed_codebook_is_found_with_the_fault_of_its_spec(tmp_path: Path) -> None:
    spec = {"bottleneck": {"kind": "vq", "codes": 64, "start": "random", "revival": None}, "optimizer": {"lr": 1e-3}}
    held = {"codes": [64] * 5, "tokens": [1000] * 5, "perplexity.1": [30, 8, 1.2, 1.1, 1.1]}
    with case_of(tmp_path, spec, val=held, train={"loss": falling(1, 0.1, 40)}) as case:
        found = diagnose(case).findings
    collapse = next(f for f in found if f.code == "codebook-collapse")
    assert (collapse.severity, collapse.step, collapse.measured) == (Severity.ERROR, 200, 1.1)
    assert collapse.fix == Fix({"bottleneck.start": "kmeans", "bottleneck.revival": {}}, keep_weights=False)


@pytest.mark.parametrize("code", sorted(shipped()))
def test_every_rule_has_a_manual(code: str) -> None:
    found = shipped()[code]
    for part in ("**What**", "**Measured**", "**Fix**"):
        assert part in (type(found).__doc__ or "")
    for other in found.follows_from:
        assert other != code
