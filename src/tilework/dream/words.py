"""What a dream is and how new it is, in words. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tilework.dream.how import Dream, Fact, How, Note, What
from tilework.dream.loops import LoopReport, Repeats
from tilework.dream.novelty import Novelty, Space, Verdict

_NOVELTY = {
    Verdict.COPIES: "these are closer to training images than unseen images are: likely copies",
    Verdict.COPIES_IN_PLACES: "some of these are closer to training images than unseen images are: likely copies",
    Verdict.PLAIN: "closer to training images than unseen images are, as plainer images always are: no sign of copies",
    Verdict.AS_UNSEEN: "as different from the training images as held-out images are",
    Verdict.FARTHER: "farther from the training images than held-out images are: new, noise, or not yet learned",
    Verdict.TOO_FEW: "too few to distinguish copies from new ones",
}
_SPACE = {Space.LATENTS: "latents of the tokens", Space.PIXELS: "decoded pixels"}
_WHAT = {
    What.IMAGES: "{n} image{s}",
    What.LOOP: "{n} loop{s} of {t} frames",
    What.CLIP: "{n} clip{s} of {t} frames",
    What.CONTINUED: "{n} continuation{s}, {t} frames",
    What.BETWEEN: "what lies between two images, {t} frames",
    What.MORPH: "a loop from one label to another, {t} frames",
    What.REPAINTED: "{n} repainted",
}
_NOTES: dict[Fact, Callable[..., tuple[str, str]]] = {
    Fact.KEY_FRAMES: lambda keys, way: (
        "frames", f"{keys} key frames drawn, those between "
        + ("drawn by the prior too" if way == "prior" else "interpolated between the latents"),
    ),
    Fact.UNSEEN_LENGTH: lambda frames, own: ("length", f"{frames} frames; the prior learned from loops of {own}"),
    Fact.STOPPED: lambda done, asked: ("stopped", f"{done} of {asked} were done"),
    Fact.START: lambda name, used, of: (
        "start",
        f"{name}, the first {used} of its {of} frames: half of the dream at most" if used < of
        else f"{name}, its {of} frames" if of > 1 else str(name),
    ),
    Fact.FITTED: lambda name, size, wanted: (
        "start", f"{name} has {size[0]}x{size[1]} pixels, brought to {wanted[0]}x{wanted[1]} as the training images were",
    ),
    Fact.CELLS: lambda cells, of, name: ("repainted", f"{cells} of {of} cells of {name}; the others stay as they are"),
    Fact.WINDOWS: lambda own, name: ("length", f"drawn in windows of {own} key frames, each given half of the one before"),
    Fact.LABELS: lambda: ("labels", "each in turn"),
    Fact.POSTERIOR: lambda name: ("drawn from", str(name)),
    Fact.HALF_OF_LOOP: lambda own: ("frames", f"half a round of a loop of {own}"),
    Fact.CROSSFADE: lambda: ("frames", "the latents of two loops, mixed"),
    Fact.ONE_SIDE: lambda name: ("repainted", f"{name} sees only the tokens before each one: edges below and behind may not fit"),
}  # fmt: skip


def title(dream: Dream) -> str:
    """What was dreamed, by what."""
    n, t = dream.images.shape[:2]
    named = _WHAT[dream.what].format(n=n, s="s" * (n != 1), t=t)
    one = dict.fromkeys(label for label in dream.how.labels if label is not None)
    of = f" of {next(iter(one))}" if len(one) == 1 else ""
    return f"{named}{of}, dreamed by {dream.of}"


def novelty_sentence(novelty: Novelty) -> str:
    """How new it is, in one plain sentence."""
    return _NOVELTY[novelty.verdict]


def novelty_metrics(novelty: Novelty, what: str = "images") -> str:
    """The metrics behind the sentence; `what` was compared."""
    training, unseen, generated = novelty.counts
    counts = f"{generated} {what} against {unseen:,} unseen and {training:,} training ones, by {_SPACE[novelty.space]}"
    if novelty.verdict is Verdict.TOO_FEW:
        return counts
    cells = f", in {len(novelty.copied_cells)} of {len(novelty.cells)} clusters copied" if novelty.cells else ""
    exact = f", {novelty.exact} exactly a training image" if novelty.exact else ""
    plain = f", {novelty.plainness.z:+.1f} among images as plain" if novelty.plainness is not None else ""
    return (
        f"z {novelty.z:+.1f}{plain}, median distance {novelty.ratio:.2f} times that of unseen{exact}{cells}; {counts}"
    )


def repeats_sentence(found: Repeats) -> str:
    """Whether a loop repeats a training loop."""
    how = [f"shifted by {found.shift:.0%} of a round"] if found.shift else []
    how += ["upside down"] if found.mirrored[0] else []
    how += ["mirrored"] if found.mirrored[1] else []
    how += ["backwards"] if found.backwards else []
    turned = f", {', '.join(how)}" if how else ""
    if found.same:
        return f"this loop repeats the training loop {found.name}{turned}"
    gap = f"{_share(found):.1f} times the usual gap between training loops"
    return f"repeats no training loop; the closest is {found.name} ({gap})"


def verdicts(dream: Dream) -> list[str]:
    """What stands below a sheet: how new it is."""
    lines = []
    if dream.novelty is not None:
        generated = dream.novelty.counts[2]
        if dream.novelty.exact:
            what = "frames" if dream.moves else "images"
            lines.append(f"{dream.novelty.exact} of {generated} {what} have exactly the tokens of a training image")
        lines.append(novelty_sentence(dream.novelty))
    if dream.loop is not None:
        same = [found for found in dream.loop.repeats if found.same]
        if len(dream.loop.repeats) == 1:
            lines.append(repeats_sentence(dream.loop.repeats[0]))
        elif dream.loop.repeats:
            names = ", ".join(dict.fromkeys(found.name for found in same))
            count = len(dream.loop.repeats)
            lines.append(
                f"{len(same)} of {count} loops repeat a training loop: {names}" if same
                else f"none of the {count} loops repeats a training loop"
            )  # fmt: skip
    return lines


def facts(dream: Dream) -> tuple[tuple[str, str], ...]:
    """Everything that is known of a dream."""
    found = [("seed", str(dream.how.seed)), *_settings(dream.how)]
    found += [_NOTES[note.fact](*note.values) for note in dream.how.notes]
    if dream.moves:
        found.append(("time", f"{dream.images.shape[1] / dream.how.fps:.2g} s at {dream.how.fps:g} frames a second"))
    if not dream.compared:
        return tuple(found)
    if dream.novelty is None:
        found.append(("novelty", "not compared: the training images are not there"))
    else:
        found.append(("novelty", novelty_sentence(dream.novelty)))
        found.append(("", novelty_metrics(dream.novelty, "frames" if dream.moves else "images")))
        if dream.novelty.diversity is not None:
            precision, recall = dream.novelty.diversity
            found.append(("diversity", f"precision {precision:.2f}, recall {recall:.2f} against unseen images"))
    return (*found, *_of_motion(dream.loop))


def _settings(how: How) -> list[tuple[str, str]]:
    if how.sampling is None:
        return []
    usual, found = type(how.sampling)(), []
    for name in ("temperature", "top_k", "top_p", "guidance", "steps", "order"):
        value = getattr(how.sampling, name)
        if value != getattr(usual, name):
            found.append(f"{name.replace('_', '-')} {value if isinstance(value, (str, int)) else f'{value:g}'}")
    return [("sampling", ", ".join(found) or "temperature 1")]


def _of_motion(report: LoopReport | None) -> list[tuple[str, str]]:
    if report is None:
        return []
    seams = [one.seam for one in report.measures if one.seam is not None]
    found = []
    if seams:
        found.append(("seam", f"{_range(seams)} times a mean step from frame to frame"))
    elif all(one.energy < 1e-4 for one in report.measures):
        found.append(("motion", "nothing moves"))
    for name, field in (("motion", "energy"), ("roughness", "roughness")):
        values = [getattr(one, field) for one in report.measures]
        within = report.within(field)
        spread = [getattr(one, field) for one in report.training]
        beside = (
            ""
            if within is None
            else f"; training loops have {_range(spread)}, {'within their range' if within else 'outside their range'}"
        )
        found.append((name, f"{_range(values)}{beside}"))
    found += [("training loops", repeats_sentence(one)) for one in report.repeats[:4]]
    return found


def _range(values: list[Any]) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _share(found: Repeats) -> float:
    return found.distance / found.apart if found.apart > 0 else float("inf")


def note_words(note: Note) -> tuple[str, str]:
    """A note as (name, value)."""
    return _NOTES[note.fact](*note.values)
