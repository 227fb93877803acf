"""How healthy a latent is, measured over a held-out pass."""

from tilework.bottlenecks.health.duplicates import duplicate_codes
from tilework.bottlenecks.health.flat import flat_stats
from tilework.bottlenecks.health.usage import Usage, perplexity

__all__ = ["Usage", "duplicate_codes", "flat_stats", "perplexity"]
