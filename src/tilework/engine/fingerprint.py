"""Hashes of the parts of a model: equal for two that compute the same from the same weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from pydantic import BaseModel
from torch import nn

from tilework.engine.api import Model


@dataclass(frozen=True)
class Fingerprint:
    """SHA-256 of each part of an autoencoder: its settings, and the names, shapes and values of its weights and buffers."""

    encoder: str
    decoder: str
    codebook: str


def fingerprint(model: Model) -> Fingerprint:
    """The hashes of a model."""
    network, spec = model.network, model.spec
    return Fingerprint(
        _hash(network.encoder, spec.encoder),
        _hash(network.decoder, spec.decoder),
        _hash(network.bottleneck, spec.bottleneck),
    )


def _hash(part: nn.Module, settings: BaseModel) -> str:
    # Settings decide what weights alone do not: how is enlarged, how many levels FSQ has. Defaults are left out, so that a
    # setting that is new in a later version changes no hash.
    written = settings.model_dump(mode="json", exclude_defaults=True) | {"kind": getattr(settings, "kind", "")}
    total = hashlib.sha256(json.dumps(written, sort_keys=True).encode())
    for name, tensor in sorted(part.state_dict().items()):
        value = tensor.detach().cpu().contiguous()
        total.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        total.update(value.reshape(-1).numpy().tobytes())
    return total.hexdigest()
