"""`GET /api/runs/{id}/findings/{code}/image`: what a finding can be looked at by."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tilework.doctor.diagnosis import diagnose
from tilework.doctor.finding import Finding
from tilework.doctor.opening import opened
from tilework.runs.folder import RunFolder
from tilework.studio.paths import inside
from tilework.studio.responses import NotHere
from tilework.studio.runs_read import of_run

_MOST_IMAGE = 16 * 2**20


async def image(request: Request) -> Response:
    """The image, as it stands in the run's folder. Raises NotHere where the finding does not hold, or has none."""
    code: str = request.path_params["code"]

    def ask(folder: RunFolder) -> str:
        found = next((one for one in _judged(folder) if one.code == code), None)
        if found is None or not found.evidence.image.endswith(".png"):
            raise NotHere(f"{code[:80]} has no image in run {folder.id}", why="it may not hold any more")
        path = inside(folder, found.evidence.image)
        if path.stat().st_size > _MOST_IMAGE:
            raise NotHere(f"the image of {code} is too large", why=f"at most {_MOST_IMAGE:,} bytes are sent")
        return str(path)

    return FileResponse(await of_run(request, ask), media_type="image/png", headers={"cache-control": "no-cache"})


def _judged(folder: RunFolder) -> tuple[Finding, ...]:
    with opened(folder) as case:
        return diagnose(case, tolerant=True).findings
