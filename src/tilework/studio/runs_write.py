"""Routes that begin, stop, resume and delete runs, and those of the forms that a new run is made with."""

from __future__ import annotations

from anyio import to_thread
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from tilework.doctor.diagnosis import shipped
from tilework.errors import UserError
from tilework.protocol.errors import Refusal
from tilework.protocol.http import (
    DeleteResponse,
    IdResponse,
    RecipesResponse,
    SpecRight,
    StopResponse,
)
from tilework.runs import steer
from tilework.runs.folder import RunFolder
from tilework.runs.lock import holder
from tilework.studio.forms import Forms
from tilework.studio.launch import Launcher
from tilework.studio.longer import overrides_to
from tilework.studio.responses import Busy, body_of, refusal, respond
from tilework.studio.runs_read import of_run, root_of
from tilework.studio.trash import move_to_trash


def _forms(request: Request) -> Forms:
    found: Forms = request.app.state.forms
    return found


def _launcher(request: Request) -> Launcher:
    found: Launcher = request.app.state.launcher
    return found


async def recipes(request: Request) -> Response:
    """`GET /api/recipes`. Who asks this will ask for a form next: its process starts meanwhile."""
    found = await to_thread.run_sync(_forms(request).recipes)
    response = respond(RecipesResponse(recipes=found))
    response.background = BackgroundTask(_forms(request).warm)  # starlette runs it in a thread
    return response


async def recipe(request: Request) -> Response:
    """`GET /api/recipes/{name}`."""
    return respond(await to_thread.run_sync(_forms(request).of_recipe, request.path_params["name"]))


async def form(request: Request) -> Response:
    """`GET /api/runs/{id}/form`."""
    return respond(await to_thread.run_sync(_forms(request).of_run, request.path_params["id"]))


async def suggested(request: Request) -> Response:
    """`GET /api/suggested/{id}`."""
    return respond(await to_thread.run_sync(_forms(request).of_suggested, request.path_params["id"]))


async def check(request: Request) -> Response:
    """`POST /api/check`."""
    found = await to_thread.run_sync(_forms(request).check, await body_of(request))
    if not found["ok"]:
        return respond(found)
    return respond(
        SpecRight(ok=True, spec=found["spec"], fitting=found["fitting"])
    )  # its YAML is for the process that trains


async def start(request: Request) -> Response:
    """`POST /api/runs`: {id} when the run exists; what is wrong with a spec that is refused, as `check` reports it."""
    checked = await to_thread.run_sync(_forms(request).check, await body_of(request))
    if not checked["ok"]:
        first = checked["errors"][0]
        return refusal(
            {"error": Refusal(what=first["what"], why=first["why"], fix=first["fix"]), "errors": checked["errors"]}, 400
        )
    run_id = await to_thread.run_sync(_launcher(request).train, checked["yaml"])
    return _begun(request, run_id)


async def apply(request: Request) -> Response:
    """`POST /api/runs/{id}/apply`: {id} when the new run exists."""
    code = (await body_of(request)).get("code")
    if not isinstance(code, str) or code not in shipped():
        raise UserError(
            f"there is no finding {str(code)[:80]!r}",
            why="`code` is that of one of the run's findings",
            fix="send the code of a finding that has a fix",
        )
    run = await of_run(request, lambda folder: folder)
    run_id = await to_thread.run_sync(_launcher(request).apply, run, code)
    return _begun(request, run_id)


def _begun(request: Request, run_id: str | None) -> Response:
    request.app.state.listing.look_now()
    if run_id is None:
        raise Busy(
            "the run is still being prepared",
            why="its images take long to read",
            fix="it joins the list when it begins",
        )
    return respond(IdResponse(id=run_id))


async def resume(request: Request) -> Response:
    """`POST /api/runs/{id}/resume`: {id} when the process trains; `to_step` trains one that has spent its budget further."""
    wanted = (await body_of(request)).get("to_step")
    run = await of_run(request, lambda folder: folder)
    overrides = await to_thread.run_sync(overrides_to, run, wanted)
    await to_thread.run_sync(_launcher(request).resume, run, overrides)
    request.app.state.listing.look_now()
    return respond(IdResponse(id=run.id))


async def stop(request: Request) -> Response:
    """`POST /api/runs/{id}/stop`: {id, command} when the wish is in the run's store; the run ends after its present step."""
    await body_of(request)

    def ask(folder: RunFolder) -> StopResponse:
        if holder(folder.path) is None:
            raise Busy(
                f"run {folder.id} is not being trained", why="there is nothing to stop", fix="resume it to go on"
            )
        return {"id": folder.id, "command": steer.send(folder, "stop")}

    return respond(await of_run(request, ask))


async def delete(request: Request) -> Response:
    """`POST /api/runs/{id}/delete`: {id, trash}: where the folder is now."""
    await body_of(request)
    root = root_of(request)
    moved = await of_run(request, lambda folder: move_to_trash(root, folder))
    request.app.state.listing.look_now()
    return respond(DeleteResponse(id=request.path_params["id"], trash=str(moved)))
