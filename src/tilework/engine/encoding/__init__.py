"""From images to token folders, with a trained model: `encode` writes one, `tokens_of` gives a run's own from the cache."""

from tilework.engine.encoding.cached import tokens_of
from tilework.engine.encoding.encode import Encoded, encode
from tilework.engine.encoding.origin import Origin, open_origin

__all__ = ["Encoded", "Origin", "encode", "open_origin", "tokens_of"]
