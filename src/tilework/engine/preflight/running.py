"""All checks of one session, one after another, within their time; the session is afterwards as it was before."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tilework.engine.preflight.alone import no_group
from tilework.engine.preflight.bench import Bench
from tilework.engine.preflight.contract import Check, NotChecked
from tilework.engine.preflight.counted import on_threads
from tilework.engine.preflight.registered import checks
from tilework.engine.session import Session
from tilework.engine.tasks.contract import fork_rng
from tilework.runs.folder import default_root
from tilework.runs.preflight import Preflight, Result, Verdict, Why

SECONDS = 30.0
"""So long may all checks take together; what is not started by then is listed as not checked."""


def preflight(
    session: Session,
    runs: Path | None = None,
    seconds: float = SECONDS,
    done: Callable[[int], None] = lambda count: None,
) -> Preflight:
    """Check a session at step 0. `runs` is the folder of runs; `done` is called with the number of checks that are over.

    The main process of several checks on its own, and all of them get its results. Collective.
    """
    compute = session.parts.compute
    found = _checked(session, runs or default_root(), seconds, done) if compute.main else None
    shared: Preflight = compute.shared(found)
    return shared


def _checked(session: Session, runs: Path, seconds: float, done: Callable[[int], None]) -> Preflight:
    began = time.monotonic()
    known = session.parts.spec.known_faults
    results: list[Result] = []
    with as_before(session), no_group():
        bench = Bench(session, runs, seconds)
        for check in checks():
            done(len(results))
            started = time.monotonic()
            with on_threads(1 if bench.one_thread else None):
                found = judged(check, bench)
            results.append(replace(found, seconds=time.monotonic() - started, known=found.code in known))
    return Preflight(tuple(results), time.monotonic() - began)


def judged(check: Check, bench: Bench) -> Result:
    """What one check finds, whatever happens to it."""
    try:
        if check.tasks is not None and bench.spec.task not in check.tasks:
            raise NotChecked(Why.OTHER_TASK, {"task": bench.spec.task})
        if bench.left() < check.seconds:
            raise NotChecked(Why.NO_TIME)
        return check.run(bench)
    except NotChecked as error:
        return Result(check.code, Verdict.NOT_CHECKED, error.why, error.values)
    except torch.OutOfMemoryError:
        return Result(check.code, Verdict.NOT_CHECKED, Why.NO_MEMORY)
    except Exception as error:  # a fault of a check must not keep a run from starting
        text = (str(error).splitlines() or [""])[0]
        return Result(check.code, Verdict.NOT_CHECKED, Why.ERROR, {"error": f"{type(error).__name__}: {text}"[:300]})


@contextmanager
def as_before(session: Session) -> Iterator[None]:
    """Within this block random numbers are drawn and given back, wherever they come from."""
    device = session.parts.compute.device
    ours, numpys = random.getstate(), np.random.get_state()
    mps = torch.mps.get_rng_state() if device.type == "mps" else None
    try:
        with fork_rng(device):
            yield
    finally:
        random.setstate(ours)
        np.random.set_state(numpys)
        if mps is not None:
            torch.mps.set_rng_state(mps)
        if device.type == "cuda":
            torch.cuda.empty_cache()
