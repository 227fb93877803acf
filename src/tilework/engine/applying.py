"""`tilework train --from RUN --apply CODE`: the spec of a new run that goes out from another, with the fix of one finding."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from tilework.doctor.diagnosis import Diagnosis, shipped
from tilework.doctor.finding import Finding, Fix
from tilework.doctor.words import lacking
from tilework.engine.findings import diagnosis_of
from tilework.engine.from_run import settled
from tilework.engine.whereabouts import found_again, paths_of, refuse_missing, with_whole_paths
from tilework.errors import TileworkError, UserError
from tilework.runs.folder import RunFolder, run_names
from tilework.runs.lock import holder
from tilework.runs.records import GONE
from tilework.runs.store import RunStore
from tilework.spec import RunSpec, load_spec
from tilework.spec.load import apply_overrides, parse_spec, read_yaml
from tilework.spec.model import FromRun
from tilework.spec.tasks import task_class


def spec_from(
    run: RunFolder, overrides: Sequence[str] = (), *, apply: str = "", fresh: bool = False, root: Path | None = None
) -> RunSpec:
    """The spec of a new run in the folder `root` (by default beside `run`): that of `run`, with the fix of the finding `apply`
    and then the overrides. It starts with the weights of `run`, unless `fresh` or the fix has it start anew.

    Raises UserError where the fix cannot be applied: an unknown code, a finding that no longer holds, a run that is being
    trained, a fix that was applied already.
    """
    finding = _finding(run, apply) if apply else None
    fix = finding.fix if finding is not None and finding.fix is not None else Fix()
    own = load_spec(str(run.spec_file))
    raw = own.model_dump(mode="json")
    fixed = parse_spec(apply_overrides(raw, fix.overrides()), str(run.spec_file))
    if apply and fixed == own:
        raise UserError(
            f"the fix of {apply} is in the spec of {run.id} already",
            why=f"{' '.join(fix.overrides())} changes nothing there, so it does not fix this run",
            fix=f"look at its other findings: tilework doctor {run.id}",
        )
    origin = FromRun(run=str(run.path), weights=fix.keep_weights and not fresh, fix=apply)
    raw |= {"from_run": origin.model_dump(mode="json")}
    spec = parse_spec(apply_overrides(raw, [*fix.overrides(), *overrides]), str(run.spec_file))
    typed = paths_of(spec) != paths_of(own)
    spec = with_whole_paths(spec) if typed else found_again(spec, run)
    refuse_missing(spec, run, given=typed, command="train --from")
    here = run.path.parent
    own_settled: RunSpec = task_class(spec.task).settled(spec, here, root or here)
    spec = settled(own_settled, here, root or here)
    if apply:
        _refuse_twice(spec, run, root or here)
    return spec


def _finding(run: RunFolder, code: str) -> Finding:
    """The finding of this code as it holds now, one that has a fix. Raises UserError where there is none."""
    if code not in shipped():
        close = difflib.get_close_matches(code.lower(), shipped(), n=1)
        raise UserError(
            f"the doctor has no finding '{code[:80]}'",
            why="--apply takes the code of a finding, as `tilework doctor` prints it",
            fix=f"did you mean {close[0]}?" if close else f"tilework doctor {run.id} lists the findings of this run",
        )
    if (who := holder(run.path)) is not None:
        raise UserError(
            f"run {run.id} is being trained by {who}, and the fix of {code} is for one that has ended",
            why="what the doctor finds may still come and go, and the weights are not those that the run ends with",
            fix="wait for its end, or end it first: Ctrl-C where it runs" + (f", or kill {who.pid}" if who.pid else ""),
        )
    found = diagnosis_of(run, probes=bool(shipped()[code].probes))
    finding = next((one for one in found.findings if one.code == code), None)
    if finding is None:
        raise _not_found(run, code, found)
    if finding.because:
        raise UserError(
            f"{code} follows from {finding.because} in {run.id}",
            why="what would help against it alone leaves its cause as it is",
            fix=f"tilework train --from {run.id} --apply {finding.because}",
        )
    if finding.fix is None:
        raise UserError(
            f"{code} has no fix that could be applied",
            why="what helps is no change of the spec",
            fix=f"tilework doctor {run.id} shows what to do",
        )
    return finding


def _not_found(run: RunFolder, code: str, found: Diagnosis) -> UserError:
    unjudged = next((one for one in found.unjudged if one.code == code), None)
    others = [one.code for one in found.findings if one.fix is not None]
    fix = f"apply what holds now: {', '.join(others)}" if others else f"see what holds now: tilework doctor {run.id}"
    if unjudged is not None:
        return UserError(f"whether {run.id} has {code} cannot be judged", why=lacking(unjudged), fix=fix)
    with RunStore.open(run.db) as store:
        rows = store.findings(code)
    if not rows:
        return UserError(f"{run.id} has no finding {code}", why="the doctor looked for it and did not find it", fix=fix)
    gone = f", gone at step {rows[-1].step:,}" if rows[-1].payload.get("change") == GONE else ""
    return UserError(
        f"{code} does not hold any more for {run.id}", why=f"it was found at step {rows[0].step:,}{gone}", fix=fix
    )


def _refuse_twice(spec: RunSpec, run: RunFolder, runs: Path) -> None:
    """Raise UserError where a run of this very spec is there already."""
    fix = spec.from_run.fix if spec.from_run is not None else ""
    for name in run_names(runs):
        if _spec_of(runs / name / "spec.yaml", fix) == spec:
            raise UserError(
                f"the fix of {fix} was applied to {run.id} already: run {name}",
                why="a second run would be the same",
                fix=f"see what became of it: tilework doctor {name}; for another one add an override, such as seed=1",
            )


def _spec_of(file: Path, fix: str) -> RunSpec | None:
    """The spec in a file, if it is that of a run with this fix; None too where it cannot be read: it is no such run."""
    try:
        raw = read_yaml(file.read_text(encoding="utf-8"), str(file))
        origin = raw.get("from_run")
        return parse_spec(raw) if isinstance(origin, dict) and origin.get("fix") == fix else None
    except (OSError, ValueError, TileworkError):
        return None
