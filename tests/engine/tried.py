"""One check alone, on a small spec: what tests of the checks are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tilework.engine.preflight.bench import Bench
from tilework.engine.preflight.registered import checks
from tilework.engine.preflight.running import as_before, judged, preflight
from tilework.engine.progress import Silent
from tilework.engine.session import Session, begin
from tilework.runs.preflight import Preflight, Result
from tilework.spec import RunSpec


def tried(code: str, spec: RunSpec, change: Callable[[Session], None] = lambda session: None) -> Result:
    """What the check of this name finds in a session of the spec; `change` is what is done to it before."""
    session = begin(spec, Silent())
    change(session)
    (check,) = [one for one in checks() if one.code == code]
    with as_before(session):
        return judged(check, Bench(session, Path(), seconds=1e6))


def all_tried(spec: RunSpec) -> Preflight:
    """What all checks find in a session of the spec."""
    return preflight(begin(spec, Silent()), Path(), seconds=1e6)
