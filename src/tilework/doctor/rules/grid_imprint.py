"""The token grid is printed on smooth areas."""

from __future__ import annotations

from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Severity, Words
from tilework.doctor.probed import image_of, looked, need_steps, settled, step_of

SEEN = 3.0
"""Grey levels of a pattern, as a root mean square, in smooth areas of held-out images."""
VISIBLE = 2.0
"""From about here it can be seen on a plain area; asked of a decoder whose steps up print for certain."""
AREAS = 0.2
"""Share of smooth areas in which the pattern is there and stands out."""
EARLY = 500
"""Steps before which a pattern may still be learned away."""


class Rule(Base):
    """**What**: on smooth areas (sky, walls, paper) there is a pattern that repeats from token to token.

    **Measured**: in windows of 3 x 3 tokens in which held-out images are smooth, the part of the error at the frequencies of
    the token grid, less what neighbouring frequencies have, as a root mean square in grey levels: at least 3 over all
    windows, and in at least 20 % of them at least 2 and four times the power of its neighbours. Images of one colour, of
    colours that smooth areas have, are looked at as well: where no held-out image is smooth they are all there is, and it is
    only good to know.

    A warning where held-out error has fallen by less than 15 % in the second half of the steps; else the model still learns,
    and it is only good to know. Before step 500 a pattern may still be learned away: it is judged where the run has come to its
    end all the same, and then it is only good to know. Where the decoder steps up by transposed convolutions of an odd kernel, 2
    grey levels are enough and it is a warning from the first: some pixels are made of more products than others, whatever the
    weights are.

    **Cause**: stride-2 transposed convolutions, which give some pixels more to add up than others (Odena 2016, doi
    10.23915/distill.00003); too few blocks at the resolution of the latent, so that each token draws for itself; a perceptual
    term of too large a weight.

    **Fix**: enlarging by nearest neighbour and convolving after it; where that is so already, two more blocks next to the
    latent. Anew.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("smooth-areas", "flat-colours")
    follows_from: ClassVar = (
        "output-cut",
        "constant-output",
        "codebook-collapse",
        "quantiser-loss-cliff",
        "loss-diverging",
        "learning-rate-high",
        "term-dominates",
        "perceptual-range",
        "train-eval-differ",
        "dead-units",
        "device-differs",
    )

    def judge(self, case: Case) -> Finding | None:
        smooth = looked(case, "smooth-areas")
        if smooth is None:
            return None
        try:
            flat = looked(case, "flat-colours") or {}
        except CannotJudge:
            flat = {}
        certain = _uneven(case)
        seen = VISIBLE if certain else SEEN
        pattern = float(flat.get("grid", 0.0))
        if "grid" in smooth:
            measured, share, alone = float(smooth["grid"]), float(smooth["grid_share"]), False
            printed = measured >= seen and share >= AREAS
        else:
            measured, share, alone = pattern, 0.0, True
            printed = pattern >= seen
        if not printed:
            return None
        early = step_of(case, smooth) < EARLY
        if case.progress < 1:
            need_steps(case, smooth, EARLY)
        learns = not certain and (early or not settled(case))
        return Finding(
            code="grid-imprint",
            severity=Severity.INFO if alone or learns else Severity.WARNING,
            step=step_of(case, smooth),
            measured=measured,
            threshold=seen,
            values={
                "share": share,
                "colours": pattern,
                "alone": alone,
                "learns": learns,
                "windows": int(smooth["windows"]),
            },
            evidence=image_of(flat) if flat.get("image") else image_of(smooth) if smooth else Evidence(),
            fix=Fix(_changes(case), keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        where = "images of one colour" if values["alone"] else f"{values['share']:.0%} of smooth areas"
        return Words(
            title=f"the token grid shows in {where}: a pattern of {finding.measured:.1f} grey levels that repeats from token "
            "to token",
            cause="the model still learns; a pattern may go by itself"
            if values["learns"]
            else "the decoder's steps up do not treat all pixels of a token alike, and nothing behind them smooths it out",
            advice="step up by nearest neighbour and a convolution, or let blocks at the latent look at their neighbours",
        )


def _uneven(case: Case) -> bool:
    """Whether a kernel that the stride does not divide draws the images (Odena 2016)."""
    kernel = case.setting("decoder.kernel") or case.setting("encoder.kernel", 4)
    return _transposed(case) and int(kernel) % 2 == 1


def _transposed(case: Case) -> bool:
    return bool(case.setting("decoder.upsample", "transposed") != "resize")


def _changes(case: Case) -> dict[str, Any]:
    if _transposed(case):
        return {"decoder.upsample": "resize"}
    blocks = case.setting("decoder.tail_blocks")
    if blocks is None:
        blocks = case.setting("encoder.tail_blocks", 0)
    return {"decoder.tail_blocks": int(blocks or 0) + 2}
