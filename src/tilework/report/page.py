"""One page about one run: what it learned, how it got there, and what it was asked to do. No server, no network, no script."""

from __future__ import annotations

import time
from html import escape
from importlib import resources
from pathlib import Path

from tilework.doctor.diagnosis import Diagnosis, diagnose
from tilework.doctor.opening import opened
from tilework.errors import UserError
from tilework.report.album import Album
from tilework.report.facts import duration, key_facts
from tilework.report.findings import findings_section
from tilework.report.moments import Moment, evenly, load
from tilework.report.prior_sections import coding_section, hard_section, samples_over_time, samples_section
from tilework.report.sections import (
    curves_section,
    dimensions_section,
    events_section,
    images_section,
    latent_section,
    metrics_section,
    section,
    spec_section,
    story_section,
    time_section,
    usage_section,
)
from tilework.runs.atomic import atomic_write_text
from tilework.runs.folder import RunFolder
from tilework.runs.leak import leak_note
from tilework.runs.status import RunInfo, run_info
from tilework.runs.store import RunStore
from tilework.spec.plugins import AUTOENCODER

_NEEDED = {
    "reconstructions": ("originals", "reconstructions"),
    "usage": ("counts",),
    "latent": ("points", "labels"),
    "samples": ("samples",),
    "token-bits": ("bits",),
}


def report(run: RunFolder, out: Path | None = None) -> Path:
    """Write a page about `run`, and its images as PNG files into a folder of the same name beside it; gives the page's path.

    `out` is a folder or the name of an .html file; by default `report.html` in the run folder. May be called while the run
    trains. Raises UserError where the run's store cannot be read or the page cannot be written.
    """
    page = (run.path if out is None else out) / "report.html"
    if out is not None and out.suffix.lower() in {".html", ".htm"}:
        page = out
    album = Album()
    html = _page(run, album)
    album.write(page.parent / page.stem)
    atomic_write_text(page, html)
    return page


def report_page(run: RunFolder) -> str:
    """The page alone, its images within it; see `report`."""
    return _page(run, Album())


def _page(run: RunFolder, album: Album) -> str:
    info = run_info(run.path)
    with RunStore.open(run.db) as store:
        meta, events = store.meta(), store.events()
        lost: list[str] = []
        newest: dict[str, Moment | None] = {}
        for kind, needed in _NEEDED.items():
            found = load(run, store.snapshots(kind)[-1:], needed, lost)
            newest[kind] = found[-1] if found else None
        images = load(run, evenly(store.snapshots("reconstructions"), 8), _NEEDED["reconstructions"], lost)
        samples = load(run, evenly(store.snapshots("samples"), 8), _NEEDED["samples"], lost)
        latents = load(run, evenly(store.snapshots("latent"), 8), _NEEDED["latent"], lost)
        names = [str(name) for name in meta.get("classes", [])]
        maps = max(1, len(newest["latent"].arrays.get("codes", []))) if newest["latent"] else 0
        several = maps > 1
        body = [
            metrics_section(key_facts(info, meta), leak_note(meta)),
            findings_section(album, run, store, info.metrics, _diagnosis(run)),
            images_section(album, newest["reconstructions"], beside_map=maps == 1)
            if meta.get("task", AUTOENCODER) == AUTOENCODER
            else samples_section(album, newest["samples"], names),
            *_beside(
                several,
                latent_section(album, newest["latent"], names),
                curves_section(album, store, info.metrics, events)
                + usage_section(album, newest["usage"])
                + dimensions_section(album, store),
            ),
            time_section(album, images, store, info.metrics),
            story_section(album, latents),
            samples_over_time(album, samples, store, info.metrics),
            hard_section(album, newest["token-bits"]),
            coding_section(store, info.metrics),
            _lost_section(lost),
            events_section(events),
            spec_section(_spec_text(run)),
        ]
    return _html(info, meta_line(info, meta), "\n".join(part for part in body if part), "wide" if several else "")


def _diagnosis(run: RunFolder) -> Diagnosis:
    """What the doctor reports of the run now; nothing where its spec is gone, which the page notes at its end."""
    try:
        with opened(run) as case:
            return diagnose(case, tolerant=True)
    except UserError:
        return Diagnosis((), ())


def _beside(several: bool, maps: str, numbers: str) -> list[str]:
    """Several maps stand above curves and histograms, or on a wide screen beside them; one map stands beside the images."""
    if not several:
        return [maps, numbers]
    return [f'<div class="duo"><div class="stack">{maps}</div><div class="stack">{numbers}</div></div>']


def meta_line(info: RunInfo, meta: dict[str, object]) -> str:
    """When the run began, how long it took and with what."""
    parts = []
    if info.created is not None:
        parts.append(time.strftime("%d %B %Y, %H:%M", time.localtime(info.created)).lstrip("0"))
    parts.append(duration(info.seconds))
    parts += [f"{name} {meta[name]}" for name in ("torch",) if name in meta]
    return " · ".join(parts)


def _html(info: RunInfo, line: str, body: str, kind: str) -> str:
    css = (resources.files("tilework.report") / "page.css").read_text(encoding="utf-8")
    # The policy is the proof that nothing is fetched and nothing runs: only embedded images and this style.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(info.id)} · tilework</title>
<style>
{css}</style>
</head>
<body>
<header>
<span class="logo" aria-hidden="true"><i></i><i></i><i></i><i></i></span>
<h1>{escape(info.id)}</h1>
<span class="chip {escape(info.status)}">{escape(info.status)}</span>
<span class="grow"></span>
<span class="mute">{escape(line)}</span>
</header>
<main class="{kind}">
{body}
</main>
<footer>Made by tilework {escape(info.tilework)}. Metrics are of the validation split unless marked as training.</footer>
</body>
</html>
"""


def _lost_section(lost: list[str]) -> str:
    if not lost:
        return ""
    names = ", ".join(dict.fromkeys(lost))
    return section("missing", f"<p>These snapshots are named in the store and could not be read: {escape(names)}.</p>")


def _spec_text(run: RunFolder) -> str:
    try:
        return run.spec_file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"spec.yaml could not be read: {error.strerror}"
