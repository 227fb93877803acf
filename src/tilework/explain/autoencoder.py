"""An autoencoder explained: its spec asked, its networks built and asked, its run's values where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilework.engine.autoencoder.model import source_of
from tilework.explain.case import Case, Values
from tilework.explain.facts.explanation import AutoencoderExplained
from tilework.explain.facts.subject import Images, Subject
from tilework.explain.latent import latent_space, locality
from tilework.explain.network import measured
from tilework.explain.readings import readings
from tilework.explain.symptoms import symptoms
from tilework.explain.training import terms_of, training
from tilework.spec import AutoencoderSpec

_PLACES = ("path", "id")
"""Settings of a source that give the place of its images."""


def explain_autoencoder(
    spec: AutoencoderSpec, subject: Subject, values: Values | None = None, meta: Mapping[str, Any] | None = None
) -> AutoencoderExplained:
    """Everything that is explained of an autoencoder. Raises UserError for a spec whose parts do not fit each other."""
    values = values or Values()
    found = measured(spec)
    images = _images(spec, meta or {})
    case = Case(images, latent_space(spec, found), training(spec, terms_of(spec, values.training)), values)
    read = readings(case)
    return AutoencoderExplained(
        subject,
        images,
        found.network,
        case.latent,
        locality(found, source_of(spec).size),
        case.training,
        read,
        symptoms(case, read),
    )


def _images(spec: AutoencoderSpec, meta: Mapping[str, Any]) -> Images:
    source = source_of(spec)
    where = next((str(value) for name in _PLACES if (value := getattr(source, name, None))), "")
    batch = spec.engine.batch_size * spec.optimizer.accumulate
    steps, held_out = meta.get("steps_per_epoch"), meta.get("held_out")
    return Images(
        source.kind,
        where,
        source.size.width,
        source.size.height,
        source.channels,
        batch,
        source.split.by,
        source.split.validation,
        steps * batch if isinstance(steps, int) else None,
        held_out if isinstance(held_out, int) else None,
    )
