"""What a rule is. Each is one file of `doctor/rules`, found by its name; the docstring of its `Rule` is its manual."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.finding import Finding, Words

AUTOENCODER, PRIOR = "autoencoder", "prior"


class Rule(ABC):
    """One thing that may be wrong with a run.

    The docstring states what is looked for, how it is measured and against which threshold, why that one (with its
    source), what it is mistaken for, and what the fix does. `doctor/rules/dead_codes.py` is the rule of the code
    `dead-codes`.
    """

    tasks: ClassVar[tuple[str, ...]] = (AUTOENCODER, PRIOR)
    """The tasks whose runs it holds for."""
    follows_from: ClassVar[tuple[str, ...]] = ()
    """Codes of the rules that explain this one: where one of them has found something, this finding is its consequence."""
    probes: ClassVar[tuple[str, ...]] = ()
    """Probes of the model or the images that it reads, beside rows."""

    @abstractmethod
    def judge(self, case: Case) -> Finding | None:
        """What is wrong; None where nothing is, or where it does not apply. Raises CannotJudge where something that it needs
        is missing."""

    @abstractmethod
    def words(self, finding: Finding) -> Words:
        """The finding in words, made from its values alone."""
