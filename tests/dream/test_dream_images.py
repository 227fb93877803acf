"""Images and repainted images from a prior of images."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tilework import dream
from tilework.dream.how import Fact, What
from tilework.dream.novelty import Verdict
from tilework.dream.opened import Dreamer
from tilework.dream.repainting import Rectangle, read_region, touched
from tilework.errors import UserError
from tilework.priors.contract import Sampling

Make = Callable[..., Dreamer]


def facts_of(dreamed: dream.Dreamed) -> set[Fact]:
    return {note.fact for note in dreamed.how.notes}


@pytest.mark.parametrize("kind", ["vq", "rq", "fsq"])
def test_images_are_the_decoded_tokens_of_the_label(digits: Make, kind: str) -> None:
    dreamer = digits(kind)
    found = dream.images(dreamer, 20, label="3", seed=5)
    assert found.what is What.IMAGES
    assert found.tokens is not None
    assert found.images.shape == (20, 1, 32, 32, 1)
    table, labels = dreamer.prior.table, dreamer.prior.labels
    of_three = {item.numpy().tobytes() for item in table[labels == 3]}
    assert {item.tobytes() for item in found.tokens} <= of_three
    assert np.array_equal(found.images, dreamer.decode(found.tokens))
    assert found.how.labels == ("3",) * 20


def test_a_seed_is_always_the_same_and_another_is_another(digits: Make) -> None:
    dreamer = digits()
    one, again, other = (dream.images(dreamer, 24, seed=seed, compare=False) for seed in (4, 4, 5))
    assert np.array_equal(one.images, again.images)
    assert one.png() == again.png()
    assert not np.array_equal(one.images, other.images)


def test_without_a_label_each_has_its_turn(digits: Make) -> None:
    found = dream.images(digits(), 12, compare=False)
    assert found.how.labels == tuple("012345678901")
    assert Fact.LABELS in facts_of(found)


def test_the_watch_sees_tokens_come(digits: Make) -> None:
    seen: list[tuple[tuple[int, ...], bool]] = []
    dream.images(digits(), 20, watch=lambda tokens, there: seen.append((tuple(tokens.shape), bool(there.all()))))
    assert [shape[0] for shape, _ in seen] == [16, 16, 4, 4]
    assert [done for _, done in seen] == [False, True, False, True]


def test_what_is_copied_is_called_so_and_what_is_unseen_is_not(digits: Make) -> None:
    copies = dream.images(digits(side="train"), 40)
    assert copies.novelty is not None
    assert copies.novelty.verdict is Verdict.COPIES
    assert copies.novelty.exact == 40
    assert dict(copies.facts())["novelty"].endswith("likely copies")
    unseen = dream.images(digits(), 40)
    assert unseen.novelty is not None
    assert unseen.novelty.verdict is Verdict.AS_UNSEEN
    assert unseen.novelty.diversity is not None
    assert unseen.novelty.diversity[0] > 0.9
    # The sheet of each shows it: it is taller than the images alone.
    bare = dream.images(digits(), 40, compare=False)
    assert unseen.sheet().height > bare.sheet().height


def test_without_the_images_nothing_is_compared_and_that_is_reported(digits: Make) -> None:
    dreamer = digits()
    gone = replace(dreamer, parent=replace(dreamer.parent, images=None, _found={}))
    found = dream.images(gone, 4)
    assert found.novelty is None
    assert "not compared" in dict(found.facts())["novelty"]


def test_interrupted_what_is_done_is_kept(digits: Make) -> None:
    found = dream.images(digits(interrupt_at=lambda call: call == 3), 64, compare=False)
    assert len(found.images) == 32
    assert Fact.STOPPED in facts_of(found)
    assert dict(found.facts())["stopped"] == "32 of 64 were done"
    with pytest.raises(KeyboardInterrupt):
        dream.images(digits(interrupt_at=lambda call: True), 64)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda d: dream.images(d, 0), "--count 0"),
        (lambda d: dream.images(d, 5000), "one call"),
        (lambda d: dream.images(d, 4, label="threee"), "threee"),
        (lambda d: dream.images(d, 4, sampling=Sampling(top_k=25)), "--top-k 25"),
        (lambda d: dream.images(d, 4, sampling=Sampling(temperature=0)), "--temperature 0"),
        (lambda d: dream.images(d, 4, sampling=Sampling(temperature=-1)), "--temperature -1"),
        (lambda d: dream.images(d, 4, sampling=Sampling(temperature=float("nan"))), "--temperature nan"),
        (lambda d: dream.images(d, 4, sampling=Sampling(top_p=0)), "--top-p 0"),
        (lambda d: dream.images(d, 4, sampling=Sampling(top_p=1.1)), "--top-p 1.1"),
        (lambda d: dream.motion(d, 30), "prior of images"),
        (lambda d: dream.motion(d, loop=True), "prior of images"),
        (lambda d: dream.between(d, "0", "1"), "prior of images"),
        (lambda d: dream.morph(d, "1", "2"), "prior of images"),
        (lambda d: dream.repaint(d, "0", Rectangle(40, 40, 4, 4)), "touches no cell"),
        (lambda d: dream.repaint(d, "0", Rectangle(0, 0, 0, 4)), "touches no cell"),
        (lambda d: dream.repaint(d, "0", np.ones((3, 3), bool)), "3x3"),
        (lambda d: dream.repaint(d, "0", Rectangle(0, 0, 4, 4), 0), "--count 0"),
        (lambda d: dream.repaint(d, "99999", Rectangle(0, 0, 4, 4)), "validation:99999"),
        (lambda d: dream.repaint(d, "no-such.png", Rectangle(0, 0, 4, 4)), "no-such.png"),
        (lambda d: dream.repaint(d, np.zeros((8, 8, 1), np.uint8), Rectangle(0, 0, 4, 4)), "(1, 1, 8, 8)"),
    ],
)
def test_what_cannot_be_is_refused(digits: Make, ask: Callable[[Dreamer], object], words: str) -> None:
    with pytest.raises(UserError) as refused:
        ask(digits())
    assert words in refused.value.what + refused.value.why
    assert refused.value.fix


def test_a_prior_without_labels_refuses_one(digits: Make) -> None:
    dreamer = digits()
    dreamer.prior.shape = replace(dreamer.prior.shape, classes=0)
    with pytest.raises(UserError, match="knows no labels"):
        dream.images(dreamer, 4, label="3")
    with pytest.raises(UserError, match="--guidance"):
        dream.images(dreamer, 4, sampling=Sampling(guidance=2))
    found = dream.images(dreamer, 4, compare=False)
    assert found.how.labels == (None,) * 4


def test_repainting_keeps_all_tokens_outside(digits: Make) -> None:
    dreamer = digits("rq")
    opened = dreamer.parent
    assert opened.images is not None
    original = opened.model.codes(opened.images.pixels("validation", [4])).numpy()
    found = dream.repaint(dreamer, "validation:4", Rectangle(9, 3, 8, 6), 6, seed=1)
    assert found.tokens is not None
    assert found.repainted is not None
    # Pixels 9..16 by 3..8 of 32 lie in cells 2..4 by 0..2 of 8.
    expected = np.zeros((8, 8), bool)
    expected[0:3, 2:5] = True
    assert np.array_equal(found.repainted, expected)
    assert (found.tokens[:, 0][:, :, ~expected] == original[:, :, ~expected]).all()
    assert (found.tokens[:, 0][:, :, expected] != original[:, :, expected]).any()
    asked = dreamer.prior.calls.seen[0]
    assert torch.equal(asked.known[0, 0, 0], torch.from_numpy(~expected))
    assert dict(found.facts())["repainted"] == "9 of 64 cells of validation:4; the others stay as they are"
    assert found.before is not None
    assert np.array_equal(found.before[0, 0], dreamer.decode(original)[0])


def test_a_mask_is_a_file(digits: Make, tmp_path: object) -> None:
    dreamer, path = digits(), f"{tmp_path}/mask.png"
    mask = np.zeros((64, 64), np.uint8)
    mask[10:12, 40:60] = 255
    Image.fromarray(mask).save(path)
    cells = touched(dreamer, read_region(dreamer, path))
    expected = np.zeros((8, 8), bool)
    expected[1, 5:8] = True
    assert np.array_equal(cells, expected)
    with pytest.raises(UserError, match="no region"):
        read_region(dreamer, "1,2,3")
    Image.new("L", (8, 8)).save(path)
    with pytest.raises(UserError, match="touches no cell"):
        touched(dreamer, read_region(dreamer, path))


def test_an_image_of_another_size_is_fitted_and_that_is_reported(digits: Make, tmp_path: object) -> None:
    Image.new("RGB", (100, 80), "white").save(f"{tmp_path}/own.png")
    found = dream.repaint(digits(), f"{tmp_path}/own.png", Rectangle(0, 0, 4, 4), 1, compare=False)
    assert dict(found.facts())["start"].startswith("own.png has 100x80 pixels, brought to 32x32")


def test_a_dream_shows_itself_in_a_notebook(digits: Make) -> None:
    found = dream.images(digits(), 9)
    assert Image.open(io.BytesIO(found._repr_png_())).width > 200
    assert found._repr_html_().startswith("<img")
    page = found.html()
    assert "novelty" in page
    assert "prior-vq" in page
