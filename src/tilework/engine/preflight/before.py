"""The checks as a part of a run's beginning: whether they are wanted, what is reported of them, and whether the run may
start."""

from __future__ import annotations

import os
from pathlib import Path

from tilework.engine.preflight.running import SECONDS, preflight
from tilework.engine.progress import Progress
from tilework.engine.session import Session, begin
from tilework.engine.whereabouts import with_whole_paths
from tilework.errors import UserError
from tilework.runs.folder import default_root
from tilework.runs.preflight import Preflight
from tilework.runs.preflight.words import sentences, summary
from tilework.spec import RunSpec
from tilework.spec.plugins import CHECKS
from tilework.spec.tasks import task_class

SWITCH = "TILEWORK_PREFLIGHT"
"""Set to 0 in the environment it switches the checks before runs off, as `engine.preflight=false` does for one run."""


def wanted(spec: RunSpec) -> bool:
    """Whether a run of this spec is checked before it starts."""
    return spec.engine.preflight and os.environ.get(SWITCH, "1") != "0"


def before_the_run(session: Session, runs: Path, progress: Progress) -> Preflight | None:
    """Check a session that is about to be trained; None where that is switched off. Collective.

    Raises UserError where a check fails that the spec does not name in `known_faults`; nothing was written then.
    """
    if not wanted(session.parts.spec):
        return None
    found = preflight(session, runs, SECONDS, lambda count: progress.preparing("preflight", count, len(CHECKS.kinds)))
    for result in found.warnings:
        progress.message(str(sentences(result)))
    if found.stopping:
        for result in found.stopping[1:]:
            progress.message(str(sentences(result)))
        raise refusal(found)
    progress.message(summary(found))
    return found


def refusal(found: Preflight) -> UserError:
    """The error where a run must not start: the first failure, and how to start all the same."""
    first = found.stopping[0]
    words = sentences(first)
    codes = ", ".join(result.code for result in found.stopping)
    return UserError(
        f"preflight: {words.what}",
        why=words.why,
        fix=f"{words.fix}; to train all the same: engine.preflight=false, or known_faults=[{codes}] in the spec",
    )


def check(spec: RunSpec, progress: Progress, runs: Path | None = None, seconds: float = SECONDS) -> Preflight:
    """Check a spec without a run. Raises UserError for one that cannot be trained at all; nothing is written."""
    root = runs or default_root()
    settled = task_class(spec.task).settled(with_whole_paths(spec), root, root)
    session = begin(settled, progress, root)
    return preflight(session, root, seconds, lambda count: progress.preparing("preflight", count, len(CHECKS.kinds)))
