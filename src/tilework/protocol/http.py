"""The routes of the studio: what each may be sent, and what it sends back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from tilework.protocol.errors import FieldError, Refusal
from tilework.protocol.explain import ExplainResponse, GlossaryResponse
from tilework.protocol.explore import Ask
from tilework.protocol.finding import FindingsResponse
from tilework.protocol.folders import FoldersResponse, SuggestBody, SuggestResponse
from tilework.protocol.preflight import ChecksResponse
from tilework.protocol.run import Curves, Mark, Plain, RunCard, RunResponse

# What is sent ------------------------------------------------------------------------------------------------------------


class Empty(TypedDict):
    """Nothing."""


SpecBody = TypedDict(
    "SpecBody",
    {
        "recipe": NotRequired[Annotated[str, "a shipped recipe; this, `from` or `suggested`"]],
        "from": NotRequired[Annotated[str, "id of a run"]],
        "suggested": NotRequired[Annotated[str, "id of a proposal"]],
        "overrides": NotRequired[Annotated[Sequence[str], "each `section.key=value`"]],
    },
)
"""A spec: that of a recipe, a run or a proposal, with overrides."""


class ResumeBody(TypedDict):
    """How far a run goes on."""

    to_step: NotRequired[Annotated[int | None, "trains a run that has spent its budget further"]]


class ApplyBody(TypedDict):
    """The fix of a finding."""

    code: Annotated[str, "of the finding"]


FileFormat = Literal["png", "gif", "mp4", "html"]


class FileBody(TypedDict):
    """What of a model is to be a file."""

    ask: Annotated[Ask, "as on the socket of the model"]
    format: Annotated[FileFormat, "`gif` and `mp4` of a walk"]


# What comes back --------------------------------------------------------------------------------------------------------


class KeyResponse(TypedDict):
    """The page may also change something."""

    path: Annotated[str, "the path of `--url`"]


class RunsResponse(TypedDict):
    """All runs."""

    root: Annotated[str, "the folder of runs"]
    runs: Annotated[Sequence[RunCard], "the one written to last first"]


class MarksResponse(TypedDict):
    """What happened in a run."""

    marks: Annotated[Sequence[Mark], "the newest, in order"]


class TimelineResponse(TypedDict):
    """The stored frames of a run."""

    steps: Annotated[Sequence[int], "their steps"]


class Difference(TypedDict):
    """A setting in which two runs differ."""

    field: Annotated[str, "its path; one that ends in `(steered)` was set by hand while the run trained"]
    a: Annotated[Any, "its value in the one run; null where it has none"]
    b: Annotated[Any, "its value in the other"]


class CompareResponse(TypedDict):
    """In what two runs differ."""

    differences: Annotated[Sequence[Difference], "setting by setting"]


class Recipe(TypedDict):
    """A shipped recipe."""

    name: Annotated[str, "its name"]
    about: Annotated[str, "what it is for"]
    needs: Annotated[
        Sequence[Literal["download", "images", "run", "lpips"]],
        "before it can start: a network once, own images, a trained run, weights for LPIPS; empty where it starts at once",
    ]
    epochs: Annotated[float | None, "how long it trains; null where it counts steps"]
    steps: Annotated[int | None, "how long it trains; null where it counts epochs"]
    instead: Annotated[str | None, "of one that fails on purpose: the recipe to train in its place"]


class RecipesResponse(TypedDict):
    """The shipped recipes."""

    recipes: Annotated[Sequence[Recipe], "those that start at once first"]


class DataSetChoice(TypedDict):
    """A data set by its name: `data.kind=NAME` stands for it."""

    name: Annotated[str, "as `tilework data add` wrote it down"]
    data: Annotated[Plain, "the settings that it stands for; empty where it cannot be read"]
    problem: Annotated[str, "why it cannot be read; empty where it can"]


class FormResponse(TypedDict):
    """What a form is made of."""

    spec: Annotated[Plain, "whole, with every default"]
    schema: Annotated[Plain, "JSON schema of all specs"]
    sets: Annotated[Sequence[DataSetChoice], "data sets that may stand for its data"]
    steered: NotRequired[Annotated[Mapping[str, str], "of a run: overrides for what was set by hand"]]


class SpecRight(TypedDict):
    """A spec that can be trained."""

    ok: Literal[True]
    spec: Annotated[Plain, "whole, with every default"]
    fitting: Annotated[Mapping[str, str], "overrides that make its loss terms fit its bottleneck"]


class SpecWrong(TypedDict):
    """A spec that cannot be trained."""

    ok: Literal[False]
    errors: Annotated[Sequence[FieldError], "everything that is wrong with it"]
    spec: NotRequired[Annotated[Plain, "where it can be read all the same"]]
    fitting: NotRequired[Annotated[Mapping[str, str], "beside it, as where it is right"]]


CheckResponse = SpecRight | SpecWrong


class IdResponse(TypedDict):
    """The run that was begun or goes on."""

    id: Annotated[str, "of the run"]


class StartStage(TypedDict):
    """Where a run is that is being started."""

    name: Annotated[str, "of the start, until the run has one"]
    about: Annotated[str, "what is started: a recipe, the id of the run that it begins with, or the name of a proposal"]
    stage: Annotated[
        str, "`torch` while it is loaded, `data`, `images`, `tokens`, `preflight`; empty = its process only begins"
    ]
    done: Annotated[int, "of whatever the stage counts; 0 where it counts nothing"]
    total: Annotated[int, "how many of them there will be; 0 where that is not known"]


class StartResponse(StartStage):
    """A start, until its run exists or it has failed."""

    over: Annotated[bool, "with neither `run` nor `problem`: the studio waits no longer, the run joins the list"]
    run: Annotated[str | None, "id of the run, once it exists"]
    problem: Annotated[Refusal | None, "why there will be none"]


class SpareResponse(TypedDict):
    """A process that waits to become a training."""

    kept: Annotated[bool, "there is one; false where memory is short, or where it could not be started"]


class StartsResponse(TypedDict):
    """The runs that are being started and do not exist yet."""

    starts: Annotated[Sequence[StartStage], "the oldest first"]


class StopResponse(IdResponse):
    """The wish is in the run's store."""

    command: Annotated[int, "its number there"]


class DeleteResponse(IdResponse):
    """The folder was moved."""

    trash: Annotated[str, "where it is now, in `<runs>/.trash`"]


class SavedModel(TypedDict):
    """A checkpoint."""

    checkpoint: Annotated[str, "name of its folder: a value of `which`"]
    step: Annotated[int, "steps that it was trained for"]
    time: Annotated[float, "seconds since 1970 when it was written"]
    best: Annotated[bool, "the best so far"]
    last: Annotated[bool, "what the run goes on from"]


class ModelsResponse(TypedDict):
    """The checkpoints of a run."""

    checkpoints: Annotated[Sequence[SavedModel], "by step; empty before the first is written"]


class ImageResponse(TypedDict):
    """The image that was sent."""

    name: Annotated[str, "in points and origins: `image:NAME`, until the studio ends, for every model"]
    width: Annotated[int, "of what was sent, in pixels"]
    height: Annotated[int, "of what was sent, in pixels"]


ResponseBody = (
    KeyResponse
    | RunsResponse
    | RunResponse
    | Curves
    | MarksResponse
    | FindingsResponse
    | TimelineResponse
    | CompareResponse
    | RecipesResponse
    | FormResponse
    | ChecksResponse
    | ExplainResponse
    | GlossaryResponse
    | SpecRight
    | SpecWrong
    | StartsResponse
    | StartResponse
    | SpareResponse
    | IdResponse
    | StopResponse
    | DeleteResponse
    | ModelsResponse
    | ImageResponse
    | FoldersResponse
    | SuggestResponse
)
"""What a route sends back as JSON with status 200."""

# The routes --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Route:
    """One route."""

    method: str
    path: str
    response: Any
    """The model of its JSON, or the media type of what it sends."""
    meaning: str
    body: Any = None
    """The model of its JSON, or the media types of what is sent."""


ROUTES = (
    Route("GET", "/", "text/html", "the page; `?token=T` sets the cookie and redirects to `/`, or to the path of `--url`"),
    Route("GET", "/assets/{path}", "its own", "what the page is made of"),
    Route("POST", "/api/key", KeyResponse, "this page may also change something", Empty),
    Route("GET", "/api/runs", RunsResponse, "all runs"),
    Route("GET", "/api/runs/{id}", RunResponse, "one run"),
    Route("GET", "/api/runs/{id}/curves", Curves,
          "`?most=2000` thins, and keeps the highest and lowest loss of what it leaves out"),
    Route("GET", "/api/runs/{id}/marks", MarksResponse, "what happened in it"),
    Route("GET", "/api/runs/{id}/findings", FindingsResponse, "its doctor's findings now, from its rows and stored probes"),
    Route("GET", "/api/runs/{id}/timeline", TimelineResponse, "its stored frames"),
    Route("GET", "/api/runs/{id}/frames/{step}", "application/octet-stream", "one frame's bytes"),
    Route("GET", "/api/runs/{id}/thumb.png", "image/png", "newest reconstructions as one small image"),
    Route("GET", "/api/compare", CompareResponse, "`?a=ID&b=ID`: in what two runs differ"),
    Route("GET", "/api/recipes", RecipesResponse, "the shipped recipes"),
    Route("GET", "/api/recipes/{name}", FormResponse, "the form of a new run of this recipe"),
    Route("GET", "/api/runs/{id}/form", FormResponse, "the form of a new run like this one"),
    Route("GET", "/api/runs/{id}/report", "text/html", "the page of `tilework report` as it would be made now"),
    Route("GET", "/api/runs/{id}/explain", ExplainResponse, "a run explained in its own numbers"),
    Route("POST", "/api/explain", ExplainResponse, "what a spec makes, explained before it is trained", SpecBody),
    Route("GET", "/api/glossary", GlossaryResponse, "the terms that labels of the page open"),
    Route("POST", "/api/check", CheckResponse, "whether a spec can be trained", SpecBody),
    Route("POST", "/api/runs", IdResponse,
          "starts a run; one that is not ready after 100 s gets status 409, goes on and joins the list", SpecBody),
    Route("GET", "/api/runs/{id}/checks", ChecksResponse, "what the checks before it found"),
    Route("GET", "/api/runs/{id}/findings/{code}/image", "image/png", "the image of a finding"),
    Route("POST", "/api/starts", StartResponse, "starts a run and does not wait for it", SpecBody),
    Route("GET", "/api/starts", StartsResponse, "where the starts are that have no run yet"),
    Route("GET", "/api/starts/{name}", StartResponse, "one start, also when it is over"),
    Route("POST", "/api/starts/{name}/cancel", StartResponse, "ends it before its run exists, as Ctrl-C does", Empty),
    Route("POST", "/api/spare", SpareResponse,
          "keeps one process for a minute that has loaded torch: the next start need not wait for that", Empty),
    Route("POST", "/api/runs/{id}/resume", IdResponse, "goes on with a run", ResumeBody),
    Route("POST", "/api/runs/{id}/apply", IdResponse,
          "starts a run from this one with the fix of a finding, as `tilework train --from` does", ApplyBody),
    Route("POST", "/api/runs/{id}/stop", StopResponse, "ends it after its present step", Empty),
    Route("POST", "/api/runs/{id}/delete", DeleteResponse, "moves its folder to `<runs>/.trash`", Empty),
    Route("GET", "/api/folders", FoldersResponse,
          "`?at=PATH`: what is in a folder, without it the home folder; none outside the home folder and those of `--images`"),
    Route("POST", "/api/suggest", SuggestResponse, "looks at folders or files and proposes a spec, as `tilework suggest` does",
          SuggestBody),
    Route("GET", "/api/suggested/{id}", FormResponse, "the form of a new run of a proposal"),
    Route("GET", "/api/suggested/{id}/sheet.png", "image/png", "its contact sheet: images as they would be trained on"),
    Route("GET", "/api/models/{id}", ModelsResponse, "the checkpoints of a run"),
    Route("POST", "/api/models/{id}/image", ImageResponse,
          "an image of a person's own, read as the model's training images are; `?which=best&device=auto` as on the socket, "
          "`&name=` its file's name", "image/*, at most 64 MB"),
    Route("POST", "/api/models/{id}/file", "image/png, image/gif, video/mp4 or text/html",
          "a file, the same as the shell's command makes; `?which=best&device=auto` as on the socket", FileBody),
    Route("WS", "/ws/runs", "text", "the list of runs, below"),
    Route("WS", "/ws/runs/{id}", "text and frames", "one run, below"),
    Route("WS", "/ws/models/{id}", "text and responses",
          "an open model of a run, below; `?which=best` (or `last`, or a checkpoint's folder) `&device=auto`"),
)  # fmt: skip
