"""What live frames and the timeline show of a prior: samples, and which positions are hard to predict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tilework.engine.prior.samples import Sampler
from tilework.engine.prior.validate import Measured
from tilework.engine.tasks.contract import Arrays, Judged, View

_FLOAT = np.dtype(np.float32)


class PriorView(View):
    """Looks at a prior from outside: changes no weight, no buffer and no random state."""

    def __init__(self, sampler: Sampler, newest: Callable[[], Measured | None], judged: Judged) -> None:
        self.sampler, self.newest, self.judged = sampler, newest, judged

    def images(self, *, still: bool = False) -> Arrays:
        return {**self._samples(), **self._bits()}

    def kept(self, *, first: bool) -> Arrays:
        return self._bits()

    def costly(self) -> Arrays:
        return self._samples()

    def _samples(self) -> Arrays:
        with self.judged():
            tokens, _ = self.sampler.drawn()
        return {"samples": self.sampler.images(tokens)}

    def _bits(self) -> Arrays:
        found = self.newest()
        return {} if found is None or found.bits is None else {"token_bits": found.bits.mean(0).astype(_FLOAT)}
