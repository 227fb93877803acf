"""How healthy a latent is, measured over a held-out pass."""

from tilework.bottlenecks.health.activity import Activity
from tilework.bottlenecks.health.duplicates import duplicate_codes
from tilework.bottlenecks.health.flat import flat_stats
from tilework.bottlenecks.health.usage import LevelUsage, Usage, expected_used, perplexity

__all__ = ["Activity", "LevelUsage", "Usage", "duplicate_codes", "expected_used", "flat_stats", "perplexity"]
