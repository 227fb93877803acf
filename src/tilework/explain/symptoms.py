"""What failure would look like in this model's numbers, and where a run stands by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tilework.explain.bounds import psnr_of
from tilework.explain.case import Case
from tilework.explain.facts.reading import Failure, Reading, Symptom, Verdict
from tilework.metrics import ACTIVE

SHOWN = (Verdict.COLLAPSED, Verdict.FOLLOWS)
"""Of a symptom: the run shows it."""


def symptoms(case: Case, readings: tuple[Reading, ...]) -> tuple[Symptom, ...]:
    """The ways in which this model can fail: those that its run shows, then the likeliest first."""
    read = {one.metric: one for one in readings}
    found = (*_of_codes(case, read), *_of_gaussian(case, read), _constant_image(case, read))
    return tuple(sorted(found, key=lambda one: one.verdict not in SHOWN))


def _of_codes(case: Case, read: Mapping[str, Reading]) -> Iterator[Symptom]:
    latent, values = case.latent, case.values
    if not latent.levels:
        return
    levels = [reading for name, reading in read.items() if name.startswith("perplexity.")]
    worst = min(levels, key=lambda one: float("inf") if (value := _newest(one)) is None else value, default=None)
    value = _newest(worst) if worst is not None else None
    yield Symptom(
        Failure.CODEBOOK,
        {
            **case.usage(held_out=worst is None or worst.training is None or worst.validation is not None).marks(),
            "positions": float(latent.positions),
            "levels": float(latent.levels),
            **({} if value is None else {"perplexity": value}),
        },
        worst.verdict if worst is not None else Verdict.NONE,
    )
    if latent.quantiser.rule is not None:
        yield Symptom(Failure.SHRINKING, values.known("commitment", "z_norm", "code_norm.1"))
        fair = case.step_tokens / latent.codes
        dead = {} if latent.quantiser.revival is None else {"threshold": latent.quantiser.revival * fair}
        marks = {"fair": fair, "step_tokens": float(case.step_tokens), "codes": float(latent.codes)}
        yield Symptom(Failure.DEAD_CODES, {**marks, **dead, **values.known("used.1")})
    if latent.quantiser.steps:
        yield Symptom(Failure.SATURATED, {"dims": float(latent.dim)})


def _of_gaussian(case: Case, read: Mapping[str, Reading]) -> Iterator[Symptom]:
    if case.latent.kind == "gaussian":
        verdicts = [read[name].verdict for name in ("kl", "active_units") if name in read]
        marks = {"dims": float(case.latent.dim), "active": ACTIVE, **case.values.known("kl", "active_units")}
        collapsed = Verdict.COLLAPSED if Verdict.COLLAPSED in verdicts else None
        yield Symptom(Failure.POSTERIOR, marks, collapsed or (verdicts[-1] if verdicts else Verdict.NONE))


def _constant_image(case: Case, read: Mapping[str, Reading]) -> Symptom:
    mse, blank = read.get("mse"), case.values.blank_mse
    marks = {} if not blank else {"blank_mse": blank, "blank_psnr": psnr_of(blank)}
    marks |= {"blank_images": float(case.values.blank_images), **case.values.known("mse", "psnr")}
    verdict = mse.verdict if mse is not None else Verdict.NONE
    known = mse is not None and mse.validation is not None and bool(blank)
    return Symptom(Failure.CONSTANT_IMAGE, marks, Verdict.GOOD if known and verdict is Verdict.NONE else verdict)


def _newest(reading: Reading) -> float | None:
    return reading.validation if reading.validation is not None else reading.training
