"""The page Dream in a browser, on really trained priors: what is on screen is what `tilework.dream` gives for the same."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import SECONDS, expect, until
from dreamt import trained_image_prior, trained_prior
from numpy.typing import NDArray
from PIL import Image
from served_page import OPEN, Served, serving
from test_web_tokens import query_of

from tilework import dream
from tilework.dream.given import Frames
from tilework.dream.given import frames_of as dream_frames
from tilework.dream.opened import Dreamer
from tilework.dream.repainting import repaint_tokens
from tilework.dream.words import verdicts
from tilework.priors.contract import Sampling

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dreams") / "runs"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Served]:
    with serving(root) as found:
        yield found


@pytest.fixture(scope="module")
def prior(root: Path, once: Callable[..., Path], shared_cache: None) -> Callable[[str], Dreamer]:
    """A prior, with its run and that of its tokenizer where the studio serves them."""
    known: dict[str, Dreamer] = {}

    def get(kind: str) -> Dreamer:
        if kind not in known:
            run = (trained_prior if kind == "loops" else trained_image_prior)(once)
            shutil.copytree(run.path.parent, root, dirs_exist_ok=True, ignore=OPEN)
            known[kind] = dream.open_dreamer(run.id, runs=root, device="cpu")
        return known[kind]

    return get


def open_dream(page: Any, served: Served, name: str, query: str = "") -> None:
    page.goto(f"{served.origin}/#/runs/{name}/dream{query}")
    done(page)


def done(page: Any) -> None:
    expect(page.locator('[data-condition="done"]')).to_be_visible(timeout=1000 * SECONDS)


def wait_for_item(page: Any, n: int, wanted: NDArray[np.uint8]) -> None:
    """Until the image of an item is this one, to the last bit."""
    until(
        page,
        f"""((want, c) => {{
          const canvas = document.querySelector('[data-item="{n}"] canvas')
          if (!canvas || canvas.width * canvas.height * c !== want.length) return false
          const got = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
          return want.every((value, i) => got[4 * Math.floor(i / c) + (i % c)] === value)
        }})({[int(value) for value in wanted.reshape(-1)]}, {wanted.shape[-1]})""",
        SECONDS,
    )


def paint(page: Any, first: tuple[int, int], last: tuple[int, int]) -> None:
    """A stroke of the brush from the middle of a cell to that of another."""
    ground = page.locator('[aria-roledescription="token grid"]')
    expect(ground).to_have_attribute("data-cells", re.compile(","))
    left, top, width, height = (float(part) for part in ground.get_attribute("data-cells").split(","))
    box = ground.bounding_box()
    places = [(box["x"] + left + (x + 0.5) * width, box["y"] + top + (y + 0.5) * height) for y, x in (first, last)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=4)
    page.mouse.up()


def test_images_are_those_of_the_same_seed_and_settings(page: Any, served: Served, prior: Any) -> None:
    dreamer = prior("digits")
    open_dream(page, served, dreamer.name, "?n=4&seed=3&temperature=0.8&top_k=12")
    wanted = dream.images(dreamer, 4, sampling=Sampling(0.8, 12), seed=3)
    for n in range(4):
        wait_for_item(page, n, wanted.images[n, 0])
    for verdict in verdicts(wanted):
        expect(page.locator(".status")).to_contain_text(verdict[1:])
    expect(page.get_by_role("listbox")).to_contain_text("3")  # its label
    # Another seed, typed; the address follows and gives the same again.
    page.get_by_role("button", name="Seed: 3; type a number").click()
    page.get_by_role("textbox", name="Seed").fill("11")
    page.keyboard.press("Enter")
    page.locator("button.main").click()
    wanted = dream.images(dreamer, 4, sampling=Sampling(0.8, 12), seed=11)
    wait_for_item(page, 3, wanted.images[3, 0])
    assert query_of(page)["seed"] == "11"
    page.reload()
    wait_for_item(page, 3, wanted.images[3, 0])


def test_a_painted_region_is_drawn_anew_and_the_rest_stays(page: Any, served: Served, prior: Any) -> None:
    dreamer = prior("digits")
    open_dream(page, served, dreamer.name, "?n=2&seed=5")
    before = dream.images(dreamer, 2, seed=5)
    page.locator('[data-item="1"]').click()
    page.keyboard.press("b")
    paint(page, (0, 0), (0, 2))
    expect(page.locator(".status")).to_contain_text("3 of")
    page.keyboard.press("g")
    done(page)
    query = query_of(page)
    assert query["then"].startswith("r.1.")
    seed = int(query["then"].split(".")[2])
    cells = np.zeros((dreamer.grid.height, dreamer.grid.width), bool)
    cells[0, :3] = True
    assert before.tokens is not None
    wanted = repaint_tokens(dreamer, before.tokens[1], cells, 4, label="1", seed=seed)
    assert wanted.tokens is not None
    assert (wanted.tokens[..., ~cells] == before.tokens[1][..., ~cells]).all()
    for n in range(4):
        wait_for_item(page, n, wanted.images[n, 0])
    page.reload()  # the address has all of it
    wait_for_item(page, 2, wanted.images[2, 0])
    page.keyboard.press("z")
    wait_for_item(page, 1, before.images[1, 0])
    assert "then" not in query_of(page)


def decoded(dreamer: Dreamer, origin: str) -> tuple[NDArray[np.int64], NDArray[np.uint8], str | None]:
    """Tokens (1, Q, h, w) of an image of the validation side, what they decode to, and its label."""
    found = dream_frames(dreamer.parent, origin)
    codes = dreamer.encode(found.pixels[:1])
    images = dreamer.parent.images
    assert images is not None
    position = images.side("validation")[int(origin.split(":")[1])]
    return codes, dreamer.decode(codes)[0], dreamer.label_name(int(images.store.labels[position]))


def test_an_image_is_begun_with_and_a_part_of_it_drawn_anew(page: Any, served: Served, prior: Any) -> None:
    dreamer = prior("digits")
    open_dream(page, served, dreamer.name, "?n=2&seed=5")
    page.get_by_role("button", name="From image").click()
    wait_for_item(page, 0, decoded(dreamer, "validation:0")[1])
    page.locator('[data-origin="validation:4"]').click()
    codes, image, label = decoded(dreamer, "validation:4")
    wait_for_item(page, 0, image)
    assert query_of(page)["of"] == "validation:4"
    expect(page.get_by_role("button", name="Command")).to_be_disabled()
    page.keyboard.press("Enter")  # on the image that is chosen: what the button shows
    paint(page, (1, 1), (1, 2))
    expect(page.get_by_role("button", name="Draw 2 cells anew Enter")).to_be_visible()
    page.keyboard.press("Enter")
    done(page)
    seed = int(query_of(page)["then"].split(".")[2])
    cells = np.zeros((dreamer.grid.height, dreamer.grid.width), bool)
    cells[1, 1:3] = True
    wanted = repaint_tokens(dreamer, codes, cells, 4, label=label, seed=seed)
    for n in range(4):
        wait_for_item(page, n, wanted.images[n, 0])
    page.reload()  # the address has all of it
    wait_for_item(page, 3, wanted.images[3, 0])
    page.locator("button.main").click()  # another way
    until(page, f"!location.hash.includes('r.0.{seed}.')")
    done(page)
    again = repaint_tokens(dreamer, codes, cells, 4, label=label, seed=int(query_of(page)["then"].split(".")[2]))
    wait_for_item(page, 1, again.images[1, 0])
    page.keyboard.press("z")
    wait_for_item(page, 0, image)


@pytest.mark.parametrize("how", ["chosen", "dropped"])
def test_an_image_of_ones_own_is_begun_with(page: Any, served: Served, prior: Any, tmp_path: Path, how: str) -> None:
    dreamer = prior("digits")
    size = dreamer.parent.model.spec.data.size
    rng = np.random.default_rng(len(how))
    Image.fromarray(rng.integers(0, 255, (size.height, size.width), dtype=np.uint8)).save(tmp_path / f"{how}.png")
    open_dream(page, served, dreamer.name, "?n=1&seed=5")
    if how == "chosen":
        page.get_by_role("button", name="From image").click()
        page.get_by_label("Image: a file of your own").set_input_files(tmp_path / "chosen.png")
    else:  # anywhere on the page, also where new images are drawn
        held = base64.b64encode((tmp_path / "dropped.png").read_bytes()).decode()
        page.evaluate(
            """(text) => {
              const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0)), dataTransfer = new DataTransfer()
              dataTransfer.items.add(new File([bytes], 'dropped.png', { type: 'image/png' }))
              window.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }))
            }""",
            held,
        )
    found = dream_frames(dreamer.parent, tmp_path / f"{how}.png")
    wait_for_item(page, 0, dreamer.decode(dreamer.encode(found.pixels))[0])
    assert query_of(page)["of"].startswith(f"image:{how}-")
    page.get_by_role("button", name="New", exact=True).click()
    page.locator("button.main").click()
    wait_for_item(page, 0, dream.images(dreamer, 1, seed=5).images[0, 0])
    assert "of" not in query_of(page)


def test_a_clip_begins_with_an_image(page: Any, served: Served, prior: Any) -> None:
    dreamer = prior("loops")
    page.goto(f"{served.origin}/#/runs/{dreamer.name}/dream?of=validation:3&steps=2&at=0")
    codes, image, label = decoded(dreamer, "validation:3")
    wait_for_item(page, 0, image)
    expect(page.get_by_role("button", name="Paint a region")).to_be_disabled()
    page.keyboard.press("Enter")
    until(page, "location.hash.includes('then=c.0.')")
    done(page)
    seed = int(query_of(page)["then"].split(".")[2])
    start = Frames("an image", image[None], codes=codes)
    wanted = dream.motion(dreamer, start=start, label=label, sampling=Sampling(steps=2), seed=seed)
    wait_for_item(page, 0, wanted.images[0, 0])
    assert np.array_equal(wanted.images[0, 0], image)
    page.keyboard.press(".")
    wait_for_item(page, 0, wanted.images[0, 1])


def test_a_prior_is_trained_from_the_page_of_its_tokenizer(page: Any, served: Served, prior: Any) -> None:
    parent = prior("digits").parent.name
    page.goto(f"{served.origin}/#/runs/{parent}/dream")
    page.get_by_role("link", name="Train…").first.click()
    expect(page.locator('[id="field-parent"]')).to_have_value(parent, timeout=1000 * SECONDS)
    expect(page.locator(".bottom")).to_contain_text(f"parent={parent}")
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()


def test_a_drawing_is_stopped_and_drawn_again(page: Any, served: Served, prior: Any) -> None:
    dreamer = prior("digits")
    frames, holding = [], [True]

    def pass_on(socket: Any) -> None:
        """Of all progress and answers of the drawing only the first: however fast it is, it is still drawing for the page."""
        server = socket.connect_to_server()

        def from_server(message: str | bytes) -> None:
            if holding and isinstance(message, bytes) and (b'"progress"' in message or frames):
                frames.append(message)
                if len(frames) > 1:
                    return
            socket.send(message)

        server.on_message(from_server)

    page.route_web_socket(re.compile(r"/ws/models/"), pass_on)
    page.goto(f"{served.origin}/#/runs/{dreamer.name}/dream?n=64&steps=4000&seed=1")
    expect(page.locator(".status")).to_contain_text("passes", timeout=1000 * SECONDS)
    page.keyboard.press("Escape")
    expect(page.locator(".status")).to_contain_text("Stopped before it was done")
    holding.clear()
    page.goto(f"{served.origin}/#/runs/{dreamer.name}/dream?n=1&seed=2")  # the model is free for the next
    wait_for_item(page, 0, dream.images(dreamer, 1, seed=2).images[0, 0])


def test_a_liked_dream_stays_with_its_settings(page: Any, served: Served, prior: Any) -> None:
    dreamer = prior("digits")
    open_dream(page, served, dreamer.name, "?n=2&seed=6&temperature=0.9&pick=1")
    page.keyboard.press("k")
    expect(page.get_by_role("button", name="Kept: Image 2 of 2: 1, seed 6", exact=True)).to_be_visible()
    open_dream(page, served, dreamer.name, "?n=1&seed=7")
    page.get_by_role("button", name="Kept: Image 2 of 2: 1, seed 6", exact=True).click()
    wait_for_item(page, 1, dream.images(dreamer, 2, sampling=Sampling(0.9), seed=6).images[1, 0])
    assert query_of(page) == {"n": "2", "seed": "6", "temperature": "0.9", "pick": "1"}
    page.keyboard.press("k")
    expect(page.get_by_role("group", name="Kept dreams").get_by_role("img")).to_have_count(0)


def test_a_loop_stands_at_the_frame_of_the_address_and_is_gone_on_with(page: Any, served: Served, prior: Any) -> None:
    dreamer = prior("loops")
    open_dream(page, served, dreamer.name, "?seed=4&steps=2&at=0.25")
    wanted = dream.motion(dreamer, sampling=Sampling(steps=2), seed=4)
    wait_for_item(page, 0, wanted.images[0, 6])  # of 24
    page.keyboard.press(".")
    wait_for_item(page, 0, wanted.images[0, 7])
    expect(page.get_by_role("slider", name="Frame")).to_have_attribute("aria-valuetext", "frame 8 of 24")
    page.keyboard.press("c")
    done(page)
    assert query_of(page)["then"].startswith("c.0.")
    # A morph, by its address.
    open_dream(page, served, dreamer.name, "?label=truchet&to=polygons&steps=2&seed=1&at=0.5")
    morphed = dream.morph(dreamer, "truchet", "polygons", sampling=Sampling(steps=2), seed=1)
    wait_for_item(page, 0, morphed.images[0, 12])


def test_a_tokenizer_names_its_priors_and_a_prior_its_tokenizer(page: Any, served: Served, prior: Any) -> None:
    dreamer = prior("loops")
    page.goto(f"{served.origin}/#/runs/{dreamer.parent.name}/dream")
    page.get_by_role("main").get_by_role("link", name=dreamer.name).and_(page.locator("a[href$='/dream']")).click()
    done(page)
    page.goto(f"{served.origin}/#/runs/{dreamer.name}/tokens")
    expect(page.locator(".banner.prior")).to_contain_text(dreamer.parent.name, timeout=1000 * SECONDS)
    page.get_by_role("link", name="Its own page").click()
    until(page, f"location.hash === '#/runs/{dreamer.parent.name}/tokens'")
