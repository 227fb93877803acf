"""What is sent with every response, a frame (frame.py)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypedDict

from tilework.protocol.explore.asks import AskKind
from tilework.protocol.frame import VERSION, ArrayPlace


class MadeResponse(TypedDict):
    """What the process of a model sends with a response; packing it adds the places of its arrays."""

    v: Annotated[int, f"{VERSION}"]
    channel: Annotated[Literal["response"], "what it is"]
    ref: Annotated[int, "of the ask"]
    kind: Annotated[AskKind, "of the ask"]
    ms: Annotated[float, "time that it took to compute, in ms"]
    facts: Annotated[Mapping[str, Any], "of this kind, see below"]


class ResponseHeader(MadeResponse):
    """What a response holds beside its arrays."""

    arrays: Annotated[Sequence[ArrayPlace], "its arrays, in the order of their bytes"]
