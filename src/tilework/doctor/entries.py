"""A diagnosis as plain data: what `tilework doctor --json` prints and the studio's server answers."""

from __future__ import annotations

from typing import Any, cast

from tilework.doctor.diagnosis import Diagnosis
from tilework.doctor.finding import Finding, Fix, Unjudged
from tilework.doctor.words import lacking, words_of
from tilework.protocol.finding import EvidenceEntry, FindingEntry, FindingsResponse, FixEntry, UnjudgedEntry
from tilework.runs.folder import RunFolder


def fix_command(run: str, code: str) -> str:
    """The line to type that trains a new run with a finding's fix; `run` as it is typed."""
    return f"tilework train --from {run} --apply {code}"


def findings_response(run: RunFolder, step: int, found: Diagnosis) -> FindingsResponse:
    """All that the doctor reports of a run."""
    return {
        "id": run.id,
        "step": step,
        "findings": [finding_entry(run, finding) for finding in found.findings],
        "unjudged": [_unjudged(one) for one in found.unjudged],
    }


def finding_entry(run: RunFolder, finding: Finding) -> FindingEntry:
    """One finding of a run, with its words."""
    words = words_of(finding)
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "step": finding.step,
        "measured": float(finding.measured),
        "threshold": float(finding.threshold),
        "values": plain(dict(finding.values)),
        "evidence": cast(EvidenceEntry, plain(finding.as_dict()["evidence"])),
        "fix": _fix(run, finding.code, finding.fix) if finding.fix is not None else None,
        "because": finding.because,
        "title": words.title,
        "cause": words.cause,
        "advice": words.advice,
    }


def _fix(run: RunFolder, code: str, fix: Fix) -> FixEntry:
    return {
        "changes": plain(dict(fix.changes)),
        "overrides": fix.overrides(),
        "keep_weights": fix.keep_weights,
        "command": fix_command(run.typed, code),
    }


def _unjudged(one: Unjudged) -> UnjudgedEntry:
    return {"code": one.code, "missing": one.missing.value, "text": lacking(one)}


def plain(value: Any) -> Any:
    """Without what JSON does not know: tuples become lists, NumPy's numbers and arrays plain ones."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value.tolist() if hasattr(value, "tolist") else value
