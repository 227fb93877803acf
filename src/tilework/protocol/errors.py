"""How an error is sent: what happened, why, one fix."""

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired, TypedDict


class Problem(TypedDict):
    """What happened, its likely cause and one fix, each in words."""

    what: Annotated[str, "what happened"]
    why: Annotated[str, "its likely cause; empty where there is none"]
    fix: Annotated[str, "what to do; empty where there is none"]


class FieldError(Problem):
    """What is wrong with one setting of a spec."""

    field: Annotated[str, "its path; empty where it is none of one setting"]
    beside: Annotated[str, "what is wrong, to be read beside the setting: without its name"]
    remedy: Annotated[str, "what to do, to be read beside the setting; empty where `beside` covers it already"]
    override: Annotated[str, "the override that fixes it; empty where none alone does"]


class Refusal(Problem):
    """Why a request was refused; of status 403 also what was missing."""

    kind: NotRequired[Annotated[Literal["host", "origin", "key"], "of status 403: what was missing"]]


class ErrorResponse(TypedDict):
    """What a response of another status than 200 holds."""

    error: Annotated[Refusal, "what is wrong"]
    errors: NotRequired[Annotated[Sequence[FieldError], "of a spec that is refused: everything that is wrong with it"]]
