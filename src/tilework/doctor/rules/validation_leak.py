"""Training has seen what validation measures by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Finding, Fix, Missing, Severity, Words
from tilework.runs.leak import FACT

SEEN = 0.5
"""Of the held-out images, those with a near twin or a neighbouring frame in training. Independent images of one kind have
some that look alike: 12 % of the digits do, 6 % of drawn loops; a stretch of 18 frames has 4 at its edges."""
SAME = 0.1
"""Of the held-out images, those that are in training pixel for pixel: chance makes none."""


class Rule(Base):
    """**What**: held-out error looks better than it is, because the same images, or the frames right beside them, are trained
    on.

    **Measured**: of the held-out images, the share that is in training pixel for pixel, against 0.1; that has a near twin
    there, or a neighbour at most two frames away, against 0.5. An error where nearly all of them are: validation is the
    training set then.

    **Mistaken for it**: images of one kind that look alike, of which a tenth may have a near twin.

    **Fix**: one of each copy; groups (clips), else clusters of near twins, on one side only; a split of the data's own is
    drawn anew.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = ("images-duplicate",)

    def judge(self, case: Case) -> Finding | None:
        leak = case.fact(FACT)
        if not isinstance(leak, Mapping) or not leak.get("examined"):
            raise CannotJudge(Missing.FACTS, name=FACT)
        examined = int(leak["examined"])
        shares = {kind: int(leak.get(kind, 0)) / examined for kind in ("identical", "near_twins", "neighbours")}
        over = {kind: share / (SAME if kind == "identical" else SEEN) for kind, share in shares.items()}
        kind = max(over, key=lambda one: over[one])
        if over[kind] <= 1:
            return None
        return Finding(
            code="validation-leak",
            severity=Severity.ERROR if shares["identical"] > 0.9 else Severity.WARNING,
            step=0,
            measured=shares[kind],
            threshold=SAME if kind == "identical" else SEEN,
            values={"kind": kind, "count": int(leak[kind]), "examined": examined, "by": str(leak.get("by", ""))},
            fix=Fix(self._changes(case, str(leak.get("by", "")), kind), keep_weights=False),
        )

    @staticmethod
    def _changes(case: Case, by: str, kind: str) -> dict[str, Any]:
        """A split that keeps apart what this one does not."""
        if by == "official":
            return {"data.split.official": False, "data.split.by": "cluster"}
        if kind == "identical":
            return {"data.duplicates": "drop"}
        if kind == "neighbours" and by in {"frame", "segment"}:
            return {"data.split.by": "group"}
        return {"data.split.by": "cluster"} if by != "cluster" else {"data.duplicates": "drop-near"}

    def words(self, finding: Finding) -> Words:
        values = finding.values
        seen = {
            "identical": "are in training, pixel for pixel",
            "near_twins": "have a near twin in training",
            "neighbours": "are within two frames of a training image",
        }
        return Words(
            title=f"{values['count']:,} of {values['examined']:,} held-out images {seen[values['kind']]}",
            cause=f"the split by {values['by'] or 'image'} does not keep them apart",
            advice="held-out error means nothing for new images until they are; start again with another split",
        )
