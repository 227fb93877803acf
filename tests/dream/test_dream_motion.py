"""Loops, clips, continuations, in-betweens and morphs from a prior of clips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tilework import dream
from tilework.dream.how import Fact, What
from tilework.dream.joining import weights
from tilework.dream.judged import loop_report
from tilework.dream.opened import Dreamer
from tilework.dream.repainting import Rectangle
from tilework.errors import UserError

Make = Callable[..., Dreamer]


def notes(dreamed: dream.Dreamed) -> dict[Fact, tuple[object, ...]]:
    return {note.fact: note.values for note in dreamed.how.notes}


def test_a_loop_has_the_priors_frames_with_others_between(loops: Make) -> None:
    dreamer = loops()
    found = dream.motion(dreamer, label="polygons", seed=3)
    assert found.what is What.LOOP
    assert found.images.shape == (1, 24, 32, 32, 1)
    assert notes(found)[Fact.KEY_FRAMES] == (12, "latents")
    assert Fact.UNSEEN_LENGTH not in notes(found)
    (asked,) = dreamer.prior.calls.seen
    assert not asked.known.any()
    assert asked.labels.tolist() == [dreamer.classes.index("polygons")]
    assert found.how.labels == ("polygons",)
    assert found.tokens is None, "half of the frames lie between tokens"
    keys = dream.motion(dreamer, 12, label="polygons", seed=3, compare=False)
    assert keys.tokens is not None
    assert np.array_equal(found.images[:, ::2], keys.images), "key frames are exact"
    middle = dreamer.latents(keys.tokens)[0, [11, 0]].mean(0)
    assert np.array_equal(found.images[0, 23], dreamer.decode_latents(middle[None])[0]), "the last goes to the first"
    again = dream.motion(dreamer, label="polygons", seed=3)
    assert np.array_equal(again.images, found.images)


def test_the_prior_draws_the_frames_between_itself(loops: Make) -> None:
    dreamer = loops()
    found = dream.motion(dreamer, 48, between="prior", seed=1, compare=False)
    assert notes(found)[Fact.KEY_FRAMES] == (12, "prior")
    assert found.tokens is not None
    assert found.tokens.shape[1] == 48
    passes = [(asked.given.shape[1], int(asked.known[0, :, 0, 0, 0].sum())) for asked in dreamer.prior.calls.seen]
    assert passes == [(12, 0), (24, 12), (48, 24)]
    keys = dream.motion(loops(), 12, seed=1, compare=False)
    assert keys.tokens is not None
    assert np.array_equal(found.tokens[:, ::4], keys.tokens)


def test_a_length_that_was_never_seen_is_allowed_and_reported(loops: Make) -> None:
    found = dream.motion(loops(), 18, compare=False)
    assert found.images.shape[1] == 18
    assert notes(found)[Fact.UNSEEN_LENGTH] == (18, 24)
    assert Fact.KEY_FRAMES not in notes(found), "the prior takes any length"
    fixed = dream.motion(loops(any_length=False), 18, compare=False)
    assert fixed.images.shape[1] == 18
    assert notes(fixed)[Fact.KEY_FRAMES] == (12, "latents")
    assert "18 frames" in dict(fixed.facts())["length"]


def test_several_loops_play_side_by_side(loops: Make) -> None:
    found = dream.motion(loops(), 12, count=3)
    film = found.film()
    assert film is not None
    assert film.frames.shape == (12, 64, 64, 1)
    assert np.array_equal(film.frames[:, :32, 32:], found.images[1])
    assert not film.frames[:, 32:, 32:].any()
    assert found.loop is not None
    assert len(found.loop.measures) == 3
    assert found.how.labels == ("lissajous", "polygons", "truchet")


def test_a_copied_loop_is_called_so_by_name(loops: Make) -> None:
    dreamer = loops("train")
    found = dream.motion(dreamer, 12, label="polygons")
    assert found.loop is not None
    (repeats,) = found.loop.repeats
    assert repeats.same
    assert repeats.name.startswith("polygons")
    assert f"repeats the training loop {repeats.name}" in " ".join(value for _, value in found.facts())
    unseen = dream.motion(loops("validation"), 12, label="polygons")
    assert unseen.loop is not None
    assert not unseen.loop.repeats[0].same


def test_a_real_loop_is_measured_within_the_training_loops(loops: Make) -> None:
    found = dream.motion(loops(), 12, count=6)
    report = found.loop
    assert report is not None
    assert report.within("energy")
    assert report.within("roughness")
    for one in report.measures:
        assert one.seam is not None
        assert one.seam < 1.6


def test_a_start_stays_as_it_is(loops: Make) -> None:
    dreamer = loops(loop=False)
    images = dreamer.parent.images
    assert images is not None
    found = dream.motion(dreamer, 20, start="validation:2", seed=2, compare=False)
    assert found.what is What.CONTINUED
    first = images.side("validation")[2]
    given = images.store.gather(np.arange(first, first + 10))
    expected = dreamer.decode(dreamer.encode(given))
    assert np.array_equal(found.images[0, :10], expected)
    assert found.images.shape[1] == 20
    assert notes(found)[Fact.START][:2] == ("validation:2", 10)
    asked = dreamer.prior.calls.seen[0]
    # Keys lie 2 apart, the last of them on the last given frame: frames 1, 3, 5, 7, 9.
    assert asked.known[0, :, 0, 0, 0].tolist() == [True] * 5 + [False] * 7
    assert np.array_equal(asked.given[0, :5].numpy(), dreamer.encode(given[1::2]))


def test_a_start_in_a_loop_lies_within_it(loops: Make) -> None:
    dreamer = loops()
    found = dream.motion(dreamer, start="validation:0", compare=False)
    asked = dreamer.prior.calls.seen[0]
    assert asked.known[0, :, 0, 0, 0].tolist() == [True] * 6 + [False] * 6
    assert found.images.shape[1] == 24


@pytest.mark.parametrize("ending", ["png", "gif", "mp4"])
def test_a_start_is_an_image_an_animation_or_a_clip(loops: Make, tmp_path: Path, ending: str) -> None:
    dreamer, path = loops(loop=False), tmp_path / f"start.{ending}"
    images = dreamer.parent.images
    assert images is not None
    pixels = images.store.gather(np.arange(6)).repeat(2, 1).repeat(2, 2)
    if ending == "png":
        Image.fromarray(pixels[0, ..., 0]).save(path)
    else:
        from tilework.explore.film import Film

        film = Film(pixels, 10)
        path.write_bytes(film.gif() if ending == "gif" else film.mp4())
    found = dream.motion(dreamer, 16, start=path, compare=False)
    used = notes(found)[Fact.START][1]
    assert used == (1 if ending == "png" else 6)
    size = (64, 64) if ending == "png" else (256, 256)
    assert notes(found)[Fact.FITTED] == (path.name, size, (32, 32))
    starts = [text for name, text in found.facts() if name == "start"]
    assert starts[0] == f"{path.name} has {size[0]}x{size[1]} pixels, brought to 32x32 as the training images were"
    assert starts[1] == (path.name if ending == "png" else f"{path.name}, its 6 frames")
    shorter = dream.motion(dreamer, 8, start=path, compare=False)
    starts = [text for name, text in shorter.facts() if name == "start"]
    if ending != "png":
        assert starts[1] == f"{path.name}, the first 4 of its 6 frames: half of the dream at most"
    exact = dreamer.decode(dreamer.encode(images.store.gather(np.arange(1))))[0].astype(float)
    assert np.abs(found.images[0, 0] - exact).mean() < 12


def test_longer_clips_are_drawn_in_windows(loops: Make) -> None:
    dreamer = loops(loop=False, any_length=False, frames=8)
    found = dream.motion(dreamer, 41, compare=False)
    assert found.images.shape[1] == 41
    assert Fact.WINDOWS in notes(found)
    known = [int(asked.known[0, :, 0, 0, 0].sum()) for asked in dreamer.prior.calls.seen]
    assert known == [0, 4, 4, 4, 4]
    one, two = dreamer.prior.calls.seen[:2]
    assert one.given.shape == two.given.shape


def test_between_two_images(loops: Make) -> None:
    dreamer = loops(loop=False)
    images = dreamer.parent.images
    assert images is not None
    first, last = images.pixels("validation", [0]), images.pixels("validation", [30])
    found = dream.between(dreamer, "validation:0", "validation:30", compare=False)
    assert found.what is What.BETWEEN
    assert found.images.shape[1] == 23
    ends = dreamer.decode(dreamer.encode(np.concatenate([first, last])))
    assert np.array_equal(found.images[0, [0, -1]], ends)
    asked = dreamer.prior.calls.seen[0]
    assert asked.known[0, :, 0, 0, 0].tolist() == [True] + [False] * 10 + [True]


def test_between_by_a_prior_of_loops_is_half_a_round(loops: Make) -> None:
    dreamer = loops()
    found = dream.between(dreamer, "validation:0", "validation:30", 13, compare=False)
    asked = dreamer.prior.calls.seen[0]
    assert asked.known[0, :, 0, 0, 0].nonzero().flatten().tolist() == [0, 6]
    assert found.images.shape[1] == 13
    assert Fact.HALF_OF_LOOP in notes(found)


def test_a_morph_goes_from_one_label_to_another_and_back(loops: Make) -> None:
    dreamer = loops()
    found = dream.morph(dreamer, "polygons", "truchet", 12, compare=False)
    assert found.what is What.MORPH
    calls = dreamer.prior.calls.seen
    a, b = dreamer.classes.index("polygons"), dreamer.classes.index("truchet")
    assert [call.labels.tolist() for call in calls] == [[a], [b], [a]]
    # The ends are each label's own loop of this seed: at frame 0, and half a round later.
    known = calls[2].known[0].flatten(1).all(1).tolist()
    assert known == [True, True, False, False, False, True, True, True, False, False, False, True]
    own = [dream.motion(loops(), 12, label=name, compare=False).tokens for name in ("polygons", "truchet")]
    assert found.tokens is not None
    assert own[0] is not None
    assert own[1] is not None
    for at in np.flatnonzero(known):
        assert np.array_equal(found.tokens[0, at], own[int(4 < at < 8)][0, at])
    # What is drawn between them goes from the one label to the other.
    mix = calls[2].mix
    assert mix is not None
    assert mix.labels.tolist() == [b]
    assert mix.weight[0].tolist() == [0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 0.75, 0.5, 0.25, 0]
    assert "polygons to truchet" in found.title()


@pytest.mark.parametrize("frames", [2, 3, 4, 5, 7, 8, 45])
def test_every_morph_has_both_labels_and_goes_evenly_between_them(frames: int) -> None:
    found = weights(frames)
    assert found[0] == 0
    assert found[frames // 2] == 1
    there, back = found[: frames // 2 + 1], np.append(found[frames // 2 :], found[0])
    assert (np.diff(there) >= 0).all()
    assert (np.diff(back) <= 0).all()
    for way in (there, -back):
        steps = np.diff(way)
        assert steps.max() <= 2.01 * steps[steps > 1e-9].min(), "no jump"


def test_a_morph_by_latents_begins_and_turns_at_the_loops(loops: Make) -> None:
    dreamer = loops(sees_both_sides=False)
    found = dream.morph(dreamer, "polygons", "truchet", 12, compare=False)
    assert Fact.CROSSFADE in notes(found)
    whole = [dream.motion(loops(), 12, label=name, compare=False) for name in ("polygons", "truchet")]
    table = dreamer.prior.table
    assert any(np.array_equal(found.images[0, 0], dreamer.decode(item[0])) for item in table)
    assert any(np.array_equal(found.images[0, 6], dreamer.decode(item[6])) for item in table)
    assert found.images.shape == whole[0].images.shape


def test_a_clip_is_repainted(loops: Make) -> None:
    dreamer = loops()
    images = dreamer.parent.images
    assert images is not None
    found = dream.repaint(dreamer, "validation:0", Rectangle(0, 0, 16, 8), 2, compare=False)
    assert found.tokens is not None
    given = images.store.gather(images.side("validation")[:24:2])
    original = dreamer.encode(given)
    assert (found.tokens[:, :, :, 2:] == original[None, :, :, 2:]).all()
    assert (found.tokens[:, :, :, :, 4:] == original[None, :, :, :, 4:]).all()
    assert found.images.shape == (2, 12, 32, 32, 1)
    with pytest.raises(UserError, match="has 1 frame"):
        dream.repaint(dreamer, images.pixels("validation", [0]), Rectangle(0, 0, 16, 8))


def test_interrupted_clips_and_key_frames_are_kept(loops: Make) -> None:
    found = dream.motion(loops(loop=False, interrupt_at=lambda call: call == 3), 23, count=5, compare=False)
    assert len(found.images) == 2
    assert notes(found)[Fact.STOPPED] == (2, 5)
    # Between key frames: they are the dream, as long as all would have been.
    keys = dream.motion(loops(interrupt_at=lambda call: call == 2), 24, between="prior", compare=False)
    assert keys.images.shape[1] == 12
    assert keys.how.fps == 15
    assert notes(keys)[Fact.STOPPED] == (12, 24)


@pytest.mark.parametrize(
    ("settings", "ask", "words"),
    [
        ({"loop": False}, lambda d: dream.motion(d, 24, loop=True), "loop"),
        ({}, lambda d: dream.motion(d, 24, loop=False), "no loop"),
        ({}, lambda d: dream.images(d, 4), "clips"),
        ({}, lambda d: dream.motion(d, 0), "--frames 0"),
        ({}, lambda d: dream.motion(d, 100_000), "--frames 100000"),
        ({}, lambda d: dream.motion(d, 24, count=0), "--count 0"),
        ({}, lambda d: dream.motion(d, 24, count=1000), "one call"),
        ({}, lambda d: dream.motion(d, 24, label="spirals"), "spirals"),
        ({}, lambda d: dream.motion(d, 24, start="gone.gif"), "gone.gif"),
        ({}, lambda d: dream.motion(d, 24, fps=0), "0 frames a second"),
        ({"any_length": False}, lambda d: dream.motion(d, 24, between="prior"), "between"),
        ({"sees_both_sides": False}, lambda d: dream.motion(d, 24, between="prior"), "between"),
        ({}, lambda d: dream.motion(d, 31, between="prior"), "whole multiple"),
        ({}, lambda d: dream.motion(d, 24, between="magic"), "magic"),
        ({"sees_both_sides": False}, lambda d: dream.between(d, "0", "1"), "towards"),
        ({}, lambda d: dream.between(d, "0", "1", 2), "nothing between"),
        ({"loop": False}, lambda d: dream.morph(d, "polygons", "truchet"), "loop"),
        ({}, lambda d: dream.morph(d, "polygons", "cubes"), "cubes"),
        ({"sees_both_sides": False}, lambda d: dream.morph(d, "polygons", "truchet", how="prior"), "way"),
    ],
)
def test_what_cannot_be_is_refused(
    loops: Make, settings: dict[str, object], ask: Callable[[Dreamer], object], words: str
) -> None:
    dreamer = loops(**settings)
    with pytest.raises(UserError) as refused:
        ask(dreamer)
    assert words in refused.value.what + refused.value.why
    assert refused.value.fix
    assert not dreamer.prior.calls.seen, "refused before anything is drawn"


def test_a_comparison_that_was_left_goes_on_where_it_was(loops: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    class Left(Exception):
        pass

    dreamer = loops()
    clips = np.zeros((1, 8, *dreamer.decode(dreamer.corpus.codes[:1]).shape[1:]), np.uint8)
    expected = loop_report(dreamer, clips, loop=True)
    dreamer.parent._found.clear()
    decode, decoded = dreamer.decode, list[int]()

    def interrupted(tokens: Any) -> Any:
        if len(decoded) == 3:
            decoded.append(0)
            raise Left
        decoded.append(len(tokens))
        return decode(tokens)

    monkeypatch.setattr(type(dreamer), "decode", lambda self, tokens: interrupted(tokens))
    with pytest.raises(Left):
        loop_report(dreamer, clips, loop=True)
    found = loop_report(dreamer, clips, loop=True)
    assert found == expected
    assert len(decoded) == len(dreamer.corpus.clips_of("train")) + 1, "nothing is decoded twice"
