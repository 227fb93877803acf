"""What a probe is: it looks at a trained model or its images, and gives numbers by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tilework.engine.probing.subject import Subject

Pixels = NDArray[np.uint8]
LEVELS = 255.0
"""Numbers of probes that speak of brightness are in grey levels, 0 to 255, as a person reads them."""


@dataclass(frozen=True)
class Measured:
    """What a probe found: plain numbers and names, and a small image (H, W, 3) where one convinces."""

    values: Mapping[str, Any]
    image: Pixels | None = None


class Probe(ABC):
    """One look at a model. The docstring of the subclass states what it measures, and in which units.

    Within `measure` no gradient is kept and random numbers are given back afterwards. The model of the subject is a copy, and
    no probe changes it; whoever needs another mode or a moved weight takes a copy of the copy.
    """

    order: ClassVar[int] = 50
    """Probes go from the smallest to the largest, until the time is over."""
    of_images: ClassVar[bool] = False
    """Whether it looks at the images alone: what it finds holds from the first step on, and is reported then."""

    @abstractmethod
    def measure(self, subject: Subject) -> Measured:
        """Look. Raises NotMeasured or NotApplicable."""
