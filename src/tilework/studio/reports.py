"""`GET /api/runs/{id}/report`: the page that `tilework report` writes, made anew each time and written nowhere."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tilework.runs.folder import RunFolder
from tilework.studio.responses import NotHere
from tilework.studio.runs_read import of_run

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The page holds its images and its style, and no script: none of its texts can become one."""


async def report(request: Request) -> Response:
    """The page. Raises NotHere for a run whose store cannot be read, UserError where drawing is not possible."""

    def ask(folder: RunFolder) -> str:
        from tilework.report.page import report_page

        for name in ("run.db", "spec.yaml"):
            if (folder.path / name).is_symlink():
                raise NotHere(f"{name} of run {folder.id} is a link", why="links are not followed", fix="copy the file")
        return report_page(folder)

    return HTMLResponse(await of_run(request, ask), headers={"content-security-policy": _POLICY})
