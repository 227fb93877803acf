"""The training loss as a rule may compare it with itself: no schedule moves it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tilework.doctor.case import Case, Curve

Values = NDArray[np.float64]
_STEADY = 1e-6
MOST = 2000


def steady_loss(case: Case, least: int = 1) -> Curve:
    """The training loss with the weights of now in every row.

    A ramp, a staircase or a setting changed by hand moves the loss that was minimised and means nothing for the model.
    Terms that some rows lack (a weight of 0 until then) are left out. Raises CannotJudge for fewer than `least` rows.
    """
    loss = case.curve("loss", "train", least)
    terms = [name.partition(".")[2] for name, split in case.names if split == "train" and name.startswith("weight.")]
    weights = {term: case.curve(f"weight.{term}", "train") for term in sorted(terms)}
    if not any(_moves(one.values) for one in weights.values()):
        return loss
    total = np.zeros(len(loss))
    counted = False
    for term, own in weights.items():
        if (term, "train") not in case.names:
            continue
        value = case.curve(term, "train")
        if len(value) == len(loss):
            total, counted = total + own.last * value.values, True
    return Curve(loss.steps, total) if counted else loss


def _moves(values: Values) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 0 and bool(np.ptp(known) > _STEADY * abs(known[-1]))


def smooth(values: Values, width: int) -> Values:
    """The running median of each value and those before it, `width` at most; non-finite ones are left out."""
    kept = np.where(np.isfinite(values), values, np.nan)
    padded = np.concatenate([np.full(width - 1, np.nan), kept])
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    found = np.full(len(values), np.nan)
    whole = np.isfinite(windows).all(1)
    found[whole] = np.median(windows[whole], axis=1)
    some = ~whole & np.isfinite(windows).any(1)
    found[some] = np.nanmedian(windows[some], axis=1)
    return found


def width_for(rows: int) -> int:
    """Rows whose median is taken: five, or a twentieth of a long run."""
    return max(5, rows // 20)


def thinned(curve: Curve) -> Curve:
    """Medians of so many rows each that 2,000 are left: a run of a million steps is judged as soon as one of a thousand."""
    each = -(-len(curve) // MOST)
    if each <= 1:
        return curve
    count = len(curve) // each
    blocks = curve.values[: count * each].reshape(count, each)
    return Curve(curve.steps[each - 1 : count * each : each], np.median(blocks, axis=1))


def started_trained(case: Case) -> bool:
    """Whether the run began with weights that were trained before: its images came back at step 0 already."""
    return case.known_at_start("psnr") > 15


def fallen(case: Case, least: int = 5) -> float:
    """How much of its first value the loss has lost: 0 = nothing, 1 = all. Raises CannotJudge for fewer than `least` rows."""
    loss = steady_loss(case, least).finite()
    if len(loss) < least:
        return 0.0
    first = float(np.median(loss.values[:2]))
    now = float(np.median(loss.values[-5:]))
    return (first - now) / max(abs(first), 1e-12)
