"""All rules over one run, and which of their findings is the cause of which."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from tilework.doctor import rules as folder
from tilework.doctor.case import Case
from tilework.doctor.contract import Rule
from tilework.doctor.finding import CannotJudge, Finding, Missing, Severity, Unjudged
from tilework.errors import TileworkError


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with a run, causes first, and what could not be judged."""

    findings: tuple[Finding, ...]
    unjudged: tuple[Unjudged, ...]
    asked: frozenset[str] = frozenset()
    """Codes of the rules that were asked."""

    @property
    def first(self) -> Finding | None:
        """The finding to act on: the worst cause; None where nothing is of severity warning or above."""
        return next((f for f in self.findings if not f.because and f.severity is not Severity.INFO), None)


@cache
def shipped() -> Mapping[str, Rule]:
    """Every rule by its code."""
    found = {}
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda module: module.name):
        found[module.name.replace("_", "-")] = importlib.import_module(f"{folder.__name__}.{module.name}").Rule()
    return found


def diagnose(case: Case, rules: Mapping[str, Rule] | None = None, *, tolerant: bool = False) -> Diagnosis:
    """Ask every rule that holds for the run's task.

    `tolerant`: a rule that fails over what it reads (a store that is damaged or that something else wrote) could not judge,
    and the others go on. Without it its error is raised.
    """
    findings, unjudged = [], []
    asked = {code: rule for code, rule in (shipped() if rules is None else rules).items() if case.task in rule.tasks}
    for code, rule in asked.items():
        try:
            found = rule.judge(case)
        except CannotJudge as lack:
            unjudged.append(Unjudged(code, lack.missing, lack.values))
            continue
        except Exception as error:
            if not tolerant:
                raise
            problem = error.what if isinstance(error, TileworkError) else f"{type(error).__name__}: {error}"
            unjudged.append(Unjudged(code, Missing.UNREADABLE, {"problem": problem}))
            continue
        if found is not None:
            findings.append(replace(found, code=code))
    return Diagnosis(tuple(ordered(findings, rules)), tuple(unjudged), frozenset(asked))


def ordered(findings: Iterable[Finding], rules: Mapping[str, Rule] | None = None) -> list[Finding]:
    """Causes first, then what follows from them; the worst first among each, then the earliest.

    A finding follows from another where its rule names the other's code, directly or by a chain of such; where two name each
    other, the earlier one is the cause. What follows from another has no fix of its own: that of the cause is the one to apply.
    """
    every = shipped() if rules is None else rules
    found = sorted(findings, key=lambda f: (f.severity.rank, f.step, f.code))
    present = {f.code: f for f in found}

    def cause(finding: Finding, seen: frozenset[str]) -> str:
        for code in every[finding.code].follows_from if finding.code in every else ():
            other = present.get(code)
            if other is None or code in seen or other.severity is Severity.INFO:
                continue
            if finding.code in every[code].follows_from and (other.step, other.code) > (finding.step, finding.code):
                continue
            return cause(other, seen | {code}) or code
        return ""

    placed = [(f, cause(f, frozenset({f.code}))) for f in found]
    following = [replace(f, because=code, fix=None if code else f.fix) for f, code in placed]
    return sorted(following, key=lambda f: bool(f.because))
