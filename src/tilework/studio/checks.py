"""`GET /api/runs/{id}/checks`: what the checks before a run found, in words."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tilework.protocol.preflight import CheckEntry, ChecksAnswer
from tilework.runs.folder import RunFolder
from tilework.runs.preflight import META, Preflight, Result
from tilework.runs.preflight.words import sentences
from tilework.studio.about_runs import of_run
from tilework.studio.answers import answer
from tilework.studio.journal import Journal


async def checks(request: Request) -> Response:
    """The stored results; none where the run has none, or was checked by a version that kept others."""
    return answer(await of_run(request, checks_of))


def checks_of(folder: RunFolder) -> ChecksAnswer:
    """What stands in a run's store."""
    journal = Journal(folder)
    try:
        kept = journal.fact(META)
    finally:
        journal.close()
    try:
        found = Preflight.read(kept)
    except (ValueError, AttributeError):
        return {"checks": [], "seconds": 0.0}
    return {"checks": [_entry(result) for result in found.results], "seconds": found.seconds}


def _entry(result: Result) -> CheckEntry:
    words = sentences(result)
    return {
        "code": result.code,
        "verdict": result.verdict.value,
        "what": words.what,
        "why": words.why,
        "fix": words.fix,
    }
