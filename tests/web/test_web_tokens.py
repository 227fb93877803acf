"""The pages Tokens and Codes in a browser, on really trained models: what is on screen is what `tilework.explore` gives."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from browser import SECONDS, expect, until
from explored import spec_of as latent_spec
from numpy.typing import NDArray
from PIL import Image
from served_page import Served, serving, wait_for
from token_models import spec_of

from tilework import explore
from tilework.explore.code_atlas import ordered
from tilework.explore.edits import Edit
from tilework.explore.opened import Opened
from tilework.explore.own_image import read
from tilework.runs.folder import RunFolder

pytestmark = pytest.mark.usefixtures("shared_cache")
GRID = '[data-grid="first"] [role="application"]'
STATUS = ".status > span:first-child"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokens") / "runs"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Served]:
    with serving(root) as found:
        yield found


@pytest.fixture(scope="module")
def model(root: Path, once: Callable[..., Path], shared_cache: None) -> Callable[[str], Opened]:
    """A trained model, with a copy of its run where the studio serves it."""
    known: dict[str, Opened] = {}

    def get(kind: str) -> Opened:
        import tilework

        if kind not in known:
            spec = latent_spec("gaussian") if kind == "gaussian" else None
            spec = spec or (spec_of("vq", "64x64") if kind == "vq64" else spec_of(kind))
            name = "explored-gaussian" if kind == "gaussian" else f"tokens-{kind}"
            run = RunFolder.find("last", once(name, lambda folder: tilework.train(spec, runs=folder)))
            shutil.copytree(run.path, root / run.id)
            known[kind] = explore.open_model(run.id, runs=root, device="cpu")
        return known[kind]

    return get


def open_page(page: Any, served: Served, opened: Opened, which: str = "tokens", query: str = "") -> None:
    page.goto(f"{served.origin}/#/runs/{opened.name}/{which}{query}")
    expect(page.locator("header .pill.ready")).to_be_visible(timeout=1000 * SECONDS)


def open_tokens(page: Any, served: Served, opened: Opened, query: str = "") -> None:
    open_page(page, served, opened, "tokens", query)
    expect(page.locator(STATUS)).to_contain_text("code", timeout=1000 * SECONDS)


def asked(served: Served) -> set[str]:
    """The keys of what pages have asked and not been answered."""
    visits = list(served.studio.app.app.state.pool._guests.values())
    asks = [ask for visit in visits for ask in [*visit._asks._waiting.values(), *visit._asks._there.values()]]
    return {ask.key for ask in asks}


def query_of(page: Any) -> dict[str, str]:
    search = page.evaluate("location.hash").partition("?")[2]
    return {name: values[0] for name, values in parse_qs(search).items()}


def wait_for_image(page: Any, name: str, wanted: NDArray[np.uint8]) -> None:
    """Until the image is this one, to the last bit."""
    text = [int(value) for value in wanted.reshape(-1)]
    until(
        page,
        f"""((want, name, c) => {{
          const canvas = document.querySelector(`[data-image="${{name}}"] canvas`)
          if (!canvas || canvas.width * canvas.height * c !== want.length) return false
          const got = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
          return want.every((value, i) => got[4 * Math.floor(i / c) + (i % c)] === value)
        }})({text}, "{name}", {wanted.shape[-1]})""",
        SECONDS,
    )


def after(opened: Opened, number: int, *edits: str) -> NDArray[np.int64]:
    found = explore.tokens(opened, f"validation:{number}")
    codes = found.codes
    for edit in edits:
        codes = Edit.parse(edit).apply(found.grid, codes)
    return codes


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def cell_at(page: Any, y: int, x: int) -> tuple[float, float]:
    """Where on the page the middle of a cell is."""
    expect(page.locator(GRID)).to_have_attribute("data-cells", re.compile(","))
    left, top, width, height = (float(part) for part in page.locator(GRID).get_attribute("data-cells").split(","))
    box = page.locator(GRID).bounding_box()
    return box["x"] + left + (x + 0.5) * width, box["y"] + top + (y + 0.5) * height


def another(codes: NDArray[np.int64]) -> int:
    """A code that no cell of level 1 has: which ones a model has learned to use is the machine's affair."""
    return next(code for code in range(64) if code not in codes[0])


@pytest.mark.parametrize("kind", ["rq", "vq64", "fsq"])
def test_the_image_of_edited_tokens_is_that_of_the_api(page: Any, served: Served, model: Any, kind: str) -> None:
    opened = model(kind)
    open_tokens(page, served, opened, "?at=validation:3")
    whole = explore.tokens(opened, "validation:3")
    wait_for_image(page, "original", whole.original)
    wait_for_image(page, "edited", whole.image)
    press(page, "ArrowDown", "ArrowRight", "ArrowRight")
    expect(page.locator(STATUS)).to_contain_text(f"row 1, column 2: code {whole.codes[0, 1, 2]}")
    code = another(whole.codes)
    press(page, *str(code), "Enter")  # a code by its number
    level = "1," if whole.grid.levels > 1 else ""
    codes = after(opened, 3, f"{level}1,2={code}")
    wait_for_image(page, "edited", explore.paint(opened, codes))
    press(page, "Shift+ArrowDown", "Shift+ArrowRight", "Space")  # the same code into the selection
    edits = f"{level}1-2,2-3={code}"
    codes = after(opened, 3, edits)
    wait_for_image(page, "edited", explore.paint(opened, codes))
    until(page, f"decodeURIComponent(location.hash).includes('set={edits}')")
    measured = explore.levels(opened, codes, whole.original)
    expect(page.locator('figure:has([data-image="edited"]) figcaption')).to_contain_text(f"{measured.psnr[-1]:.1f} dB")
    # The address alone gives the same image.
    address = page.evaluate("location.hash")
    page.goto(f"{served.origin}/#/")
    page.goto(f"{served.origin}/{address}")
    wait_for_image(page, "edited", explore.paint(opened, codes))


def test_undo_and_redo_go_through_every_step(page: Any, served: Served, model: Any) -> None:
    opened = model("rq")
    open_tokens(page, served, opened, "?at=validation:1")
    base = explore.tokens(opened, "validation:1")
    one = another(base.codes)
    two = int(next(code for code in range(16) if code not in {one, int(base.codes[0, 0, 1])}))
    press(page, *str(one), "Enter")
    press(page, "ArrowRight", *str(two), "Enter")
    both = after(opened, 1, f"1,0,0={one}", f"1,0,1={two}")
    wait_for_image(page, "edited", explore.paint(opened, both))
    press(page, "Control+z")
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 1, f"1,0,0={one}")))
    press(page, "Control+z")
    wait_for_image(page, "edited", base.image)
    press(page, "Control+Shift+z", "Control+y")
    wait_for_image(page, "edited", explore.paint(opened, both))
    press(page, "Control+a", "Delete")
    wait_for_image(page, "edited", base.image)


def test_the_mouse_selects_sweeps_and_paints(page: Any, served: Served, model: Any) -> None:
    opened = model("vq64")
    open_tokens(page, served, opened, "?at=validation:2")
    page.mouse.move(*cell_at(page, 2, 3))
    page.mouse.down()
    page.mouse.move(*cell_at(page, 4, 6), steps=4)
    page.mouse.up()
    expect(page.locator(STATUS)).to_contain_text("rows 2–4, columns 3–6 selected")
    page.get_by_role("button", name="Index").click()
    tiles = page.get_by_role("listbox", name="Codes to choose from")
    tiles.click(position={"x": 24, "y": 24})  # code 0 is the first
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 2, "2-4,3-6=0")))
    page.get_by_role("button", name="Brush").click()
    page.mouse.move(*cell_at(page, 8, 1))
    page.mouse.down()
    page.mouse.move(*cell_at(page, 8, 5), steps=12)
    page.mouse.up()
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 2, "2-4,3-6=0", "8,1-5=0")))
    page.get_by_role("button", name="Undo").click()  # a sweep is one step
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 2, "2-4,3-6=0")))


def test_a_code_below_the_pointer_is_tried_out_and_no_edit(page: Any, served: Served, model: Any) -> None:
    opened = model("vq64")
    open_tokens(page, served, opened, "?at=validation:2&sort=index")
    base = explore.tokens(opened, "validation:2")
    wait_for_image(page, "edited", base.image)
    tiles = page.get_by_role("listbox", name="Codes to choose from")
    other = 0 if base.codes[0, 0, 0] != 0 else 1
    left, pitch, size, _ = (float(part) for part in tiles.get_attribute("data-tiles").split(","))
    tiles.hover(position={"x": left + other * pitch + size / 2, "y": size / 2})
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 2, f"0,0={other}")))
    page.mouse.move(640, 10)
    wait_for_image(page, "edited", base.image)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_region_of_a_second_image_is_put_down_in_the_first(page: Any, served: Served, model: Any) -> None:
    opened = model("rq")
    open_tokens(page, served, opened, "?at=validation:4&second=validation:9")
    second = page.get_by_role("application", name=re.compile("Second image"))
    second.focus()
    press(page, "ArrowDown", "Shift+ArrowRight", "Shift+ArrowDown", "Enter")  # rows 1 to 2, columns 0 to 1
    expect(page.locator(STATUS)).to_contain_text("Click where it goes")
    press(page, "ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter")
    grid, base, other = explore.tokens(opened, "validation:4").grid, after(opened, 4), after(opened, 9)
    wanted = explore.copy_region(grid, base, other, explore.Region(1, 0, 2, 2), to=(3, 1))
    wait_for_image(page, "edited", explore.paint(opened, wanted))


def test_levels_are_revealed_one_by_one(page: Any, served: Served, model: Any) -> None:
    opened = model("rq")
    open_tokens(page, served, opened, "?at=validation:6")
    found = explore.tokens(opened, "validation:6")
    measured = explore.levels(opened, found.codes, found.original)
    for upto in (1, 2, 3):
        named = "levels 1: " if upto == 1 else f"levels 1 to {upto}: "
        page.get_by_role("button", name=re.compile(f"^{named}")).click()
        wait_for_image(page, "edited", measured.images[upto - 1])
        expect(page.locator(".levels p[role=status]")).to_contain_text(f"{measured.bits[upto - 1]:,.0f} bits, error")
        expect(page.locator(".levels p[role=status]")).to_contain_text(f"{measured.psnr[upto - 1]:.1f} dB")


def test_what_a_cell_changes_and_sees_is_shown(page: Any, served: Served, model: Any) -> None:
    opened = model("rq")
    open_tokens(page, served, opened, "?at=validation:6&cell=3,4")
    found = explore.tokens(opened, "validation:6")
    reach = explore.field(opened, found.codes, 3, 4)
    top, left, bottom, right = reach.box
    press(page, "i")
    expect(page.locator(".status")).to_contain_text(f"changes {right - left} × {bottom - top} pixels")
    press(page, "e")
    top, left, bottom, right = explore.receptive(opened, found.original, 3, 4).box
    expect(page.locator(".status")).to_contain_text(f"sees {right - left} × {bottom - top} pixels")


def test_the_command_paints_the_same(page: Any, served: Served, model: Any, tmp_path: Path) -> None:
    opened = model("rq")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served.origin)
    open_tokens(page, served, opened, "?at=validation:2&set=1,0-1,*=4")
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 2, "1,0-1,*=4")))
    page.get_by_role("button", name="Copy as command").click()
    expect(page.get_by_role("toolbar", name="Selection")).to_contain_text("copied")
    line = page.evaluate("navigator.clipboard.readText()")
    assert line == f"tilework tokens {opened.name} validation:2 --set '1,0-1,*=4' --out tokens.png"


@pytest.mark.parametrize("bad", ["1,0,0=999", "1,99,0=1", "nonsense", "9,0,0=1"])
def test_edits_of_the_address_that_do_not_fit_are_named(page: Any, served: Served, model: Any, bad: str) -> None:
    opened = model("rq")
    open_tokens(page, served, opened, f"?at=validation:2&set={bad};1,0,0=4")
    expect(page.get_by_role("alert")).to_contain_text(bad)
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 2, "1,0,0=4")))


def test_a_number_that_is_no_code_is_refused_where_it_is_typed(page: Any, served: Served, model: Any) -> None:
    open_tokens(page, served, model("rq"))
    press(page, "9", "9", "Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is no code 99: they are 0 to 11")


def test_an_image_that_is_not_there_is_reported(page: Any, served: Served, model: Any) -> None:
    open_page(page, served, model("rq"), query="?at=validation:99999")
    expect(page.locator(".centre [role=alert]")).to_contain_text("validation:99999", timeout=1000 * SECONDS)


def test_many_edits_are_kept_beside_the_address(page: Any, served: Served, model: Any) -> None:
    """A checkerboard of codes is longer than an address should be."""
    opened = model("vq64")
    text = ";".join(f"{y},{x}={(x + y) % 24}" for y in range(16) for x in range(16))
    open_tokens(page, served, opened, f"?at=validation:5&set={text}")
    wanted = after(opened, 5, *text.split(";"))
    wait_for_image(page, "edited", explore.paint(opened, wanted))
    press(page, "0", "Enter")
    until(page, "location.hash.includes('set=kept')")
    expect(page.locator(".status")).to_contain_text("kept in this tab")
    page.reload()
    wanted[0, 0, 0] = 0
    wait_for_image(page, "edited", explore.paint(opened, wanted))


def test_a_continuous_model_leads_to_its_latent(page: Any, served: Served, model: Any) -> None:
    opened = model("gaussian")
    for which in ("tokens", "codes"):
        open_page(page, served, opened, which)
        expect(page.locator("main")).to_contain_text(f"has no {which}", timeout=1000 * SECONDS)
        expect(page.locator("main a")).to_have_attribute("href", f"#/runs/{opened.name}/latent")


def test_a_model_of_too_many_codes_is_edited_by_number(page: Any, served: Served, model: Any) -> None:
    opened = model("large")
    open_tokens(page, served, opened, "?at=validation:1")
    expect(page.locator("aside.right")).to_contain_text("65,536 codes", timeout=1000 * SECONDS)
    press(page, *"40000", "Enter")
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 1, "0,0=40000")))
    near = explore.similar(opened, 1, 40000, 2)
    page.get_by_role("group", name=re.compile("nearest to 40000")).get_by_role(
        "button", name=f"{near.codes[1]}"
    ).click()
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 1, f"0,0={near.codes[1]}")))


def test_codes_are_counted_sorted_found_and_shown(page: Any, served: Served, model: Any) -> None:
    opened = model("vq64")
    open_page(page, served, opened, "codes")
    atlas = explore.atlas(opened)
    expect(page.locator("aside.left")).to_contain_text("training images", timeout=1000 * SECONDS)  # all are counted
    facts = page.locator("aside.left dl")
    expect(facts).to_contain_text(f"{atlas.used} of {atlas.grid.size}", timeout=1000 * SECONDS)
    expect(facts).to_contain_text(f"{atlas.tokens:,}")
    codes = page.get_by_role("listbox", name="Codes")
    codes.focus()
    first = ordered(atlas, "usage")[0]
    expect(codes.get_by_role("option")).to_contain_text(f"code {first}, {100 * atlas.counts[first] / atlas.tokens:.2f}")
    press(page, "ArrowRight", "Enter")
    chosen = ordered(atlas, "usage")[1]
    detail = page.get_by_role("region", name=f"Code {chosen}")
    expect(detail).to_contain_text(f"{atlas.counts[chosen]:,} of {atlas.tokens:,}")
    found = explore.code(opened, 1, int(chosen))
    expect(detail.get_by_role("group", name="Nearest codes").get_by_role("button").first).to_contain_text(
        str(found.near.codes[1])
    )
    assert query_of(page)["code"] == str(chosen)
    press(page, "s")
    like = explore.similar(opened, 1, int(chosen))
    expect(page.locator("aside.left")).to_contain_text(f"like code {chosen} first")
    codes.focus()
    press(page, "Home", "ArrowRight")
    expect(codes.get_by_role("option")).to_contain_text(f"code {like.codes[1]},")
    press(page, "/", "5", "Enter")
    expect(page.get_by_role("region", name="Code 5")).to_be_visible()


def test_unused_codes_alone(page: Any, served: Served, model: Any) -> None:
    opened = model("vq64")
    unused = explore.atlas(opened).grid.size - explore.atlas(opened).used
    open_page(page, served, opened, "codes", "?show=unused")
    expect(page.locator("aside.left")).to_contain_text("training images", timeout=1000 * SECONDS)
    expect(page.locator("aside.left")).to_contain_text(f"{unused} codes")


def test_what_is_hovered_is_lit_in_the_images(page: Any, served: Served, model: Any) -> None:
    opened = model("vq64")
    open_page(page, served, opened, "codes", "?sort=index")
    strip = page.get_by_role("region", name="Held-out images")
    codes = page.get_by_role("listbox", name="Codes")
    expect(page.locator("aside.left dl")).to_be_visible(timeout=1000 * SECONDS)
    codes.hover(position={"x": 30, "y": 30})
    expect(strip).to_contain_text("code 0:")
    last = int(strip.locator(".range").text_content().split("–")[1])
    cells = sum(int((after(opened, n) == 0).sum()) for n in range(last + 1))
    expect(strip).to_contain_text("code 0: in none of these" if not cells else f"code 0: {cells} cell")


def test_an_image_of_ones_own_is_edited_like_any_other(page: Any, served: Served, model: Any) -> None:
    opened = model("rq")
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (40, 60, 3), np.uint8)).save(data, "PNG")
    open_tokens(page, served, opened)
    chooser = page.get_by_label("Image: a file of your own")
    chooser.set_input_files({"name": "none.png", "mimeType": "image/png", "buffer": b"nothing"})
    expect(page.locator("aside.left [role=alert]")).to_contain_text("cannot be read")
    chooser.set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": data.getvalue()})
    pixels = read(data.getvalue(), opened).pixels
    wait_for_image(page, "original", pixels)
    press(page, "5", "Enter")
    found = explore.tokens(opened, pixels)
    codes = found.codes.copy()
    codes[0, 0, 0] = 5
    wait_for_image(page, "edited", explore.paint(opened, codes))
    assert query_of(page)["at"].startswith("image:mine-")


def test_the_browser_goes_back_to_the_image_and_the_code_before(page: Any, served: Served, model: Any) -> None:
    opened = model("rq")
    images = {n: explore.tokens(opened, f"validation:{n}").image for n in (2, 3)}
    open_tokens(page, served, opened, "?at=validation:2")
    wait_for_image(page, "edited", images[2])
    press(page, "/")
    page.keyboard.type("3")
    press(page, "Enter")  # the first that was found
    wait_for_image(page, "edited", images[3])
    page.go_back()
    wait_for_image(page, "edited", images[2])
    page.go_forward()
    wait_for_image(page, "edited", images[3])

    open_page(page, served, opened, "codes")
    first = ordered(explore.atlas(opened), "usage")[:2]
    detail = [page.get_by_role("region", name=f"Code {code}", exact=True) for code in first]
    expect(detail[0]).to_be_visible(timeout=1000 * SECONDS)  # nobody has chosen one yet
    page.get_by_role("listbox", name="Codes").focus()
    press(page, "ArrowRight", "Enter")
    expect(detail[1]).to_be_visible()
    page.go_back()
    expect(detail[0]).to_be_visible()
    assert "code" not in query_of(page)
    press(page, "Escape")
    for one in detail:
        expect(one).to_have_count(0)


def test_what_is_looked_at_is_in_the_address(page: Any, served: Served, model: Any) -> None:
    opened = model("rq")
    open_tokens(page, served, opened, "?at=validation:2&cell=3,4")
    page.locator('button[data-image="original"]').click()
    press(page, "i")
    until(page, "location.hash.includes('show=original') && location.hash.includes('reach=changes')")
    page.reload()
    expect(page.locator(".status")).to_contain_text("changes", timeout=1000 * SECONDS)
    expect(page.locator('button[data-image="original"]')).to_have_attribute("aria-pressed", "true")
    press(page, "?")
    expect(page.get_by_role("dialog")).to_be_visible()
    press(page, "Escape", "Escape")
    until(page, "!location.hash.includes('reach')")


def test_a_process_that_died_is_opened_again_with_one_button(page: Any, served: Served, model: Any) -> None:
    opened = model("rq")
    open_tokens(page, served, opened, "?at=validation:7")
    press(page, "5", "Enter")
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 7, "1,0,0=5")))
    measured = explore.levels(opened, after(opened, 7, "1,0,0=5"), explore.tokens(opened, "validation:7").original)
    expect(page.locator('figure:has([data-image="edited"])')).to_contain_text(f"{measured.psnr[-1]:.1f} dB")
    expect(page.locator("aside.right")).to_contain_text("used")
    pool = served.studio.app.app.state.pool
    children = [child.pid for child in pool._open]
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    press(page, "]")  # the list of the next level is on its way when the process dies, and fails with it
    wait_for(lambda: {"atlas 1", "palette"} <= asked(served))
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    button = page.get_by_role("button", name="Open it again")
    expect(button).to_be_visible(timeout=1000 * SECONDS)
    page.wait_for_timeout(500)  # longer than anything that the page puts off
    assert not pool._open, "the page started another process by itself"
    button.click(timeout=1000 * SECONDS)
    expect(page.locator("header .pill.ready")).to_be_visible(timeout=1000 * SECONDS)
    press(page, "[", "ArrowRight", "6", "Enter")
    wait_for_image(page, "edited", explore.paint(opened, after(opened, 7, "1,0,0=5", "1,0,1=6")))


TAKEN = """(([how, bytes, name, type]) => {
  const data = new DataTransfer()
  data.items.add(new File([new Uint8Array(bytes)], name, { type }))
  const event = how === 'paste'
    ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
    : new DragEvent(how, { dataTransfer: data, bubbles: true, cancelable: true })
  return !document.querySelector('main').dispatchEvent(event)
})"""


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_an_image_is_dropped_anywhere_or_pasted(page: Any, served: Served, model: Any, how: str) -> None:
    opened = model("rq")
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(len(how)).integers(0, 256, (30, 30, 3), np.uint8)).save(data, "PNG")
    open_tokens(page, served, opened)
    alert = page.locator("aside.left [role=alert]")
    assert page.evaluate(TAKEN, [how, list(b"words"), "words.txt", "text/plain"]), "the browser would show it instead"
    expect(alert).to_contain_text("This file is no image")
    if how == "drop":
        assert page.evaluate(TAKEN, ["dragover", [], "mine.png", "image/png"])
        expect(page.locator("aside.left")).to_contain_text("drop it anywhere")
    assert page.evaluate(TAKEN, [how, list(data.getvalue()), f"{how}.png", "image/png"])
    wait_for_image(page, "original", read(data.getvalue(), opened).pixels)
    expect(alert).to_have_count(0)
    expect(page.locator("aside.left")).not_to_contain_text("drop it anywhere")
    assert query_of(page)["at"].startswith(f"image:{how}-")


def test_a_latent_without_a_prior_reports_it_and_starts_at_an_image(page: Any, served: Served, model: Any) -> None:
    opened = model("rq")
    open_page(page, served, opened, "latent", "?at=seed:1")
    line = page.locator(".prior")
    expect(line).to_contain_text("often decode to grey", timeout=1000 * SECONDS)
    line.get_by_role("button", name="Begin at an image").click()
    until(page, "window.__tilework.shown.asked === 'validation:0'", SECONDS)
    expect(line).to_have_count(0)
