"""The parts of a report's page, each an HTML section made from the store and the snapshots; "" where there is nothing to show."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from html import escape

import numpy as np

from tilework.doctor.events import in_words
from tilework.metrics import VALIDATION, Metrics
from tilework.report.album import Album
from tilework.report.contact_sheet import FULL_ERROR, contact_sheet, strip
from tilework.report.curves import curves
from tilework.report.dimensions import dimensions
from tilework.report.facts import Fact, reachable
from tilework.report.latent_map import Scene, latent_map, latent_story, nearest
from tilework.report.moments import Moment
from tilework.report.panels import health_panels, learning_panels, setting_panels
from tilework.report.usage import usage
from tilework.runs.records import Event
from tilework.runs.store import RunStore


def section(heading: str, body: str, aside: str = "", kind: str = "") -> str:
    """A titled block of the page. `heading` and `aside` are text, `body` is HTML."""
    note = f"<span>{escape(aside)}</span>" if aside else ""
    return f'<section class="{kind}"><h2>{escape(heading)}{note}</h2>{body}</section>'


def metrics_section(facts: Sequence[Fact], leak: str = "") -> str:
    """The cards with the key metrics, and below them why they look better than they are (`leak`), where they do."""
    cards = "".join(
        f'<dl class="figure"><dt>{escape(f.name)}</dt><dd class="big">{escape(f.big)} <small>{escape(f.unit)}</small></dd>'
        f'<dd class="more">{escape(f.more)}</dd></dl>'
        for f in facts
    )
    note = f'<p class="leak">Note: {escape(leak)}.</p>' if leak else ""
    return f'<section class="metrics" aria-label="key metrics">{cards}</section>{note}'


def images_section(album: Album, newest: Moment | None, beside_map: bool) -> str:
    """The newest held-out originals, reconstructions and errors."""
    kind = "half" if beside_map else ""
    if newest is None:
        return section(
            "held-out reconstructions", "<p>None yet: the first are stored with the first held-out pass.</p>", kind=kind
        )
    originals, reconstructions = newest.arrays["originals"], newest.arrays["reconstructions"]
    room = 560 if beside_map else 1180
    columns = max(1, min(8 if beside_map else 16, len(originals), room // (originals.shape[2] + 4)))
    sheet = contact_sheet(originals, reconstructions, columns=columns, errors=True, width=room)
    alt = f"{len(originals)} held-out images, each above its reconstruction and its error, at step {newest.step}"
    note = (
        f"From above: original, reconstruction, absolute error (full red from {FULL_ERROR} on a scale of 0 to 1). "
        "Values are shown as they are, never stretched."
    )
    aside = f"step {newest.step:,} · epoch {newest.epoch:,.4g}"
    return section(
        "held-out reconstructions", album.pixels("reconstructions", sheet, alt) + f"<p>{note}</p>", aside, kind
    )  # fmt: skip


def latent_section(album: Album, newest: Moment | None, names: Sequence[str]) -> str:
    """Maps of a 2-D latent space: encoder outputs with the first codebook, then for each level what the levels before left."""
    if newest is None:
        return ""
    points, labels = newest.arrays["points"], newest.arrays["labels"]
    codes = newest.arrays.get("codes", np.zeros((0, 0, 2)))
    counts = newest.arrays.get("counts", np.zeros((0, 0), np.int64))
    if not len(codes):
        drawn = album.figure(
            "latent",
            lambda theme: latent_map(
                points, labels, np.zeros((0, 2)), None, theme, names=names, heading="encoder outputs", width=600
            ),
            f"map of the latent space: {len(points)} held-out images coloured by class",
        )  # fmt: skip
        return section("latent space", drawn, f"step {newest.step:,}", "half")
    maps, left = [], np.asarray(points, dtype=np.float64)
    for level, (book, count) in enumerate(zip(codes, counts, strict=True), start=1):
        heading = "encoder outputs" if level == 1 else f"what level {level - 1} left over"
        maps.append(
            album.figure(
                f"latent-level-{level}",
                lambda theme, x=left, b=book, c=count, h=heading: latent_map(  # type: ignore[misc]
                    x, labels, b, c, theme, names=names, heading=h, width=590,
                    aside=f"{(c > 0).sum()} of {len(b)} codes in use",
                ),
                f"map of {heading}: {len(points)} held-out images by class, {(count > 0).sum()} of {len(book)} codes in use",
            )
        )  # fmt: skip
        left = left - book[nearest(left, np.asarray(book, dtype=np.float64))]
    note = (
        "<p>A dot is an image, a numbered box (a circle where there are many) a code. Cells are what each code claims, "
        "tinted like most of the images in them. A cross is a code that none chose.</p>"
    )
    side_by_side = f'<div class="pair">{"".join(maps)}</div>' if len(maps) > 1 else maps[0]
    aside = f"{len(points):,} held-out images, step {newest.step:,}"
    return section("latent space", side_by_side + note, aside, "half" if len(maps) == 1 else "")


def curves_section(album: Album, store: RunStore, metrics: Metrics, events: Sequence[Event]) -> str:
    """Training and validation curves: learning, codebook health, settings."""
    marks = [(e.step, e.kind) for e in events if e.kind in {"resumed", "plateau"} and not e.rewound][:12]
    body = ""
    for name, panels in (
        ("learning", learning_panels(store, metrics)),
        ("health", health_panels(store, metrics)),
        ("settings", setting_panels(store, metrics)),
    ):
        if panels:
            shown = ", ".join(p.title for p in panels)
            body += album.figure(
                f"curves-{name}",
                lambda theme, p=panels: curves(p, theme, columns=_columns(len(p)), marks=marks, width=1180),  # type: ignore[misc]
                f"curves over training steps of {shown}",
            )
    if not body:
        return section("curves", "<p>Nothing was logged yet.</p>")
    return section("curves", body, "over optimiser steps · newest value in the legend")


def _columns(panels: int) -> int:
    """Two to four panels a row, as full as can be."""
    return panels if panels < 3 else min((3, 4), key=lambda columns: -panels % columns)


def usage_section(album: Album, newest: Moment | None) -> str:
    """How often each code is chosen on held-out images."""
    if newest is None:
        return ""
    counts = np.atleast_2d(newest.arrays["counts"])
    tokens, codes = int(counts[0].sum()), counts.shape[1]
    drawn = album.figure(
        "usage", lambda theme: usage(counts, theme, of="validation", width=1180),
        f"histogram of code usage per level, {tokens} tokens over {codes} codes",
    )  # fmt: skip
    share = reachable(tokens, codes)
    note = (
        f"N = {tokens:,} tokens cannot touch all K = {codes:,} codes: used equally often, they would reach {share:.1%}. "
        if share < 0.995
        else ""
    )
    line = "The dashed line is N/K, where all codes would stand if used equally often."
    return section("code usage", f"{drawn}<p>{note}{line}</p>", f"validation, step {newest.step:,}")


def dimensions_section(album: Album, store: RunStore) -> str:
    """KL of each latent dimension of a VAE."""
    kl = [store.last(f"kl.{d}", "val") for d in range(1, 1025) if ("kl." + str(d), "val") in set(store.series())]
    values = np.array([v for v in kl if v is not None])
    if not len(values):
        return ""
    return section("latent dimensions", album.figure("dimensions", lambda theme: dimensions(values, theme, width=1180),
                   f"KL divergence of each of {len(values)} latent dimensions"), "validation, newest")  # fmt: skip


def time_section(album: Album, moments: Sequence[Moment], store: RunStore, metrics: Metrics) -> str:
    """The same held-out images at stored moments, one row each, under the originals."""
    if len(moments) < 2:
        return ""
    lead = metrics.lead(name for name, split in store.series() if split == VALIDATION)
    steps, values = store.metrics(lead.name if lead else "", VALIDATION)
    measured = dict(zip(steps.tolist(), values.tolist(), strict=True))
    originals = moments[-1].arrays["originals"]
    rows = [
        row_of_time(
            "original", "", album.pixels("over-time-original", strip(originals, width=1000), "held-out originals")
        )
    ]
    for moment in moments:
        quality = measured.get(moment.step, math.nan)
        more = f"step {moment.step:,}" + (f" · {lead.text(quality)}" if lead and math.isfinite(quality) else "")
        drawn = strip(moment.arrays["reconstructions"], width=1000)
        name = f"over-time-{moment.step:08d}"
        rows.append(
            row_of_time(
                f"epoch {moment.epoch:,.4g}", more, album.pixels(name, drawn, f"reconstructions at step {moment.step}")
            )
        )
    return section(
        "reconstructions over time",
        f'<div class="time">{"".join(rows)}</div>',
        "the same held-out images",
        "time-section",
    )


def story_section(album: Album, moments: Sequence[Moment]) -> str:
    """A 2-D latent space at several moments."""
    if len(moments) < 2:
        return ""
    scenes = []
    for moment in moments:
        codes, counts = moment.arrays.get("codes"), moment.arrays.get("counts")
        scene = Scene.of(
            moment.arrays["points"], moment.arrays["labels"],
            np.zeros((0, 2)) if codes is None or not len(codes) else codes[0],
            None if counts is None or not len(counts) else counts[0],
        )  # fmt: skip
        scenes.append((f"epoch {moment.epoch:,.4g}", scene))
    columns = 4 if len(scenes) > 3 else len(scenes)
    drawn = album.figure("latent-over-time", lambda theme: latent_story(scenes, theme, columns=columns, width=1180),
                         f"the latent space at {len(scenes)} moments of the run")  # fmt: skip
    return section(
        "latent space over time", drawn, "one frame for all" + (", codes of level 1" if len(scenes[0][1].codes) else "")
    )


def row_of_time(what: str, more: str, image: str) -> str:
    """A row of what is shown over time: when, what was measured then, and an image (HTML)."""
    return f'<div class="at">{escape(what)}<span>{escape(more)}</span></div>{image}'


def events_section(events: Sequence[Event], most: int = 60) -> str:
    """What happened, newest last; struck through what was trained again after a resume."""
    if not events:
        return section("events", "<p>Nothing happened yet.</p>", kind="half events")
    shown = list(events[-most:])
    rows = "".join(
        f'<tr class="{"rewound" if e.rewound else ""}"><td class="n">{e.step:,}</td><td>{escape(in_words(e))}</td>'
        f"<td>{time.strftime('%d %b %H:%M:%S', time.localtime(e.time))}</td></tr>"
        for e in shown
    )
    aside = f"the last {most} of {len(events):,}" if len(events) > most else ""
    head = '<tr><th class="n">step</th><th>what</th><th>when</th></tr>'
    return section("events", f"<table>{head}{rows}</table>", aside, "half events")


def spec_section(text: str) -> str:
    """The whole spec, to be trained again."""
    return section("spec", f"<pre>{escape(text)}</pre>", "spec.yaml, with every default", "half spec")
