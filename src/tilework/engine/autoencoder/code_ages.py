"""How long each code has waited for a token, and when it was last revived."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.engine.tasks.contract import Arrays


class CodeAges:
    """Remembers revivals that the bottleneck itself forgets when their cooldown is over."""

    def __init__(self) -> None:
        self._revived: NDArray[np.int32] | None = None

    def arrays(self, health: Mapping[str, Tensor], step: int) -> Arrays:
        """`idle` (Q, K) steps without a token; `revived` (Q, K) the step of each code's last revival, -1 = none is known."""
        if "idle" not in health:
            return {}
        found: Arrays = {"idle": health["idle"].to(torch.int32).cpu().numpy()}
        if "revived_ago" in health:
            since = health["revived_ago"].to(torch.int32).cpu().numpy()
            before = self._revived if self._revived is not None else np.full(since.shape, -1, np.int32)
            # Known exactly while the cooldown runs; after it, what was seen then.
            self._revived = np.where(since >= 0, step - since, before).astype(np.int32)
            found["revived"] = self._revived
        return found
