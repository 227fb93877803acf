"""What can be asked of an open model: a table from each kind to the function of `tilework.explore` that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tilework.protocol.explore import ASKS, AskKind
from tilework.studio.models.asks import dreams, files, latent, maps, tokens
from tilework.studio.models.asks.about import about
from tilework.studio.models.opening import Loaded
from tilework.studio.models.serving import Abilities, Response

_KNOWN: dict[AskKind, Callable[[Loaded, dict[str, Any]], Response]] = {
    "about": about(tuple(ASKS), maps.kinds_of_map()),
    **latent.ASKS,
    **maps.ASKS,
    **tokens.ASKS,
    **dreams.ASKS,
}
ABILITIES: Abilities[Loaded] = Abilities(asks=cast(dict[str, Any], _KNOWN), file=files.file, image=files.image)
