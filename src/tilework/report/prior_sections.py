"""The parts of a report that only a prior has: its samples, now and over time, what plain codes take, and what is hard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from tilework.metrics import VALIDATION, Metrics, part_of, values_of
from tilework.report.album import Album
from tilework.report.contact_sheet import samples_sheet
from tilework.report.moments import Moment
from tilework.report.predicted import hard_positions
from tilework.report.sections import row_of_time, section
from tilework.runs.store import RunStore

_WIDE, _IN_TIME = 1180, 1000
_CODES = {
    "uniform": "all codes equally likely: log2 K",
    "unigram": "each code by its share of the training tokens",
    "copy": "the token of the frame before, or else as unigram",
}
"""What the plain codes do, in words."""


def samples_section(album: Album, newest: Moment | None, names: Sequence[str]) -> str:
    """What the prior draws now: images, or clips with a row each."""
    if newest is None:
        return ""
    samples = newest.arrays["samples"]
    labels = newest.arrays.get("labels", np.full(len(samples), -1))
    sheet = samples_sheet(samples, width=_WIDE)
    labelled = [names[label] for label in labels.tolist() if 0 <= label < len(names)]
    given = f" Their labels: {escape(', '.join(dict.fromkeys(labelled)))}." if labelled else ""
    what = "images" if samples.shape[1] == 1 else "clips, a row each, from left to right"
    alt = f"{len(samples)} samples of the prior at step {newest.step}"
    body = album.pixels("samples", sheet, alt)
    return section(
        "samples",
        f"{body}<p>{len(samples)} {what}, drawn from the same seed at every moment and decoded by the parent.{given}</p>",
        f"step {newest.step:,} · epoch {newest.epoch:,.4g}",
    )


def samples_over_time(album: Album, moments: Sequence[Moment], store: RunStore, metrics: Metrics) -> str:
    """The first samples at stored moments, one row each: the same seed, other weights."""
    if len(moments) < 2:
        return ""
    steps, values = store.metrics("bits", VALIDATION)
    measured = dict(zip(steps.tolist(), values.tolist(), strict=True))
    rows = []
    for moment in moments:
        samples = moment.arrays["samples"]
        shown = samples[:, 0] if samples.shape[1] == 1 else samples[0]
        bits = measured.get(moment.step, math.nan)
        more = f"step {moment.step:,}" + (f" · {metrics['bits'].text(bits)}" if math.isfinite(bits) else "")
        drawn = samples_sheet(shown[None], width=_IN_TIME, cut=True)
        name = f"samples-over-time-{moment.step:08d}"
        rows.append(
            row_of_time(f"epoch {moment.epoch:,.4g}", more, album.pixels(name, drawn, f"samples at step {moment.step}"))
        )
    return section("samples over time", f'<div class="time">{"".join(rows)}</div>', "the same seed", "time-section")


def coding_section(store: RunStore, metrics: Metrics) -> str:
    """Bits per token of the prior beside those of plain codes."""
    newest = {name: store.last(name, VALIDATION) for name, split in store.series() if split == VALIDATION}
    found = {name: value for name, value in newest.items() if value is not None}
    own, plain = found.get("bits"), values_of(metrics["coding"], found)
    if own is None or not plain:
        return ""
    lines = [("this prior", own, ""), *((part_of(n), v, _CODES.get(part_of(n), "")) for n, v in plain.items())]
    best = min(plain.values())
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="n">{bits:.3f}</td><td>{escape(how)}</td></tr>'
        for name, bits, how in lines
    )
    head = '<tr><th>code</th><th class="n">bits per token</th><th></th></tr>'
    verdict = (
        f"{1 - own / best:.0%} fewer bits than the best plain code" if own < best else "no better than a plain code yet"
    )
    return section("against plain codes", f"<table>{head}{rows}</table>", verdict, "half")


def hard_section(album: Album, newest: Moment | None) -> str:
    """Where tokens are hard to predict."""
    if newest is None:
        return ""
    bits: NDArray[np.float32] = newest.arrays["bits"]
    if bits.ndim != 4 or not bits.size or not np.isfinite(bits).all():
        return ""
    drawn = album.figure(
        "token-bits", lambda theme: hard_positions(bits, theme, width=1180),
        f"map of bits per token over {bits.shape[3]} x {bits.shape[2]} positions",
    )  # fmt: skip
    return section("what is hard to predict", drawn, f"bits per token, validation, step {newest.step:,}")
