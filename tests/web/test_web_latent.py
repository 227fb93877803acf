"""The Latent page in a browser, on a really trained model: what is on screen is what `tilework.explore` gives for a point."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import torch
from browser import SECONDS, expect, until
from explored import spec_of
from PIL import Image
from served_page import OPEN, Served, serving, wait_for

from tilework import explore
from tilework.errors import UserError
from tilework.explore import files
from tilework.runs.checkpoints import point
from tilework.runs.folder import RunFolder

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, once: Callable[..., Path], shared_cache: None) -> Path:
    import tilework

    trained = once("explored-gaussian", lambda folder: tilework.train(spec_of("gaussian"), runs=folder))
    folder = tmp_path_factory.mktemp("latent") / "runs"
    run = RunFolder.find("last", trained)
    shutil.copytree(run.path, folder / run.id)
    return folder


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Served]:
    with serving(root) as found:
        yield found


@pytest.fixture(scope="module")
def run(root: Path) -> RunFolder:
    return RunFolder.find("last", root)


@pytest.fixture(scope="module")
def opened(run: RunFolder) -> explore.Opened:
    return explore.open_model(run, device="cpu")


@pytest.fixture
def look(page: Any, served: Served, run: RunFolder) -> Callable[..., None]:
    """Open the page of the run with a query, and wait until an image is drawn and the model is known."""

    def go(query: str = "", at: str = "seed:0") -> None:
        page.goto(f"{served.origin}/#/runs/{run.id}/latent?at={at.replace('>', '%3E')}{query}")
        drawn(page, at)
        expect(page.get_by_role("region", name="Model")).to_contain_text("active", timeout=1000 * SECONDS)

    return go


def drawn(page: Any, at: str) -> None:
    """Wait until the image on screen is that of a point."""
    until(page, f"window.__tilework.shown.asked === {json.dumps(at)}", SECONDS)


def at(page: Any) -> str:
    """The point that the page is at, once its image is drawn."""
    until(page, "window.__tilework.shown.asked === document.querySelector('.point input').value", SECONDS)
    found: str = page.evaluate("window.__tilework.shown.asked")
    return found


def pixels(page: Any, selector: str, n: int = 0) -> Any:
    """What a canvas holds, (H, W) of one channel."""
    width, height, data = page.evaluate(
        f"""(() => {{
          const canvas = document.querySelectorAll({json.dumps(selector)})[{n}]
          const g = canvas.getContext('2d')
          return [canvas.width, canvas.height, [...g.getImageData(0, 0, canvas.width, canvas.height).data]]
        }})()"""
    )
    return np.array(data, np.uint8).reshape(height, width, 4)[..., 0]


BIG = ".image .place canvas"


def shows(page: Any, opened: explore.Opened, point: str) -> None:
    drawn(page, point)
    np.testing.assert_array_equal(pixels(page, BIG), explore.sample(opened, point).images[0][..., 0])


def test_the_image_follows_sliders_bars_and_typed_numbers(
    page: Any, look: Callable[..., None], opened: explore.Opened
) -> None:
    point = "seed:3;1=1.5"
    look(at=point)
    shows(page, opened, point)
    z = explore.sample(opened, point).latents[0].flatten()
    slider = page.get_by_role("slider", name="z 1", exact=True)
    expect(slider).to_have_attribute("aria-valuetext", "1.50")
    expect(page.get_by_role("slider", name="z 0", exact=True)).to_have_attribute("aria-valuetext", f"{z[0]:.2f}")

    slider.press("ArrowRight")
    slider.press("Shift+ArrowLeft")
    shows(page, opened, "seed:3;1=1.59")
    until(page, "location.hash.includes('1%3D1.59')")

    page.get_by_role("button", name="z 1: 1.59").click()
    field = page.get_by_role("textbox", name="z 1")
    for bad in ("NaN", "1e9", "two"):
        field.fill(bad)
        field.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
    field.fill("-0,5")
    field.press("Enter")
    shows(page, opened, "seed:3;1=-0.5")

    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(1, 6):  # the image follows before the button is let go of
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.05 * step), box["y"] + box["height"] / 2)
    until(page, "Number(window.__tilework.shown.asked?.split('=')[1]) > 0.5")
    page.mouse.up()
    shows(page, opened, at(page))
    page.keyboard.press("Control+z")
    shows(page, opened, "seed:3;1=-0.5")

    chart = page.locator(".chart canvas")
    chart.focus()
    chart.press("Enter")
    page.locator(".chart input").fill("2")
    page.locator(".chart input").press("Enter")
    until(page, "window.__tilework.shown.asked?.endsWith('=2')")
    shows(page, opened, at(page))


def test_the_three_modes_draw_what_python_draws(page: Any, look: Callable[..., None], opened: explore.Opened) -> None:
    look()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys and meanings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("r")
    shows(page, opened, "seed:1")
    page.get_by_role("button", name="Seed: 1; type").click()
    page.get_by_role("textbox", name="Seed").fill("7")
    page.get_by_role("textbox", name="Seed").press("Enter")
    shows(page, opened, "seed:7")

    page.get_by_role("button", name="N(μ, σ²)").click()
    shows(page, opened, "seed:7;*~0,1")
    page.get_by_role("slider", name="z 2, sigma").press("Home")
    page.get_by_role("slider", name="z 2, mu").press("ArrowRight")
    until(page, "window.__tilework.shown.asked?.includes(';2~0.1,')")
    shows(page, opened, at(page))

    page.get_by_role("button", name="Randomise μ").click()
    until(page, "window.__tilework.shown.asked?.includes('mu@')")
    point = at(page)
    shows(page, opened, point)
    drawn_mu = explore.sample(opened, f"zero;*~0,0;mu@{point.split('mu@')[1]}").latents[0].flatten()
    expect(page.get_by_role("slider", name="z 0, mu")).to_have_attribute("aria-valuetext", f"{drawn_mu[0]:.2f}")

    page.get_by_role("button", name="exact z").click()
    page.get_by_role("button", name="Reset to 0").click()
    shows(page, opened, "zero")


def test_an_image_and_ones_own_are_begun_at_and_edited(
    page: Any, look: Callable[..., None], opened: explore.Opened, tmp_path: Path
) -> None:
    look()
    page.keyboard.press("/")
    page.keyboard.type("5")
    page.locator('[data-origin="validation:5"]').click()
    shows(page, opened, "validation:5")
    found = explore.encode(opened, "validation:5")
    region = page.get_by_role("region", name="The image and its reconstruction")
    expect(region).to_contain_text(f"{found.psnr:.1f} dB")
    np.testing.assert_array_equal(pixels(page, "figure canvas", 0), found.image[..., 0])
    np.testing.assert_array_equal(pixels(page, "figure canvas", 1), found.reconstruction[..., 0])
    assert found.sigma is not None
    title = page.locator(".row", has=page.get_by_role("slider", name="z 0", exact=True)).locator(".band")
    expect(title).to_have_attribute("title", f"the image: {three(found.mean[0, 0, 0])} ± {three(found.sigma[0, 0, 0])}")

    file = tmp_path / "mine.png"
    Image.fromarray((np.arange(50 * 70).reshape(50, 70) * 16).astype(np.uint16)).save(file)  # 16 bit, of another size
    page.locator('input[type="file"]').set_input_files(file)
    until(page, "window.__tilework.shown.asked?.startsWith('image:')", SECONDS)
    expect(region).to_contain_text("image mine")
    own = explore.encode(opened, f"image:{file}")
    np.testing.assert_array_equal(pixels(page, "figure canvas", 0), own.image[..., 0])
    page.get_by_role("slider", name="z 0", exact=True).press("ArrowRight")
    until(page, "window.__tilework.shown.asked?.includes(';0=')")
    page.get_by_role("button", name="As it was").click()
    until(page, "!window.__tilework.shown.asked?.includes(';0=')")
    np.testing.assert_array_equal(pixels(page, BIG), own.reconstruction[..., 0])


def three(value: float) -> str:
    """As the page writes a figure."""
    return f"{float(value):.3g}".replace("-0.000", "0")


def test_traversals_plane_and_map_lead_to_points(page: Any, look: Callable[..., None], opened: explore.Opened) -> None:
    look("&view=rows", "seed:2")
    found = explore.traverse(opened, "seed:2")
    first = page.get_by_role("slider", name=f"z {found.dimensions[0]}: images")
    until(page, f"document.querySelectorAll('.images canvas').length >= {min(4, len(found.dimensions))}", SECONDS)
    until(page, "document.querySelector('.images canvas').width > 100", SECONDS)
    strip = pixels(page, ".images canvas")
    side = found.images.shape[2]
    np.testing.assert_array_equal(strip[:, :side], found.images[0, 0, ..., 0])
    np.testing.assert_array_equal(strip[:, -side:], found.images[0, -1, ..., 0])
    box = first.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    shows(page, opened, f"seed:2;{found.dimensions[0]}=3")

    page.keyboard.press("3")
    plane = page.get_by_role("application", name="Plane")
    expect(page.get_by_text("decoding…")).to_have_count(0, timeout=1000 * SECONDS)
    box = plane.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    x, y = explore.statistics(opened).order[:2]
    until(page, f"/;{x}=-?0(.0\\d*)?;{y}=-?0(.0\\d*)?$/.test(window.__tilework.shown.asked)")
    shows(page, opened, at(page))

    page.keyboard.press("4")
    world = page.get_by_role("application", name="Map of the data set")
    until(page, f"window.__tilework.shown.points === {len(explore.map_of(opened).xy)}", SECONDS)
    world.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".map .card")).to_contain_text(" ")
    name = page.locator(".map .card .line").first.inner_text()
    page.keyboard.press("Enter")
    point = name.replace(" ", ":")
    shows(page, opened, point)
    nearest = explore.nearest(opened, point, 6)
    label = f"{nearest.found[1].side} {nearest.found[1].number}"
    expect(page.get_by_role("region", name="Nearest images").get_by_role("button").nth(1)).to_have_attribute(
        "title", starting(label)
    )


def starting(text: str) -> Any:
    return re.compile("^" + re.escape(text) + r"\b")


def test_a_view_that_was_left_takes_no_late_answer(
    page: Any, look: Callable[..., None], opened: explore.Opened
) -> None:
    """From view to view before what they ask for is there: nothing is drawn where nothing is any more (see `page`)."""
    look(at="seed:6")
    for _ in range(4):
        for key in "324":
            page.keyboard.press(key)
            page.evaluate("new Promise(requestAnimationFrame)")
    page.keyboard.press("1")
    page.keyboard.press("r")
    shows(page, opened, "seed:7")
    page.keyboard.press("b")
    until(page, "location.hash.includes('keys=')")
    page.go_back()  # from view to view; what was kept meanwhile stays
    until(page, "location.hash.includes('view=map')")
    expect(page.get_by_role("button", name="Map", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("button.key")).to_have_count(1)


def test_keyframes_play_are_saved_and_shown_as_a_command(
    page: Any, look: Callable[..., None], opened: explore.Opened, run: RunFolder
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    look()
    page.keyboard.press("b")
    page.goto(page.url.replace("at=seed%3A0", "at=validation%3A2"))
    drawn(page, "validation:2")
    page.keyboard.press("b")
    expect(page.locator("button.key")).to_have_count(2)
    page.get_by_role("button", name="spherical").click()
    page.get_by_label("eased").check()
    frames = page.get_by_role("slider", name="Frame")
    frames.press("ArrowRight")
    found = explore.walk(opened, ["seed:0", "validation:2"], 25, "spherical", True)
    expect(page.get_by_role("img", name="Frame 2 of the film")).to_be_visible(timeout=1000 * SECONDS)
    until(page, "document.querySelector('.place.film canvas')?.width > 1")
    np.testing.assert_array_equal(pixels(page, BIG), found.images[1][..., 0])

    with page.expect_download() as download:
        page.get_by_role("button", name="GIF").click()
    assert Path(download.value.path()).read_bytes() == files.content(found, ".gif")

    page.get_by_role("group", name="Save the film").get_by_role("button", name="Command").click()
    expect(page.locator(".copied code")).to_have_text(
        f"tilework interpolate {run.id} 'seed:0' 'validation:2' --frames 25 --how spherical --ease --out walk.mp4"
    )
    page.keyboard.press("Escape")
    expect(page.locator(".place.film")).to_have_count(0)
    kept = parse_qs(urlsplit(page.url).fragment.split("?", 1)[1])
    assert kept["keys"] == ["seed:0|validation:2"]
    assert kept["how"] == ["spherical"]
    page.reload()
    expect(page.locator("button.key")).to_have_count(2)


def test_directions_are_kept_by_name_and_a_bad_point_is_reported(
    page: Any, look: Callable[..., None], opened: explore.Opened
) -> None:
    look("&side=directions", "seed:4")
    slider = page.get_by_role("slider", name="principal 1", exact=True)
    slider.press("ArrowRight", timeout=1000 * SECONDS)
    shows(page, opened, "seed:4;pc1*0.1")
    page.get_by_label("From label").select_option("4")
    page.get_by_label("To label").select_option("9")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("slider", name="4 → 9").press("ArrowRight")
    until(page, "window.__tilework.shown.asked?.includes('4>9')")
    shows(page, opened, at(page))
    page.get_by_role("button", name="Name and keep principal 1").click()
    page.get_by_role("textbox", name="Name of this direction").fill("lean")
    page.get_by_role("textbox", name="Name of this direction").press("Enter")
    until(page, "location.hash.includes('dirs=lean') && decodeURIComponent(location.hash).includes('4>9')")
    page.reload()
    expect(page.get_by_role("slider", name="lean", exact=True)).to_have_attribute(
        "aria-valuetext", starting("0.10"), timeout=1000 * SECONDS
    )

    line = page.get_by_role("textbox", name="Point")
    before = at(page)
    for wrong, what in (
        ("seed:x", "seed:x"),
        ("seed:1;99=1", "no dimension 99"),
        ("validation:99999", "validation:99999"),
    ):
        line.fill(wrong)
        line.press("Enter")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text(what)
        for word in why_not(opened, wrong):
            expect(alert).to_contain_text(word, ignore_case=True)
        expect(line).to_have_value(wrong)
        shows(page, opened, before)
    line.fill("zero")
    line.press("Enter")
    shows(page, opened, "zero")
    expect(page.get_by_role("alert")).to_have_count(0)


def why_not(opened: explore.Opened, point: str) -> tuple[str, str]:
    """Why and what to do, as Python and the shell report it for a point."""
    with pytest.raises(UserError) as refused:
        explore.sample(opened, point)
    return refused.value.why, refused.value.fix


@pytest.mark.parametrize("wrong", ["3=abc", "validation:99999", "seed:1;0=two"])
def test_a_bad_point_in_the_address_is_reported_and_the_last_view_stays(
    page: Any, look: Callable[..., None], opened: explore.Opened, served: Served, run: RunFolder, wrong: str
) -> None:
    look(at="validation:3")
    page.evaluate(f"location.hash = '#/runs/{run.id}/latent?at={wrong}'")
    alert = page.get_by_role("alert")
    for word in why_not(opened, wrong):
        expect(alert).to_contain_text(word, ignore_case=True)
    shows(page, opened, "validation:3")
    until(page, "location.hash.includes('at=validation%3A3')")
    expect(page.locator(".pill.ready")).to_be_visible()
    page.goto(f"{served.origin}/")
    page.goto(f"{served.origin}/#/runs/{run.id}/latent?at={wrong}")  # nothing was seen before
    expect(alert).to_contain_text(why_not(opened, wrong)[0], ignore_case=True, timeout=1000 * SECONDS)
    shows(page, opened, "seed:0")


@pytest.mark.parametrize("name", ["latent", "tokens", "live"])
@pytest.mark.parametrize("id", ["..", "..%2Fx", "a%5Cb", ".trash"])
def test_a_run_that_cannot_be_is_reported_once_with_a_way_out(page: Any, served: Served, id: str, name: str) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{served.origin}/#/runs/{id}/{name}")
    expect(page.get_by_role("alert")).to_contain_text("cannot be the name of a run")
    assert not [url for url in sockets if "/ws/models" in url or "/ws/runs/" in url]
    page.get_by_role("link", name="All runs", exact=True).click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_run_that_is_not_there_leads_to_those_that_are(page: Any, served: Served) -> None:
    page.goto(f"{served.origin}/#/runs/no-such-run/latent")
    expect(page.get_by_role("alert")).to_contain_text("There is no run 'no-such-run'")
    expect(page.get_by_role("button", name="Open it again")).to_have_count(0)
    expect(page.get_by_role("alert").get_by_role("link", name="All runs", exact=True)).to_be_visible()


def test_what_is_waited_for_is_shown(page: Any, served: Served, run: RunFolder) -> None:
    for child in list(served.studio.app.app.state.pool._open):
        os.kill(child.pid, signal.SIGKILL)
    wait_for(lambda: not any(child.alive for child in served.studio.app.app.state.pool._open))
    page.goto(f"{served.origin}/#/runs/{run.id}/latent")
    expect(page.locator("aside.left")).to_contain_text("PyTorch is being loaded")
    expect(page.locator("aside.left")).to_contain_text("Dimensions", timeout=1000 * SECONDS)
    assert page.evaluate(
        "[...document.querySelectorAll('*')].every((one) => getComputedStyle(one).textTransform === 'none')"
    ), "a name's letters are its own"


def test_rows_mark_where_the_point_lies(page: Any, look: Callable[..., None], opened: explore.Opened) -> None:
    look("&view=rows", "seed:3;0=9;1=0")
    rows = page.locator(".row", has=page.locator(".images"))
    for dimension, beyond, left in ((0, True, 17 / 18), (1, False, 0.5)):
        mark = rows.filter(has=page.get_by_label(re.compile(rf"^z {dimension}: images"))).locator(".mark")
        expect(mark).to_have_attribute("title", re.compile("The point is at"), timeout=1000 * SECONDS)
        expect(mark).to_have_class(re.compile("beyond") if beyond else re.compile("^((?!beyond).)*$"))
        place = float(mark.evaluate("one => one.style.left").rstrip("%"))
        assert abs(place - 100 * left) < 0.1


@pytest.mark.parametrize("kind", ["text", "bare", "cut", "cmyk", "sixteen", "large"])
def test_files_of_every_kind_are_taken_or_refused_in_words(
    page: Any, look: Callable[..., None], opened: explore.Opened, tmp_path: Path, kind: str
) -> None:
    look()
    ramp = np.add.outer(np.arange(60), np.arange(80))
    file = tmp_path / f"mine.{ {'text': 'txt', 'bare': 'dat', 'cmyk': 'jpg'}.get(kind, 'png') }"
    if kind in {"text", "bare"}:
        file.write_text("no image")
    elif kind == "cmyk":
        Image.fromarray(np.stack([ramp, ramp[::-1], ramp, ramp * 0], -1).astype(np.uint8), "CMYK").save(file)
    elif kind == "sixteen":
        Image.fromarray((ramp * 400).astype(np.uint16)).save(file)
    elif kind == "large":
        Image.new("L", (7200, 7000), 90).save(file)
    else:
        Image.fromarray(ramp.astype(np.uint8)).save(file)
        file.write_bytes(file.read_bytes()[:60])
    page.locator('input[type="file"]').set_input_files(file)
    if kind in {"text", "bare", "cut"}:
        alert = page.locator("aside.right").get_by_role("alert")
        expect(alert).to_contain_text("no image" if kind == "text" else "cannot be read", timeout=1000 * SECONDS)
        expect(alert).to_contain_text("PNG")
        shows(page, opened, "seed:0")
        return
    until(page, "window.__tilework.shown.asked?.startsWith('image:')", SECONDS)
    expect(page.get_by_role("region", name="The image and its reconstruction")).to_contain_text("image mine")
    np.testing.assert_array_equal(pixels(page, "figure canvas"), explore.encode(opened, f"image:{file}").image[..., 0])


def test_a_newer_checkpoint_is_offered_to_every_page_and_opened_where_one_was(
    page: Any, chromium: Any, look: Callable[..., None], root: Path, run: RunFolder, served: Served
) -> None:
    """Two pages of one browser on one run; each goes on with what it has until it is asked to open the newer one."""
    copied = RunFolder(Path(shutil.copytree(run.path, root.parent / "other" / "newer-one", ignore=OPEN)))
    shutil.move(copied.path, root / "newer-one")
    copied = RunFolder(root / "newer-one")
    address = f"{served.origin}/#/runs/newer-one/latent?at=seed:5&view=rows"
    other = page.context.new_page()
    for one in (page, other):
        one.goto(address)
        drawn(one, "seed:5")
    assert len([c for c in served.studio.app.app.state.pool._open if c.chosen.run.id == "newer-one"]) == 1
    best = (copied.checkpoints / "best").resolve() if (copied.checkpoints / "best").exists() else None
    folder = next(iter(sorted(copied.checkpoints.glob("best-*")))) if best is None or not best.is_dir() else best
    newer = copied.checkpoints / "best-00099999"
    shutil.copytree(folder, newer, ignore=OPEN)
    model = json.loads((newer / "model.json").read_text())
    (newer / "model.json").write_text(json.dumps(model | {"step": 99_999}))
    point(copied.checkpoints, "best", newer)
    for one in (page, other):
        expect(one.locator(".banner")).to_contain_text("newer checkpoint, of step 99,999")
    page.get_by_role("button", name="Open it", exact=True).click()
    expect(page.locator(".banner")).to_have_count(0)
    drawn(page, "seed:5")
    expect(page.locator(".list .images").first).to_be_visible(timeout=1000 * SECONDS)
    expect(page.get_by_role("textbox", name="Point")).to_have_value("seed:5")
    expect(other.locator(".banner")).to_contain_text("newer checkpoint")
    other.get_by_role("button", name="Resample").click()
    drawn(other, "seed:6")
    expect(page.get_by_label("Checkpoint")).to_contain_text("99,999")


def test_a_device_that_is_not_here_is_reported_as_it_was_asked_for(page: Any, served: Served, run: RunFolder) -> None:
    if torch.backends.mps.is_available():
        pytest.skip("it is here")
    page.goto(f"{served.origin}/#/runs/{run.id}/latent?device=mps")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("?device=mps", timeout=1000 * SECONDS)
    expect(alert).to_contain_text("?device=auto")
    expect(alert).not_to_contain_text("engine.device")
