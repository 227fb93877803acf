"""What can be asked of an open model: a table from each kind to the function of `tilework.explore` that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tilework.protocol.explore import ASKS, AskKind
from tilework.studio.models.asks import about, files, latent, tokens
from tilework.studio.models.opening import Loaded
from tilework.studio.models.serving import Abilities, Answer

_KNOWN: dict[AskKind, Callable[[Loaded, dict[str, Any]], Answer]] = {**about.ASKS, **latent.ASKS, **tokens.ASKS}
_KNOWN["about"] = about.about([kind for kind in ASKS if kind == "about" or kind in _KNOWN], ["pca", "dimensions"])
ABILITIES: Abilities[Loaded] = Abilities(asks=cast(dict[str, Any], _KNOWN), file=files.file, image=files.image)
