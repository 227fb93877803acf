"""The sections of an image autoencoder: where its images come from, its networks, its bottleneck and its loss terms."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator, model_validator

from tilework.errors import Refused
from tilework.metrics import AUTOENCODER
from tilework.spec.model import Named, RunSpec, never_negative
from tilework.spec.overrides import term_settings
from tilework.spec.plugins import BOTTLENECKS, DECODERS, ENCODERS, SOURCES, TERMS, Plugin
from tilework.spec.schedules import Constant, Scheduled


class Term(Plugin):
    """One loss term: `weight` times its value is added to the total loss."""

    weight: Scheduled = Field(default=Constant(value=1.0), description="factor of this term in the total loss")

    _weight_is_positive = field_validator("weight")(never_negative)


def _read_terms(raw: Any) -> Any:
    """`{mse: 1.0, commitment: {weight: 0.25}, sinkhorn: null}` -> validated terms; the key is the kind, null removes one."""
    if not isinstance(raw, dict):
        raise Refused(f"{raw!r} is not a mapping of loss terms", fix="write for example objective.mse=1.0")
    terms: dict[str, Plugin] = {}
    for kind, value in raw.items():
        if isinstance(value, Plugin):
            terms[kind] = value
            continue
        TERMS.config(kind)  # a misspelt term is reported before anything that is wrong inside it
        if value is None:
            continue
        settings = term_settings(value)
        if settings.get("kind", kind) != kind:
            raise Refused(
                f"the term {kind} has kind '{settings['kind']}'", fix=f"name the term {settings['kind']} instead"
            )
        terms[kind] = TERMS.parse({**settings, "kind": kind})
    return terms


class Sections(Named):
    """What an autoencoder has and other tasks need not have."""

    task: Literal["autoencoder"] = Field(
        default="autoencoder", description="what is trained; it names the other sections of the spec"
    )
    data: Annotated[SerializeAsAny[Plugin], BeforeValidator(SOURCES.parse)] = Field(
        description="where the images come from, their size, and what is held out"
    )
    encoder: Annotated[SerializeAsAny[Plugin], BeforeValidator(ENCODERS.parse)] = Field(
        description="from images to latents"
    )
    bottleneck: Annotated[SerializeAsAny[Plugin], BeforeValidator(BOTTLENECKS.parse)] = Field(
        description="what a latent may be: anything, a Gaussian, codes"
    )
    decoder: Annotated[SerializeAsAny[Plugin], BeforeValidator(DECODERS.parse)] = Field(
        description="from latents to images"
    )
    objective: Annotated[dict[str, SerializeAsAny[Plugin]], BeforeValidator(_read_terms)] = Field(
        description="loss terms by name, each a weight or a mapping; null removes one"
    )


# The sections come before the optimiser in a written spec: pydantic takes the fields of the last base first.
class AutoencoderSpec(RunSpec, Sections):
    """The spec of an image autoencoder."""

    @model_validator(mode="after")
    def _whole(self) -> AutoencoderSpec:
        if not self.objective:
            raise Refused(
                "objective has no loss term", fix="write at least one, for example objective.mse=1.0", field="objective"
            )
        if not AUTOENCODER.judges(self.engine.monitor, self.objective):
            measured, by_part = AUTOENCODER.judging(self.objective)
            raise Refused(
                f"engine.monitor is '{self.engine.monitor}', which no validation pass measures (it measures "
                f"{', '.join(measured)} and by level or dimension {', '.join(by_part)})",
                fix="write engine.monitor=loss",
                field="engine.monitor",
            )
        return self
