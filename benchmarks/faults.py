"""Does the doctor find what is wrong, and does its fix help? Run: uv run --group bench benchmarks/faults.py --help

Every fault of tests/faults/catalogue.py (what may be found was written down there before the first run) is put into a healthy
recipe, on two sets of images and two seeds each, and the doctor is asked when the run has ended. Healthy runs are judged too.
`--fix` applies the first finding's fix, where the fault is one of the spec or the data, and trains again, beside two controls:
the fix of another fault, drawn at random, and the same faulty run with a new seed and no fix. `--peers` lets torchmortem and
torch-audit watch the runs of the first seed. A run that is kept already is not repeated.

    right     the first finding is one of those written down
    early     a right finding was made within the first tenth of the budget, of faults that show by then
    false     a healthy run with a finding of severity warning or above
    fix       held-out MSE within 10 % of the healthy run's, or below
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import torch
from harness import machine
from harness.fault_table import KINDS, table
from harness.fault_table import kept as kept_runs
from harness.report import RESULTS, write
from sides.training_doctors import watching

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "faults"))
from catalogue import BASES, FAULTS, SETS, Fault
from suite import Judged, judged, trained

from tilework.runs.folder import RunFolder
from tilework.runs.status import RunStatus, run_status
from tilework.runs.store import RunStore


def main() -> int:
    given = read_arguments()
    machine.keep_to_cores(given.cores)
    torch.set_num_threads(min(given.cores, len(machine.usable_cores())))
    runs: dict[str, dict[str, Any]] = kept_runs(given.output)
    broken: list[str] = []

    def kept(key: str, make: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        if key not in runs:
            try:
                with folder(given.keep, key) as scratch:
                    runs[key] = {**make(scratch), "date": date.today().isoformat()}
            except Exception:  # the others go on; this one is tried again the next time
                broken.append(key)
                traceback.print_exc()
                return {}
            write(given.output, "faults", comparisons={}, machine=machine.facts(), runs=runs)
            print(json.dumps({key: runs[key]}), file=sys.stderr)
        return runs[key]

    if given.lpips:
        os.environ["TILEWORK_LPIPS"] = given.lpips
    os.environ["TILEWORK_PREFLIGHT"] = "0"  # what it refuses would never be seen by the doctor
    if given.judge_again:
        judge_again(runs, given.keep)
        write(given.output, "faults", comparisons={}, machine=machine.facts(), runs=runs)
    for base, data, seed in healthy(given):
        kept(f"healthy {base} {data} {seed}", lambda at: watched(given, base, data, seed, at, None))  # noqa: B023
    for fault, data, seed in cases(given):
        kept(f"{fault.name} {data} {seed}", lambda at: watched(given, fault.base, data, seed, at, fault))  # noqa: B023
        if fault.sound:
            kept(f"healthy {fault.name} {data} {seed}", lambda at: sound(fault, data, seed, at))  # noqa: B023
    for kind in KINDS if given.fix else ():  # the fixes first: controls mean little without them
        for fault, data, seed in cases(given):
            fix = runs.get(f"{fault.name} {data} {seed}", {}).get("fix")
            if fix is None or fault.inject is not nullcontext:
                continue  # no change of a spec fixes what was put into the program
            changes, other = control(kind, fault, data, seed, fix, runs)
            kept(f"{fault.name} {data} {seed} {kind}", lambda at: again(fault, data, other, changes, at))  # noqa: B023
    print("\n".join(table(runs)))
    if broken:
        print(f"{len(broken)} could not be run (see above): {', '.join(broken)}", file=sys.stderr)
    return int(bool(broken))


@contextmanager
def folder(keep: Path | None, key: str) -> Iterator[Path]:
    """Where a case is trained: thrown away afterwards, or kept under its name."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="tilework-faults-") as scratch:
            yield Path(scratch)
    else:
        kept = keep / key.replace(" ", "-")
        shutil.rmtree(kept, ignore_errors=True)  # what an earlier run did not end
        kept.mkdir(parents=True)
        yield kept


def watched(
    given: argparse.Namespace, base: str, data: str, seed: int, at: Path, fault: Fault | None
) -> dict[str, Any]:
    """One run with what the doctor finds; of the first seed also what its peers find, which watch the same run."""
    with watching() if given.peers and seed == 0 else nullcontext() as peers:
        found = trained(base, data, seed, at, fault)
    return result_of(found, fault) | (
        {} if peers is None else {"peers": peers.result_of(fault.name if fault else None)}
    )


def sound(fault: Fault, data: str, seed: int, at: Path) -> dict[str, Any]:
    """The healthy run of a fault that has something beside its base."""
    return result_of(trained(fault.base, data, seed, at, None, fault.sound), None)


def judge_again(runs: dict[str, dict[str, Any]], keep: Path) -> None:
    """What the rules of now find in the runs that were kept. A fix that has changed is to be tried again."""
    faults = {fault.name: fault for fault in FAULTS}
    for key in list(runs):
        places = [path.parent for path in (keep / key.replace(" ", "-")).glob("*/run.db")]
        if not places:
            continue
        fault = faults.get(key.split()[0])
        with fault.inject() if fault else nullcontext():
            found = result_of(judged(RunFolder.find(str(places[0]), places[0].parent)), fault)
        if found["fix"] != runs[key].get("fix"):
            for kind in KINDS:
                runs.pop(f"{key} {kind}", None)
        runs[key] |= found


def result_of(found: Judged, fault: Fault | None) -> dict[str, Any]:
    """One run in plain values."""
    if run_status(found.run) is RunStatus.STOPPED:
        raise SystemExit("A run was stopped: it says nothing. The same command goes on from here.")
    first = found.diagnosis.first
    with RunStore.open(found.run.db) as store:
        steps, error = store.latest()["step"], store.last("mse", "val")
        seen = {e.payload.get("code"): e.step for e in reversed(store.events("finding"))}
    early = [code for code, step in seen.items() if fault and code in fault.right and step <= 0.1 * steps]
    return {
        "base": fault.base if fault else None,
        "shows_early": fault is None or fault.early,
        "first": found.first,
        "right": fault is not None and found.first in fault.right,
        "early": bool(early),
        "findings": [(f.code, f.severity.value, f.because) for f in found.diagnosis.findings],
        "unjudged": [u.code for u in found.diagnosis.unjudged],
        "fix": None if first is None or first.fix is None else first.fix.overrides(),
        "mse": error,
        "steps": steps,
    }


def again(fault: Fault, data: str, seed: int, changes: tuple[str, ...], at: Path) -> dict[str, Any]:
    """The faulty recipe once more, with changes. A fault in the program stays in it: only the spec is fixed."""
    try:
        return result_of(trained(fault.base, data, seed, at, fault, changes), fault)
    except Exception as error:  # a random fix need not fit
        return {"first": "", "mse": None, "refused": str(error).splitlines()[0]}


def control(
    kind: str, fault: Fault, data: str, seed: int, fix: list[str], runs: dict[str, dict[str, Any]]
) -> tuple[tuple[str, ...], int]:
    """(overrides, seed) of the fix, the fix of another fault, or another seed without any."""
    if kind == "fixed":
        return tuple(fix), seed
    if kind == "new seed":
        return (), seed + 100
    others = sorted({tuple(run["fix"]) for run in runs.values() if run.get("fix") and run["fix"] != fix})
    return random.Random(zlib.crc32(f"{fault.name} {data} {seed}".encode())).choice(others), seed


def healthy(given: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    for base in BASES:
        for data in given.sets:
            for seed in range(given.seeds):
                yield base, data, seed


def cases(given: argparse.Namespace) -> Iterator[tuple[Fault, str, int]]:
    for fault in FAULTS:
        if given.only and fault.name not in given.only:
            continue
        for data in (one for one in fault.sets if one in given.sets):
            for seed in range(given.seeds):
                yield fault, data, seed


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only",
        action="append",
        choices=[fault.name for fault in FAULTS],
        help="one fault; may be given several times",
    )
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS), help="sets of images")
    parser.add_argument("--lpips", help="file of the LPIPS weights (lpips_squeeze_v0.1.npz); default $TILEWORK_LPIPS")
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each case")
    parser.add_argument("--fix", action="store_true", help="apply the first fix, and the controls")
    parser.add_argument(
        "--peers", action="store_true", help="torchmortem and torch-audit watch the runs of the first seed"
    )
    parser.add_argument(
        "--keep", type=Path, help="keep the runs in this folder, to judge them again with changed rules"
    )
    parser.add_argument(
        "--judge-again", action="store_true", help="judge the runs in --keep by the rules of now, first"
    )
    parser.add_argument("--cores", type=int, default=1, help="cores to use")
    parser.add_argument("--output", type=Path, default=RESULTS / "faults.json", help="results file")
    given = parser.parse_args()
    if given.judge_again and given.keep is None:
        parser.error("--judge-again needs --keep, the folder with the runs")
    return given


if __name__ == "__main__":
    raise SystemExit(main())
