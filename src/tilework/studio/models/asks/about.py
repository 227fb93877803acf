"""What the model is, and the images of its data set."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch

from tilework.engine.autoencoder.model import source_of
from tilework.errors import TileworkError, UserError
from tilework.explore.opened import Side
from tilework.protocol.explore import AboutFacts, AskKind, MapKind, PicturesFacts, Space
from tilework.runs.store import RunStore
from tilework.studio.models.asks.small import small
from tilework.studio.models.opening import Loaded
from tilework.studio.models.serving import Answer

_MOST_PICTURES = 1024
_END = 10**12
"""A step after the end of every schedule."""


def about(kinds: Sequence[AskKind], maps: Sequence[MapKind]) -> Callable[[Loaded, dict[str, Any]], Answer]:
    """What the model is; `kinds` are the asks that there are, `maps` the kinds of map that can be made here."""

    def ask(model: Loaded, _: dict[str, Any]) -> Answer:
        opened, images = model.opened, model.opened.images
        network, spec, source = opened.model.network, opened.model.spec, source_of(opened.model.spec)
        levels = opened.model.levels
        space: Space = "before quantiser" if levels else "gaussian" if spec.bottleneck.kind == "gaussian" else "plain"
        facts = AboutFacts(
            name=opened.name,
            recipe=spec.name,
            checkpoint=opened.folder.name,
            step=opened.step,
            epoch=_epoch(model),
            device=model.device,
            devices=_devices(),
            parameters=sum(one.numel() for one in network.parameters()),
            image=[source.size.height, source.size.width, source.channels],
            bottleneck=spec.bottleneck.kind,
            space=space,
            latent=list(opened.shape),
            beta=_beta(model),
            levels=levels,
            codes=opened.model.codebook_size,
            sides={side: len(images.side(side)) if images else 0 for side in ("validation", "train")},
            classes=list(images.store.classes) if images else [],
            named=any(images.store.file_names) if images else False,
            missing=opened.missing,
            asks=[one for one in kinds if levels or one not in TOKENS],
            maps=list(maps) if images else [],
        )
        return Answer(dict(facts))

    return ask


TOKENS: frozenset[AskKind] = frozenset({"paint", "levels", "field", "receptive", "palette", "atlas", "code"})
"""What only models with codes answer."""


def pictures(model: Loaded, ask: dict[str, Any]) -> Answer:
    """Small images of one side, with labels and file names."""
    numbers: list[int] = ask["numbers"]
    if len(numbers) > _MOST_PICTURES:
        raise UserError(f"{len(numbers)} images were asked for", why=f"at most {_MOST_PICTURES:,} are sent at once")
    side = cast(Side, ask["side"])
    facts, arrays = listed(model, [(side, number) for number in numbers])
    return Answer(dict(facts), arrays)


def listed(model: Loaded, found: Sequence[tuple[Side, int]]) -> tuple[PicturesFacts, dict[str, np.ndarray[Any, Any]]]:
    """Images of both sides in this order: labels and names, and the arrays `thumbs` and `labels`. Raises UserError for a number
    that a side does not have."""
    images = model.opened.need_images("showing images")
    places = np.array([images.positions(side, [number])[0] for side, number in found], np.int64)
    labels = images.store.labels[places]
    classes = images.store.classes
    facts = PicturesFacts(
        labels=[classes[label] if label >= 0 else None for label in labels],
        names=[images.store.file_of(int(place)) or None for place in places],
    )
    height, width, channels = images.store.shape
    pixels = images.store.gather(places) if len(places) else np.empty((0, height, width, channels), np.uint8)
    return facts, {"thumbs": small(pixels), "labels": labels.astype(np.int16)}


def _epoch(model: Loaded) -> float | None:
    """Epochs that the checkpoint was trained for; None where the run's store does not tell."""
    with contextlib.suppress(TileworkError), RunStore.open(model.run.db) as store:
        per_epoch = store.get_meta("steps_per_epoch")
        if isinstance(per_epoch, (int, float)) and per_epoch > 0:
            return model.opened.step / per_epoch
    return None


def _devices() -> list[str]:
    has = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [name for name, there in has.items() if there]


def _beta(model: Loaded) -> float | None:
    term = model.opened.model.spec.objective.get("kl")
    return float(term.weight.base(_END, 1)) if term is not None else None  # type: ignore[attr-defined]


ASKS: Mapping[AskKind, Callable[[Loaded, dict[str, Any]], Answer]] = {"pictures": pictures}
