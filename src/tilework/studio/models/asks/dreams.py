"""What a prior dreams, by the functions of the shell's commands; what is drawn so far is reported meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tilework import dream as dreams
from tilework.dream.comparing import compared
from tilework.dream.given import Frames
from tilework.dream.made import Dreamed
from tilework.dream.opened import Dreamer
from tilework.dream.repainting import repaint_tokens
from tilework.dream.words import verdicts
from tilework.errors import UserError
from tilework.priors.contract import Sampling
from tilework.protocol.dream import DreamFacts, DreamKind, PriorFacts, ProgressFacts
from tilework.protocol.explore import AskKind
from tilework.spec.plugins import ORDERS
from tilework.studio.models.opening import Loaded
from tilework.studio.models.progress import here
from tilework.studio.models.serving import Response

_KEPT = 4


# What there is --------------------------------------------------------------------------------------------------------


def prior_facts(dreamer: Dreamer) -> PriorFacts:
    """What a prior is."""
    shape, passes = dreamer.shape, passes_of(dreamer)
    return PriorFacts(
        kind=str(getattr(dreamer.prior.config, "kind", "")),
        parent=dreamer.parent.name,
        frames=shape.frames,
        stride=dreamer.stride,
        height=shape.height,
        width=shape.width,
        loop=shape.loop,
        classes=[str(dreamer.label_name(number)) for number in range(shape.classes)],
        passes=passes,
        orders=[] if passes is None else list(ORDERS.kinds),
        sees_both_sides=dreamer.prior.sees_both_sides,
        parameters=sum(one.numel() for one in dreamer.prior.parameters()),
    )


def kinds_of(dreamer: Dreamer) -> tuple[DreamKind, ...]:
    """What a prior can be asked for."""
    clips: tuple[DreamKind, ...] = ("continue",) if dreamer.moves else ()
    loops: tuple[DreamKind, ...] = ("morph",) if dreamer.shape.loop and dreamer.shape.classes > 1 else ()
    return ("dream", "repaint", *loops, *clips)


def passes_of(dreamer: Dreamer) -> int | None:
    """Passes in which a prior draws the first level of what it learned from; None of one that draws token after token."""
    return dreamer.prior.passes(dreamer.shape.frames)


# What is dreamed, as it also becomes a file -----------------------------------------------------------------------------


def dreamed(model: Loaded, ask: dict[str, Any]) -> Dreamed:
    """The dream of an ask; one of the newest is not drawn again. Raises UserError, and Unwanted where nobody waits any more."""
    dreamer = model.dreamer
    if dreamer is None:
        raise UserError(
            f"{model.opened.name} draws no tokens",
            why="it is an autoencoder; what dreams is a prior that was trained on its tokens",
            fix=f"train one: `tilework train motion-prior parent={model.opened.name}`, or masked-prior for images",
        )
    name = json.dumps({key: value for key, value in ask.items() if key != "compare"}, sort_keys=True)
    found = model.dreams.pop(name, None)
    if found is None:
        found = _MAKE[ask["kind"]](model, dreamer, ask)
    model.dreams[name] = found  # before it is compared: whoever asks may go meanwhile
    if ask.get("compare", True) and not found.compared:
        found = model.dreams[name] = compared(dreamer, found)
    while len(model.dreams) > _KEPT:
        del model.dreams[next(iter(model.dreams))]
    return found


def _dream(_: Loaded, dreamer: Dreamer, ask: dict[str, Any]) -> Dreamed:
    common = _common(dreamer, ask)
    label = ask.get("label")
    if dreamer.moves:
        return dreams.motion(dreamer, ask.get("frames"), count=ask.get("count", 1), label=label, **_clip(ask), **common)
    _refuse_clip(dreamer, ask)
    return dreams.images(dreamer, ask.get("count", 16), label, **common)


def _repaint(model: Loaded, dreamer: Dreamer, ask: dict[str, Any]) -> Dreamed:
    common, cells = _common(dreamer, ask), _cells(dreamer, ask["cells"])
    count, label = ask.get("count", 1 if dreamer.moves else 4), ask.get("label")
    if "tokens" in ask:
        tokens = _tokens(dreamer, ask["tokens"], None)
        return repaint_tokens(
            dreamer,
            tokens,
            cells,
            count,
            "what was there",
            label=label,
            frames=ask.get("frames"),
            **_clip(ask),
            **common,
        )
    start = _start(model, ask)
    region = np.kron(cells, np.ones(_cell_size(dreamer), bool))
    common.pop("between", None)
    return dreams.repaint(dreamer, start, region, count, label=label, fps=ask.get("fps", 30.0), **common)


def _morph(_: Loaded, dreamer: Dreamer, ask: dict[str, Any]) -> Dreamed:
    found = {"how": ask["between"]} if "between" in ask else {}
    fps = ask.get("fps", 30.0)
    return dreams.morph(dreamer, ask["a"], ask["b"], ask.get("frames"), fps=fps, **found, **_common(dreamer, ask))


def _continue(model: Loaded, dreamer: Dreamer, ask: dict[str, Any]) -> Dreamed:
    if "tokens" in ask:
        codes = _tokens(dreamer, ask["tokens"], 1)
        start: Any = Frames("the frame that was seen", dreamer.decode(codes), codes=codes)
    else:
        start = _start(model, ask)
    return dreams.motion(
        dreamer, ask.get("frames"), count=ask.get("count", 1), label=ask.get("label"), start=start,
        **_clip(ask), **_common(dreamer, ask),
    )  # fmt: skip


_MAKE: Mapping[str, Callable[[Loaded, Dreamer, dict[str, Any]], Dreamed]] = {
    "dream": _dream,
    "repaint": _repaint,
    "morph": _morph,
    "continue": _continue,
}

# What is asked ----------------------------------------------------------------------------------------------------------


def _common(dreamer: Dreamer, ask: dict[str, Any]) -> dict[str, Any]:
    seed = ask.get("seed", 0)
    if seed < 0:
        raise UserError(f"the seed {seed} is less than 0", why="seeds are 0 and more", fix="take another one")
    given = {name: ask[name] for name in ("temperature", "top_k", "top_p", "guidance", "steps", "order") if name in ask}
    if given.get("order", "halton") not in ORDERS.kinds:
        raise UserError(
            f"there is no order '{given['order'][:60]}'",
            why=f"the orders are {', '.join(ORDERS.kinds)}",
            fix="take one of these",
        )
    sampling = Sampling(**given)
    return {"sampling": sampling, "seed": seed, "watch": _Watching(dreamer, sampling), "compare": False}


def _clip(ask: dict[str, Any]) -> dict[str, Any]:
    return {"between": ask.get("between"), "fps": ask.get("fps", 30.0)}


def _refuse_clip(dreamer: Dreamer, ask: dict[str, Any]) -> None:
    for name in ("frames", "between"):
        if name in ask:
            raise UserError(
                f"{dreamer.name} cannot use {name}",
                why="it draws images, not clips",
                fix=f"leave {name} out",
            )


def _start(model: Loaded, ask: dict[str, Any]) -> Any:
    """An image of the data set by its name, or the pixels of one that was sent."""
    of = ask.get("of")
    if of is None:
        raise UserError(f"{ask['kind']} needs of or tokens", why="it begins with something", fix="send one of them")
    if of.startswith("image:"):
        return model.image(of.removeprefix("image:"))
    if not of.startswith(("validation:", "train:")):
        raise UserError(
            f"'{of[:60]}' is no image", why="an image is validation:N, train:N or image:NAME", fix="send one of these"
        )
    return of


def _tokens(dreamer: Dreamer, tokens: list[int], frames: int | None) -> NDArray[np.int64]:
    """Codes (T, Q, h, w) of one item. Raises UserError for another number of them, and for codes that there are not."""
    t, *rest = dreamer.shape.item
    found = np.asarray(tokens, np.int64)
    size = int(np.prod(rest))
    wanted = (frames or t) * size
    if len(found) != wanted and (frames or not dreamer.prior.any_length or len(found) % size or not len(found)):
        raise UserError(
            f"{len(found):,} tokens are no {'frame' if frames else 'item'} of {dreamer.name}",
            why=f"{'one' if frames else 'it'} has {wanted:,}: {frames or t} x {' x '.join(map(str, rest))}",
            fix="send them frame by frame, level by level, row by row",
        )
    if found.min(initial=0) < 0 or found.max(initial=0) >= dreamer.shape.codes:
        raise UserError("a token is no code", why=f"codes are 0 to {dreamer.shape.codes - 1:,}", fix="send codes")
    return found.reshape(-1, *rest)


def _cells(dreamer: Dreamer, cells: list[int]) -> NDArray[np.bool_]:
    """Cells (h, w) that are true where something is to be drawn anew."""
    shape = dreamer.shape
    found = np.zeros(shape.height * shape.width, bool)
    outside = [cell for cell in cells if not 0 <= cell < len(found)]
    if outside or not cells:
        raise UserError(
            f"there is no cell {outside[0]}" if outside else "no cell is to be drawn anew",
            why=f"cells are 0 to {len(found) - 1}",
            fix="send at least one of these",
        )
    found[cells] = True
    return found.reshape(shape.height, shape.width)


def _cell_size(dreamer: Dreamer) -> tuple[int, int]:
    from tilework.engine.autoencoder.model import source_of

    size = source_of(dreamer.parent.model.spec).size
    return size.height // dreamer.shape.height, size.width // dreamer.shape.width


# What is reported -----------------------------------------------------------------------------------------------------


class _Watching:
    """Reports every pass, as often as an eye follows it."""

    def __init__(self, dreamer: Dreamer, sampling: Sampling) -> None:
        self._dreamer = dreamer
        self._steps = sampling.steps
        self._part, self._first, self._drawn = 0, 0, 0
        self._of: int | None = None
        self._before: tuple[tuple[int, ...], int] | None = None

    def __call__(self, tokens: Tensor, there: Tensor) -> None:
        progress = here()
        progress.heed()
        self._dreamer.parent.between()
        count, shape = int(there.sum()), tuple(tokens.shape)
        if self._before is None or self._before[0] != shape or count < self._before[1]:
            self._begin(tokens, there)
        self._before = shape, count
        self._drawn += 1
        if not progress.due and count < there.numel():
            return
        facts = ProgressFacts(
            part=self._part, first=self._first, drawn=self._drawn, passes=self._of, share=count / there.numel()
        )
        shown = np.where(there.cpu().numpy(), tokens.cpu().numpy(), -1).astype(np.int32)
        progress.report(facts, {"tokens": shown})

    def _begin(self, tokens: Tensor, there: Tensor) -> None:
        same = self._before is not None and self._before[0][1:] == tuple(tokens.shape)[1:]
        self._first = self._first + self._before[0][0] if same and self._before is not None else 0
        self._part, self._drawn = self._part + 1, 0
        # What the first pass has left of the first level is what the others draw; none draws nothing.
        missing = (~there).sum((1, 3, 4)).amax(0).tolist()
        prior, frames = self._dreamer.prior, tokens.shape[1]
        passes = [prior.passes(frames, level) for level in range(len(missing))]
        known = [self._steps or one for one in passes if one is not None]
        left = [missing[0] + 1, *missing[1:]]
        self._of = prior.rounds(frames) * sum(map(min, known, left)) if len(known) == len(missing) else None


def _answered(model: Loaded, ask: dict[str, Any], make: Callable[[Loaded, dict[str, Any]], Dreamed]) -> Response:
    found = make(model, ask)
    assert model.dreamer is not None
    facts = DreamFacts(
        what=found.what.value,
        title=found.title(),
        labels=list(found.how.labels),
        seed=found.how.seed,
        loop=model.dreamer.shape.loop and found.moves,
        fps=found.how.fps,
        compared=found.compared,
        verdicts=verdicts(found),
        facts=[{"name": name, "text": text} for name, text in found.facts()],
    )
    assert found.drawn is not None
    return Response(dict(facts), {"images": found.images, "keys": found.drawn.astype(np.int32)})


DREAMED: Mapping[AskKind, Callable[[Loaded, dict[str, Any]], Dreamed]] = {
    cast(AskKind, kind): dreamed for kind in _MAKE
}
ASKS: Mapping[AskKind, Callable[[Loaded, dict[str, Any]], Response]] = {
    kind: partial(_answered, make=make) for kind, make in DREAMED.items()
}
