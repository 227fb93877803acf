"""Routes of the explain page, and of the terms that labels open."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from tilework.explain.glossary import ENTRIES
from tilework.protocol.explain import GlossaryResponse, TermEntry
from tilework.studio.forms import Forms
from tilework.studio.responses import body_of, respond
from tilework.studio.runs_read import of_run


def _forms(request: Request) -> Forms:
    found: Forms = request.app.state.forms
    return found


async def run(request: Request) -> Response:
    """`GET /api/runs/{id}/explain`."""
    return respond(await of_run(request, _forms(request).explain_run))


async def spec(request: Request) -> Response:
    """`POST /api/explain`."""
    return respond(await to_thread.run_sync(_forms(request).explain, await body_of(request)))


async def glossary(request: Request) -> Response:
    """`GET /api/glossary`."""
    return respond(GlossaryResponse(terms=TERMS))


TERMS: list[TermEntry] = [
    {
        "name": entry.name,
        "title": entry.title,
        "text": entry.text,
        "formula": entry.formula,
        "source": entry.source,
        "related": list(entry.related),
        "also": list(entry.also),
        "purpose": entry.purpose,
    }
    for entry in ENTRIES
]
