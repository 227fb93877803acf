"""The routes of the studio: what each may be sent, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from tilework.protocol.errors import FieldError
from tilework.protocol.explore import Ask
from tilework.protocol.run import Curves, Mark, Plain, RunAnswer, RunCard

# What is sent ------------------------------------------------------------------------------------------------------------


class Empty(TypedDict):
    """Nothing."""


SpecBody = TypedDict(
    "SpecBody",
    {
        "recipe": NotRequired[Annotated[str, "a shipped recipe; this or `from`"]],
        "from": NotRequired[Annotated[str, "id of a run; this or `recipe`"]],
        "overrides": NotRequired[Annotated[Sequence[str], "each `section.key=value`"]],
    },
)
"""A spec: that of a recipe or of a run, with overrides."""


class ResumeBody(TypedDict):
    """How far a run goes on."""

    to_step: NotRequired[Annotated[int | None, "trains a run that has spent its budget further"]]


FileFormat = Literal["png", "gif", "mp4", "html"]


class FileBody(TypedDict):
    """What of a model is to be a file."""

    ask: Annotated[Ask, "as on the socket of the model"]
    format: Annotated[FileFormat, "`gif` and `mp4` of a walk"]


# What is answered --------------------------------------------------------------------------------------------------------


class KeyAnswer(TypedDict):
    """The page may also change something."""

    path: Annotated[str, "the path of `--url`"]


class RunsAnswer(TypedDict):
    """All runs."""

    root: Annotated[str, "the folder of runs"]
    runs: Annotated[Sequence[RunCard], "the one written to last first"]


class MarksAnswer(TypedDict):
    """What happened in a run."""

    marks: Annotated[Sequence[Mark], "the newest, in order"]


class TimelineAnswer(TypedDict):
    """The stored frames of a run."""

    steps: Annotated[Sequence[int], "their steps"]


class Difference(TypedDict):
    """A setting in which two runs differ."""

    field: Annotated[str, "its path; one that ends in `(steered)` was set by hand while the run trained"]
    a: Annotated[Any, "its value in the one run; null where it has none"]
    b: Annotated[Any, "its value in the other"]


class CompareAnswer(TypedDict):
    """In what two runs differ."""

    differences: Annotated[Sequence[Difference], "setting by setting"]


class Recipe(TypedDict):
    """A shipped recipe."""

    name: Annotated[str, "its name"]
    about: Annotated[str, "what it is for"]
    needs: Annotated[str, "`ready`, `downloads` or what a person must bring"]


class RecipesAnswer(TypedDict):
    """The shipped recipes."""

    recipes: Annotated[Sequence[Recipe], "those that start at once first"]


class FormAnswer(TypedDict):
    """What a form is made of."""

    spec: Annotated[Plain, "whole, with every default"]
    schema: Annotated[Plain, "JSON schema of all specs"]
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


CheckAnswer = SpecRight | SpecWrong


class IdAnswer(TypedDict):
    """The run that was begun or goes on."""

    id: Annotated[str, "of the run"]


class StopAnswer(IdAnswer):
    """The wish is in the run's store."""

    command: Annotated[int, "its number there"]


class DeleteAnswer(IdAnswer):
    """The folder was moved."""

    trash: Annotated[str, "where it is now, in `<runs>/.trash`"]


class SavedModel(TypedDict):
    """A checkpoint."""

    checkpoint: Annotated[str, "name of its folder: a value of `which`"]
    step: Annotated[int, "steps that it was trained for"]
    time: Annotated[float, "seconds since 1970 when it was written"]
    best: Annotated[bool, "the best so far"]
    last: Annotated[bool, "what the run goes on from"]


class ModelsAnswer(TypedDict):
    """The checkpoints of a run."""

    checkpoints: Annotated[Sequence[SavedModel], "by step; empty before the first is written"]


class ImageAnswer(TypedDict):
    """The image that was sent."""

    name: Annotated[str, "in points and origins: `image:NAME`, until the studio ends, for every model"]
    width: Annotated[int, "of what was sent, in pixels"]
    height: Annotated[int, "of what was sent, in pixels"]


Answer = (
    KeyAnswer
    | RunsAnswer
    | RunAnswer
    | Curves
    | MarksAnswer
    | TimelineAnswer
    | CompareAnswer
    | RecipesAnswer
    | FormAnswer
    | SpecRight
    | SpecWrong
    | IdAnswer
    | StopAnswer
    | DeleteAnswer
    | ModelsAnswer
    | ImageAnswer
)
"""What a route answers as JSON with status 200."""

# The routes --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Route:
    """One route."""

    method: str
    path: str
    answer: Any
    """The model of its JSON, or the media type of what it sends."""
    meaning: str
    body: Any = None
    """The model of its JSON, or the media types of what is sent."""


ROUTES = (
    Route("GET", "/", "text/html", "the page; `?token=T` sets the cookie and redirects to `/`, or to the path of `--url`"),
    Route("GET", "/assets/{path}", "its own", "what the page is made of"),
    Route("POST", "/api/key", KeyAnswer, "this page may also change something", Empty),
    Route("GET", "/api/runs", RunsAnswer, "all runs"),
    Route("GET", "/api/runs/{id}", RunAnswer, "one run"),
    Route("GET", "/api/runs/{id}/curves", Curves,
          "`?most=2000` thins, and keeps the highest and lowest loss of what it leaves out"),
    Route("GET", "/api/runs/{id}/marks", MarksAnswer, "what happened in it"),
    Route("GET", "/api/runs/{id}/timeline", TimelineAnswer, "its stored frames"),
    Route("GET", "/api/runs/{id}/frames/{step}", "application/octet-stream", "one frame's bytes"),
    Route("GET", "/api/runs/{id}/thumb.png", "image/png", "newest reconstructions as one small picture"),
    Route("GET", "/api/compare", CompareAnswer, "`?a=ID&b=ID`: in what two runs differ"),
    Route("GET", "/api/recipes", RecipesAnswer, "the shipped recipes"),
    Route("GET", "/api/recipes/{name}", FormAnswer, "the form of a new run of this recipe"),
    Route("GET", "/api/runs/{id}/form", FormAnswer, "the form of a new run like this one"),
    Route("POST", "/api/check", CheckAnswer, "whether a spec can be trained", SpecBody),
    Route("POST", "/api/runs", IdAnswer,
          "starts a run; one that is not ready after 100 s is answered 409, goes on and joins the list", SpecBody),
    Route("POST", "/api/runs/{id}/resume", IdAnswer, "goes on with a run", ResumeBody),
    Route("POST", "/api/runs/{id}/stop", StopAnswer, "ends it after its present step", Empty),
    Route("POST", "/api/runs/{id}/delete", DeleteAnswer, "moves its folder to `<runs>/.trash`", Empty),
    Route("GET", "/api/models/{id}", ModelsAnswer, "the checkpoints of a run"),
    Route("POST", "/api/models/{id}/image", ImageAnswer,
          "an image of a person's own, read as the model's training images are; `?which=best&device=auto` as on the socket, "
          "`&name=` its file's name", "image/*, at most 64 MB"),
    Route("POST", "/api/models/{id}/file", "image/png, image/gif, video/mp4 or text/html",
          "a file, the same as the shell's command makes; `?which=best&device=auto` as on the socket", FileBody),
    Route("WS", "/ws/runs", "text", "the list of runs, below"),
    Route("WS", "/ws/runs/{id}", "text and frames", "one run, below"),
    Route("WS", "/ws/models/{id}", "text and answers",
          "an open model of a run, below; `?which=best` (or `last`, or a checkpoint's folder) `&device=auto`"),
)  # fmt: skip
