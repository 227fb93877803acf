"""Small settings of every bottleneck that is registered, one for each way that it can work: adding a file adds its tests."""

from __future__ import annotations

from tilework.spec import BOTTLENECKS

EXAMPLES = [config for kind in BOTTLENECKS.kinds for config in BOTTLENECKS.config(kind).examples()]
DISCRETE = [config for config in EXAMPLES if config.build().levels]
"""Those that give codes."""


def _way(config) -> tuple[str, str]:
    return config.kind, getattr(config, "codebook", "")


TYPICAL = [config for n, config in enumerate(EXAMPLES) if _way(config) not in map(_way, EXAMPLES[:n])]
"""The first of each kind, and of each way that its codebook can learn."""


def name(config) -> str:
    """The settings that an example names itself."""
    return config.kind + "-" + "-".join(f"{k}={getattr(config, k)}" for k in sorted(config.model_fields_set - {"kind"}))
