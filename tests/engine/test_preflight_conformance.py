"""What every check must be: found by its file, documented, worded, bounded."""

from __future__ import annotations

import ast
import inspect
import json
import re

import next_token
import pytest
import tiny_prior
from tiny_runs import tiny

from tilework.engine.preflight import pace, running
from tilework.engine.preflight.contract import Check
from tilework.engine.preflight.registered import checks
from tilework.engine.preflight.running import preflight
from tilework.engine.progress import Silent
from tilework.engine.session import begin
from tilework.runs.preflight import Preflight, Result, Verdict, Why
from tilework.runs.preflight.words import overrides, sentences, summary
from tilework.runs.preflight.words.found import FOUND
from tilework.runs.preflight.words.passed import PASSED
from tilework.spec import TASKS, RunSpec
from tilework.spec.load import apply_overrides, parse_spec
from tilework.spec.plugins import CHECKS

ALL = list(checks())


def test_a_check_is_a_file() -> None:
    assert [check.code for check in ALL] != []
    assert sorted(check.code for check in ALL) == [kind.replace("_", "-") for kind in CHECKS.kinds]
    assert len({check.order for check in ALL}) == len(ALL)


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.code)
def test_it_is_documented_and_every_cause_has_words(check: Check) -> None:
    assert type(check).__doc__
    assert type(check).__doc__ != Check.__doc__
    source = inspect.getsource(inspect.getmodule(type(check)))  # type: ignore[arg-type]
    ends = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"failed", "warning"}
    ]
    causes = {one.value for end in ends for one in ast.walk(end.args[0]) if isinstance(one, ast.Constant)}
    causes |= set(re.findall(r'end\("([a-z-]+)"', source))
    assert causes == {cause for code, cause in FOUND if code == check.code}
    assert check.code in PASSED
    assert set(check.tasks or ()) <= set(TASKS.kinds)


def test_words_of_every_fault_have_what_and_fix_and_survive_missing_values() -> None:
    for code, cause in FOUND:
        words = sentences(Result(code, Verdict.FAILED, cause, about=("mse",), changes={"engine.threads": 1}))
        assert words.what
        assert words.why
        assert words.fix
        assert str(words).count("fix: ") == 1
    for why in Why:
        assert sentences(Result("overfit", Verdict.NOT_CHECKED, why)).why


def test_changes_are_written_as_they_are_typed() -> None:
    assert overrides({"a.b": None, "c": True, "d": 1e-4, "e": 3}) == "a.b=null c=true d=0.0001 e=3"


def test_a_result_of_a_later_version_is_still_worded() -> None:
    assert "weather" in str(sentences(Result("weather", Verdict.FAILED, "rain")))
    with pytest.raises(ValueError):
        Result.read({"code": "overfit"})
    with pytest.raises(ValueError):
        Preflight.read({"results": None})


SPECS = {
    "autoencoder": lambda: tiny("vq"),
    "next-token": lambda: parse_spec(next_token.small()),
    "prior": lambda: tiny_prior.prior(parent=tiny_prior.standing()),
}


@pytest.mark.parametrize("task", SPECS)
def test_every_task_is_checked_as_far_as_it_can_be(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(SPECS) == set(TASKS.kinds)
    monkeypatch.setattr(pace, "timed", lambda *_: 0.05)  # however busy the machine is
    found = preflight(begin(SPECS[task](), Silent()), seconds=1e6)
    assert [result.code for result in found.results] == [check.code for check in ALL]
    verdicts = {result.code: result.verdict for result in found.results}
    for code in ("overfit", "loss-terms", "save-load", "time-and-memory", "learning-rate"):
        assert verdicts[code] in {Verdict.PASSED, Verdict.WARNING}, found.of(code)
    if task != "autoencoder":
        others = {r.code for r in found.results if r.cause == Why.OTHER_TASK}
        assert others == {"output-range", "perceptual-range", "device-numerics"}
    assert not found.stopping
    assert Preflight.read(json.loads(json.dumps(found.as_plain()))) == found
    assert summary(found).startswith("preflight: ")


def test_what_there_is_no_time_for_is_listed() -> None:
    found = preflight(begin(tiny("vq"), Silent()), seconds=0.0)
    assert {result.cause for result in found.results} <= {Why.NO_TIME, Why.ONE_THREAD, Why.NO_PERCEPTUAL_TERM}
    assert {result.verdict for result in found.results} == {Verdict.NOT_CHECKED}
    assert "not checked: " in summary(found)


def test_a_fix_is_a_valid_change_of_the_spec() -> None:
    """Whatever a check proposes can be typed behind the spec that it was found in."""
    from tilework.engine.preflight.changes import lr_change, smaller_batch

    schedules = ("1e-3", "{kind: cosine, start: 1e-3, end: 1e-6, over: 5 epochs, warmup: 3 steps}",
                 "{kind: linear, start: 0, end: 1e-3, over: 5 epochs}", "{kind: constant, value: 1e-3, warmup: 3 steps}",
                 "{kind: staircase, rise: 1e-4, every: 1 epochs, limit: 1e-3}",
                 "{kind: plateau, start: 1e-3, minimum: 1e-6}")  # fmt: skip
    for schedule in schedules:
        spec = tiny("vq", f"optimizer.lr={schedule}")
        changed = changed_by(spec, lr_change(spec, 2.5e-4))
        assert changed.optimizer.lr.bounds[1] == pytest.approx(2.5e-4)
        assert changed.optimizer.lr.warmup == spec.optimizer.lr.warmup
    changed = changed_by(tiny("vq"), smaller_batch(tiny("vq")))
    assert (changed.engine.batch_size, changed.optimizer.accumulate) == (16, 2)


def changed_by(spec: RunSpec, changes: dict[str, object]) -> RunSpec:
    typed = overrides(changes).split()
    return parse_spec(apply_overrides(spec.model_dump(mode="json"), typed), "changed")


def test_the_time_is_what_the_page_shows() -> None:
    assert running.SECONDS == 30.0
