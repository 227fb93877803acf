"""What the model is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch

from tilework.dream.choosing import priors_of
from tilework.engine.autoencoder.model import source_of
from tilework.engine.checkpoint import open_folder
from tilework.errors import TileworkError
from tilework.explore.compare import beta_of
from tilework.protocol.dream import DREAM_KINDS
from tilework.protocol.explore import AboutFacts, AskKind, MapKind, Space
from tilework.runs.checkpoints import named
from tilework.runs.store import RunStore
from tilework.studio.models.asks.dreams import kinds_of, prior_facts
from tilework.studio.models.opening import Loaded
from tilework.studio.models.serving import Response


def about(kinds: Sequence[AskKind], maps: Sequence[MapKind]) -> Callable[[Loaded, dict[str, Any]], Response]:
    """What the model is; `kinds` are the asks that there are, `maps` the kinds of map that can be made here."""

    def ask(model: Loaded, _: dict[str, Any]) -> Response:
        opened, images = model.opened, model.opened.images
        dreamer = model.dreamer
        network, spec, source = opened.model.network, opened.model.spec, source_of(opened.model.spec)
        drawn = [] if dreamer is None else kinds_of(dreamer)
        levels = opened.model.levels
        space: Space = "before quantiser" if levels else "gaussian" if spec.bottleneck.kind == "gaussian" else "plain"
        facts = AboutFacts(
            name=opened.name if dreamer is None else dreamer.name,
            recipe=spec.name if dreamer is None else _recipe(model),
            checkpoint=model.checkpoint,
            step=opened.step if dreamer is None else dreamer.step,
            epoch=_epoch(model),
            device=model.device,
            devices=_devices(),
            parameters=sum(one.numel() for one in network.parameters()),
            image=[source.size.height, source.size.width, source.channels],
            bottleneck=spec.bottleneck.kind,
            space=space,
            latent=list(opened.shape),
            beta=beta_of(opened),
            levels=levels,
            codes=opened.model.codebook_size,
            may_pass=opened.may_pass,
            sides={side: len(images.side(side)) if images else 0 for side in ("validation", "train")},
            classes=list(images.store.classes) if images else [],
            named=any(images.store.file_names) if images else False,
            missing=opened.missing,
            asks=[one for one in kinds if (levels or one not in TOKENS) and (one not in DREAM_KINDS or one in drawn)],
            maps=list(maps) if images else [],
            prior=None if dreamer is None else prior_facts(dreamer),
            priors=[one.id for one in priors_of(model.run)] if dreamer is None and levels else [],
        )
        return Response(dict(facts))

    return ask


TOKENS: frozenset[AskKind] = frozenset({"paint", "levels", "field", "receptive", "palette", "atlas", "code"})
"""What only models with codes answer."""


def _epoch(model: Loaded) -> float | None:
    """Epochs that the checkpoint was trained for; None where the run's store does not record it."""
    with contextlib.suppress(TileworkError), RunStore.open(model.run.db) as store:
        per_epoch = store.get_meta("steps_per_epoch")
        if isinstance(per_epoch, (int, float)) and per_epoch > 0:
            return (model.dreamer or model.opened).step / per_epoch
    return None


def _recipe(model: Loaded) -> str:
    """The name in the spec of a prior's run."""
    return str(open_folder(named(model.run.checkpoints, model.checkpoint)).spec.get("name", ""))


def _devices() -> list[str]:
    has = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [name for name, there in has.items() if there]
