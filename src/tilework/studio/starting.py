"""Routes that start a run without waiting for it, show where it is, and keep a process ready for the next one."""

from __future__ import annotations

import re
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from tilework.errors import UserError
from tilework.protocol.http import SpareResponse, StartResponse, StartsResponse, StartStage
from tilework.spec.text import read_yaml
from tilework.studio.forms import Forms
from tilework.studio.launch import Launcher
from tilework.studio.responses import body_of, error_body, respond
from tilework.studio.starts import Start

_OVERRIDE = re.compile(r"[A-Za-z_][\w.]*=", re.ASCII)
"""How an override begins. They become words of a command, and none may be taken for an option of it."""


def _launcher(request: Request) -> Launcher:
    found: Launcher = request.app.state.launcher
    return found


async def begin(request: Request) -> Response:
    """`POST /api/starts`: a spec that cannot be trained is reported by the start itself."""
    body = await body_of(request)
    forms: Forms = request.app.state.forms
    source, overrides = await to_thread.run_sync(forms.source, body)
    for override in overrides:
        if not _OVERRIDE.match(override) or "\0" in override:
            raise UserError(
                f"'{override[:80]}' is not an override",
                why="an override is section.key=value",
                fix="write for example engine.epochs=20 or bottleneck.codes=512",
            )
    about = str(body.get("recipe") or body.get("from") or await to_thread.run_sync(_name_in, source))
    start = await to_thread.run_sync(_launcher(request).begin, source, overrides, about)
    return respond(_start_response(start))


async def start(request: Request) -> Response:
    """`GET /api/starts/{name}`."""
    found = await to_thread.run_sync(_launcher(request).start_of, request.path_params["name"])
    body = await to_thread.run_sync(_start_response, found)
    if body["run"] is not None:
        request.app.state.listing.look_now()
    return respond(body)


async def cancel(request: Request) -> Response:
    """`POST /api/starts/{name}/cancel`."""
    await body_of(request)
    return respond(_start_response(await to_thread.run_sync(_launcher(request).cancel, request.path_params["name"])))


async def starts(request: Request) -> Response:
    """`GET /api/starts`."""
    found = await to_thread.run_sync(_launcher(request).starts)
    return respond(StartsResponse(starts=[_stage(one) for one in found]))


async def spare(request: Request) -> Response:
    """`POST /api/spare`."""
    await body_of(request)
    return respond(SpareResponse(kept=await to_thread.run_sync(_launcher(request).spare.keep)))


def _name_in(spec: str) -> str:
    """What a proposal calls its runs."""
    path = Path(spec)
    return str(read_yaml(path.read_text(encoding="utf-8"), path.name).get("name", ""))


def _stage(found: Start) -> StartStage:
    stage = found.look()
    name = "torch" if stage.name == "ready" else stage.name  # it has its command, and has not taken it yet
    return {"name": found.name, "about": found.about, "stage": name, "done": stage.done, "total": stage.total}


def _start_response(found: Start) -> StartResponse:
    over = found.over  # before the rest: that is final then
    problem = error_body(found.problem) if found.problem else None
    return StartResponse(**_stage(found), over=over, run=found.run, problem=problem)
