"""`GET /api/runs/{id}/checks`: what the checks before a run found, in words."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tilework.protocol.preflight import CheckEntry, ChecksResponse
from tilework.runs.folder import RunFolder
from tilework.runs.preflight import META, Preflight, Result
from tilework.runs.preflight.words import sentences
from tilework.studio.responses import respond
from tilework.studio.runs_read import of_run
from tilework.studio.store_feed import StoreFeed


async def checks(request: Request) -> Response:
    """The stored results; none where the run has none, or was checked by a version that kept others."""
    return respond(await of_run(request, checks_of))


def checks_of(folder: RunFolder) -> ChecksResponse:
    """What stands in a run's store."""
    reader = StoreFeed(folder)
    try:
        kept = reader.fact(META)
    finally:
        reader.close()
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
