"""Everything that is explained of one model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tilework.explain.facts.latent import LatentSpace, Locality
from tilework.explain.facts.network import Network
from tilework.explain.facts.prior import Parent, PriorNetwork, Tokens
from tilework.explain.facts.reading import Reading, Symptom
from tilework.explain.facts.subject import Images, Subject
from tilework.explain.facts.training import Training


@dataclass(frozen=True)
class AutoencoderExplained:
    """An autoencoder: images in, the same images out."""

    subject: Subject
    images: Images
    network: Network
    latent: LatentSpace
    locality: Locality
    training: Training
    readings: tuple[Reading, ...]
    symptoms: tuple[Symptom, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class PriorExplained:
    """A prior over the tokens of an autoencoder."""

    subject: Subject
    parent: Parent
    tokens: Tokens
    network: PriorNetwork
    training: Training
    readings: tuple[Reading, ...]
    symptoms: tuple[Symptom, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


Explanation = AutoencoderExplained | PriorExplained
