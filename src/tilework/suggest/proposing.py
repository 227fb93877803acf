"""From what was seen to a whole proposal: the choices put together, the spec that they make, and the time that it takes here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tilework.errors import UserError
from tilework.spec.autoencoder import AutoencoderSpec
from tilework.spec.load import parse_spec
from tilework.suggest import choosing
from tilework.suggest.facts import Facts
from tilework.suggest.looking import Looked, look
from tilework.suggest.proposal import Choices, Proposal, Reason

MINUTES = 10.0
"""Of training, unless another time is asked for."""
_FORMS = 30
"""Validations of a whole run, about."""


def suggest(paths: Sequence[str], minutes: float = MINUTES, looked: Looked | None = None) -> Proposal:
    """A spec for what lies at `paths` (or was `looked` at before), which trains about so many minutes on this machine.

    Raises UserError where nothing can be learned from it. Nothing is written.
    """
    seen = looked or look(paths)
    facts = seen.facts
    _refuse(facts)
    size, why_size = choosing.size_for(facts.looks)
    channels, why_channels = choosing.channels_for(facts.looks)
    drawn, why_drawn = choosing.drawn_for(facts)
    images = drawn or facts.images
    codes, why_codes = choosing.codes_for(replace(facts, images=images), size, channels)
    choices = Choices(size, channels, choosing.STRIDE, codes, choosing.batch_for(facts), choosing.FEWEST_STEPS, drawn)
    name = name_for(paths)
    from tilework.suggest.pace import step_seconds

    took = step_seconds(cast(AutoencoderSpec, parse_spec(written(name, facts, choices, images))), seen.images)
    steps, why_steps = choosing.steps_for(images, choices.batch, minutes, took)
    choices = replace(choices, steps=steps)
    reasons: tuple[Reason, ...] = (
        *why_size,
        *why_codes,
        *why_steps,
        *why_channels,
        *why_drawn,
        *choosing.cautions(facts),
    )
    return Proposal(name, facts, choices, reasons, written(name, facts, choices, images))


def _refuse(facts: Facts) -> None:
    where = _where(facts)
    if facts.images < 2:
        raise UserError(
            f"{where} holds one image only",
            why="some images are held out to measure what was learned, and none would be left to train on",
            fix="give a folder with more images, a clip or an animation",
        )
    if facts.looks is not None and facts.looks.one_colour:
        raise UserError(
            f"every image that was looked at in {where} has the same single colour ({facts.looked_at} files)",
            why="there is nothing to learn from it: its average is already exact",
            fix="give images that differ; where an alpha channel holds the drawing, name the colour under it in a spec "
            "(data.background)",
        )


def _where(facts: Facts) -> str:
    path: Any = facts.data.get("path", "")
    return path if isinstance(path, str) else ", ".join(path)


def name_for(paths: Sequence[str]) -> str:
    """What runs of it are called: as the folder is, or the folder of the first file."""
    first = Path(paths[0]).expanduser().resolve()
    if len(paths) > 1 and first.is_file():
        first = first.parent
    stem = first.name if first.is_dir() else first.stem
    plain = re.sub(r"[^a-z0-9.]+", "-", stem.lower()).strip("-.")[:48].rstrip("-.")
    return plain or "images"


def written(name: str, facts: Facts, choices: Choices, images: int) -> dict[str, Any]:
    """The spec as a person would write it."""
    data: dict[str, Any] = {**facts.data, "size": str(choices.size), "channels": choices.channels}
    if choices.drawn is not None:
        data["count"] = choices.drawn
    epochs = choices.steps * choices.batch / max(1, (1 - choosing.HELD_OUT) * images)
    every = max(1, round(epochs / _FORMS))
    return {
        "name": name,
        "data": data,
        "encoder": {
            "kind": "ladder", "widths": [32, 128], "kernel": 4, "tail_blocks": 1, "residual_width": 64, "norm": "none",
        },
        "bottleneck": {
            "kind": "vq", "dim": 32, "codes": choices.codes, "codebook": "ema", "decay": 0.9, "start": "kmeans",
            "revival": {"enabled": True, "threshold": 0.05},
        },
        "decoder": {"kind": "ladder", "widths": [64, 128], "tail_blocks": 3, "output": "sigmoid"},
        "objective": {"mse": 1.0, "edges": 0.1, "commitment": 0.25},
        "optimizer": {
            "kind": "muon",
            "lr": {
                "kind": "cosine", "start": 2e-3, "end": 1e-5, "warmup": f"{min(30, choices.steps // 10)} steps",
            },
            "clip_norm": 1.0,
        },
        "engine": {
            "batch_size": choices.batch, "steps": choices.steps, "validate_every_epochs": every,
            "snapshot_every_epochs": every,
        },
        "seed": 42,
    }  # fmt: skip
