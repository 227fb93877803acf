"""The autoencoder whose tokens a prior learned is not the same any more."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import PRIOR
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Finding, Fix, Missing, Severity, Words
from tilework.errors import UserError
from tilework.runs.checkpoints import named, numbered, weights_hash
from tilework.runs.folder import RunFolder


class Rule(Base):
    """**What**: the prior knows the tokens of a certain checkpoint of its parent. Where that checkpoint is gone, because the
    parent was trained on, or has other weights, its tokens mean something else and samples decode to noise.

    **Measured**: whether the parent still has the checkpoint of that step, and whether the SHA-256 of its weight files is the
    one that was written down when the prior was started; 1 = changed, against 0. A parent that is not there at all cannot be
    judged.

    **Fix**: a new prior of the checkpoint that there is.
    """

    tasks: ClassVar = (PRIOR,)

    def judge(self, case: Case) -> Finding | None:
        name, step = str(case.fact("parent")), int(case.fact("parent_step"))
        folder = _parent(case, name)
        try:
            found = named(folder.checkpoints, str(step))
        except UserError:
            newest = [at for at, _ in numbered(folder.checkpoints)]
            if not newest:
                raise CannotJudge(Missing.FACTS, name="parent") from None
            return self._found(name, step, {"gone": True, "newest": newest[-1]})
        if weights_hash(found) == case.fact("parent_weights"):
            return None
        return self._found(name, step, {"gone": False, "newest": step})

    @staticmethod
    def _found(name: str, step: int, values: dict[str, object]) -> Finding:
        return Finding(
            code="prior-tokenizer-changed",
            severity=Severity.ERROR,
            step=0,
            measured=1.0,
            threshold=0.0,
            values={"parent": name, "parent_step": step, **values},
            fix=Fix({"checkpoint": "best"}, keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"the parent {values['parent']} has no checkpoint of step {values['parent_step']:,} any more"
            if values["gone"]
            else f"the parent {values['parent']} has other weights at step {values['parent_step']:,} than it had",
            cause=f"its training went on to step {values['newest']:,}, and older checkpoints are removed"
            if values["gone"]
            else "the checkpoint was written anew or replaced",
            advice="restore that checkpoint of the parent, or train a new prior of the one that there is",
        )


def _parent(case: Case, name: str) -> RunFolder:
    """The parent where it was, else beside the prior. Raises CannotJudge where it is in neither place."""
    for path in (Path(str(case.meta.get("parent_path", ""))), case.store.db.parent.parent / name):
        if path.is_absolute() and (path / "checkpoints").is_dir():
            return RunFolder(path)
    raise CannotJudge(Missing.FACTS, name="parent")
