"""The Compare page in a browser, on really trained models: what is on screen is what `tilework.explore` gives for the same."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import SECONDS, expect, until
from explored import spec_of
from served_page import OPEN, Served, serving

from tilework import explore
from tilework.runs.folder import RunFolder

pytestmark = pytest.mark.usefixtures("shared_cache")
BETAS = (0.1, 1.0, 10.0)


def _changed(kind: str, steps: int, **changes: Any) -> Any:
    from tilework.spec.load import parse_spec

    return parse_spec(spec_of(kind, steps).model_dump(mode="json") | changes, "compared")


def _train(folder: Path) -> None:
    """The triple of betas on digits, residual codes, smaller images, and a model whose images are gone."""
    import tilework

    for beta in BETAS:
        terms = {"bce": {"weight": 1.0, "per": "image"}, "kl": beta}
        tilework.train(_changed("gaussian", 60, name=f"beta{beta:g}", objective=terms), runs=folder)
    tilework.train(_changed("rq", 60, name="rq"), runs=folder)
    tilework.train(
        _changed("gaussian", 4, name="small", data={"kind": "digits", "size": "8x8", "channels": 1}), runs=folder
    )
    own = folder / "own.npy"
    # Images that no other test has: a prepared set is also found by its content.
    np.save(own, np.random.default_rng(20_261).integers(0, 255, (64, 16, 16), dtype=np.uint8))
    data = {"kind": "array", "path": str(own), "size": "16x16", "channels": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TILEWORK_CACHE", str(folder / "cache"))
        tilework.train(_changed("gaussian", 4, name="gone", data=data), runs=folder)
    own.unlink()
    shutil.rmtree(folder / "cache")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, once: Callable[..., Path], shared_cache: None) -> Path:
    folder = tmp_path_factory.mktemp("compared") / "runs"
    return Path(shutil.copytree(once("compared", _train), folder))


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Served]:
    with serving(root) as found:
        yield found


@pytest.fixture(scope="module")
def runs(root: Path) -> dict[str, str]:
    """The id of each run by its name."""
    found = {json.loads((path / "run.json").read_text())["name"]: path.name for path in root.iterdir() if path.is_dir()}
    assert set(found) == {"beta0.1", "beta1", "beta10", "rq", "small", "gone"}
    return found


@pytest.fixture(scope="module")
def opened(root: Path, runs: dict[str, str]) -> Callable[..., explore.Opened]:
    kept: dict[tuple[str, str], explore.Opened] = {}

    def get(name: str, which: str = "best") -> explore.Opened:
        if (name, which) not in kept:
            kept[name, which] = explore.open_model(RunFolder.find(runs[name], root), which=which, device="cpu")
        return kept[name, which]

    return get


@pytest.fixture
def triple(opened: Callable[..., explore.Opened]) -> list[explore.Opened]:
    return [opened(f"beta{beta:g}") for beta in BETAS]


@pytest.fixture
def look(page: Any, served: Served, runs: dict[str, str]) -> Callable[..., None]:
    """Open a comparison of some runs, each `NAME` or `NAME@CHECKPOINT`."""

    def go(names: list[str], query: str) -> None:
        texts = [runs[name.split("@")[0]] + "".join(f"@{which}" for which in name.split("@")[1:]) for name in names]
        more = f"&more={','.join(texts[2:])}" if texts[2:] else ""
        page.goto(f"{served.origin}/#/compare?a={texts[0]}&b={texts[1]}{more}&device=cpu&{query}")

    return go


TRIPLE = [f"beta{beta:g}" for beta in BETAS]


def seen(page: Any, text: str, by: str, count: int = 3) -> None:
    """Wait until every model has answered."""
    until(page, f"window.__tilework.shown.by === {json.dumps(by)}", SECONDS)
    asked = json.dumps([text] * count, separators=(",", ":"))
    until(page, f"JSON.stringify(window.__tilework.shown.same) === {json.dumps(asked)}", SECONDS)


def pixels(page: Any, selector: str) -> Any:
    """What a canvas holds, (H, W, 3)."""
    width, height, data = page.evaluate(
        f"""(() => {{
          const canvas = document.querySelector({json.dumps(selector)})
          const g = canvas.getContext('2d')
          return [canvas.width, canvas.height, [...g.getImageData(0, 0, canvas.width, canvas.height).data]]
        }})()"""
    )
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


def shows(page: Any, column: str, image: Any) -> None:
    np.testing.assert_array_equal(
        pixels(page, f'.images [data-column="{column}"] canvas'), np.broadcast_to(image, (*image.shape[:2], 3))
    )


def test_an_image_through_three_betas_is_what_python_gives(
    page: Any, look: Callable[..., None], triple: list[explore.Opened]
) -> None:
    look(TRIPLE, "tab=images&at=validation:3")
    seen(page, "validation:3", "image")
    found = explore.same_image(triple, "validation:3")
    assert found.original is not None
    shows(page, "o", found.original)
    for letter, model in zip("abc", found.models, strict=True):
        shows(page, letter, model.image)
        measured = page.get_by_label(f"Measured of {letter.upper()}")
        assert model.mse is not None
        assert model.kl is not None
        expect(measured).to_contain_text(f"{float(f'{model.mse:.3g}'):g}")
        expect(measured).to_contain_text(f"{model.psnr:.1f} dB")
        expect(measured).to_contain_text(f"{model.kl:.1f} nats")
    for letter, beta in zip("ABC", BETAS, strict=True):
        expect(page.get_by_role("group", name=f"Model {letter}")).to_contain_text(f"β {beta:g}")
    page.keyboard.press(".")
    seen(page, "validation:4", "image")
    shows(page, "c", explore.same_image(triple, "validation:4").models[2].image)
    page.reload()
    seen(page, "validation:4", "image")


def test_one_point_is_moved_in_all_models(page: Any, look: Callable[..., None], triple: list[explore.Opened]) -> None:
    look(TRIPLE, "tab=images&at=seed:3;1=1.5")
    seen(page, "seed:3;1=1.5", "point")
    for letter, model in zip("abc", explore.same_point(triple, "seed:3;1=1.5").models, strict=True):
        shows(page, letter, model.image)
    page.get_by_role("slider", name="z 1", exact=True).press("ArrowRight")
    until(
        page, "new Set(window.__tilework.shown.same).size === 1 && window.__tilework.shown.same[0] !== 'seed:3;1=1.5'"
    )
    moved = page.evaluate("window.__tilework.shown.same[0]")
    assert moved.startswith("seed:3;1=1.")
    until(page, f"decodeURIComponent(location.hash).includes({json.dumps(moved)})")
    for letter, model in zip("abc", explore.same_point(triple, moved).models, strict=True):
        shows(page, letter, model.image)
    line = page.get_by_label("Point as text")
    line.fill("seed:8;*~0.5,0.5")
    line.press("Enter")
    seen(page, "seed:8;*~0.5,0.5", "point")
    shows(page, "b", explore.same_point(triple, "seed:8;*~0.5,0.5").models[1].image)
    page.get_by_role("button", name="Resample").click()
    seen(page, "seed:9;*~0.5,0.5", "point")


def test_a_move_is_taken_back_and_the_browser_goes_back_from_tab_to_tab(
    page: Any, look: Callable[..., None], triple: list[explore.Opened]
) -> None:
    look(TRIPLE, "tab=images&by=point&at=seed:3")
    seen(page, "seed:3", "point")
    page.locator("aside input[type=range]").first.press("ArrowRight")
    until(page, "window.__tilework.shown.same.every((one) => one.startsWith('seed:3;'))", SECONDS)
    page.keyboard.press("Control+z")
    seen(page, "seed:3", "point")
    page.keyboard.press("3")
    page.get_by_role("application", name="Samples of A").click(position={"x": 8, "y": 8}, timeout=1000 * SECONDS)
    seen(page, "seed:0", "point")
    for tab in ("Samples", "Images"):
        page.go_back()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    seen(page, "seed:3", "point")


def test_differences_are_on_a_fixed_scale_that_is_shown(
    page: Any, look: Callable[..., None], triple: list[explore.Opened]
) -> None:
    look(TRIPLE, "tab=images&at=validation:2&look=difference&factor=4&signed=1&from=a")
    seen(page, "validation:2", "image")
    a, b, c = (model.image.astype(int)[..., 0] for model in explore.same_image(triple, "validation:2").models)
    for letter, image in (("a", a), ("b", b), ("c", c)):
        t = np.clip(4 * (image - a) / 255, -1, 1)[..., None]
        end = np.where(t < 0, [72, 156, 255], [255, 92, 64])
        same = np.array([14, 16, 20])
        expected = np.floor(same + (end - same) * np.abs(t) + 0.5)
        np.testing.assert_array_equal(pixels(page, f'[data-column="{letter}"] canvas'), expected)
    expect(page.locator(".scalebar")).to_contain_text("amplified 4 times")
    expect(page.locator(".scale")).to_contain_text("+0.25")
    page.get_by_role("button", name="×1", exact=True).click()
    page.get_by_role("button", name="signed").click()
    expect(page.locator(".scale")).to_contain_text("0")
    expect(page.locator(".scale")).not_to_contain_text("+")
    assert pixels(page, '[data-column="a"] canvas').max() <= 14, "it differs in nothing from itself"


def test_two_are_swiped_and_blinked_by_keys_alone(
    page: Any, look: Callable[..., None], triple: list[explore.Opened]
) -> None:
    page.clock.install()
    look(TRIPLE, "tab=images&at=validation:1&right=c")
    seen(page, "validation:1", "image")
    models = explore.same_image(triple, "validation:1").models
    found = [np.broadcast_to(model.image, (*model.image.shape[:2], 3)) for model in models]
    page.keyboard.press("w")
    divider = page.get_by_role("slider", name="Divider")
    expect(divider).to_have_attribute("aria-valuenow", "50")
    np.testing.assert_array_equal(pixels(page, '[data-side="left"] canvas'), found[0])
    np.testing.assert_array_equal(pixels(page, '[data-side="right"] canvas'), found[2])
    for key in ("ArrowRight", "PageUp", "Shift+ArrowLeft"):
        divider.press(key)
    expect(divider).to_have_attribute("aria-valuenow", "56")
    expect(page.locator('[data-side="left"]')).to_have_css("clip-path", "inset(0px 44% 0px 0px)")
    assert "cut=56" in page.url
    box = page.locator(".images").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 10)
    expect(divider).to_have_attribute("aria-valuenow", "25")

    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    shown = page.locator(".stage .images")
    expect(shown).to_have_attribute("data-side", "left")
    page.clock.run_for(800)
    expect(shown).to_have_attribute("data-side", "right")
    page.keyboard.press(" ")
    page.clock.run_for(5000)
    expect(shown).to_have_attribute("data-side", "right")
    page.keyboard.press("ArrowLeft")
    expect(shown).to_have_attribute("data-side", "left")
    np.testing.assert_array_equal(pixels(page, ".stage .images canvas"), found[0])

    page.emulate_media(reduced_motion="reduce")
    expect(page.locator(".under")).to_contain_text("Space shows the other one")
    page.clock.run_for(5000)
    expect(shown).to_have_attribute("data-side", "left")
    page.keyboard.press(" ")
    expect(shown).to_have_attribute("data-side", "right")


def test_tokens_of_one_run_over_time_and_the_command_that_makes_the_same(
    page: Any,
    look: Callable[..., None],
    opened: Callable[..., explore.Opened],
    root: Path,
    tilework: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    look(["rq", "rq@step-00000030"], "tab=images&at=validation:5&by=tokens&set=1,0-1,*=3")
    seen(page, "validation:5", "tokens", 2)
    models = [opened("rq"), opened("rq", "30")]
    tokens = explore.tokens(models[0], "validation:5")
    codes = tokens.codes.copy()
    codes[0, 0:2] = 3
    found = explore.same_tokens(models, codes)
    for letter, model in zip("ab", found.models, strict=True):
        shows(page, letter, model.image)
        expect(page.get_by_label(f"Measured of {letter.upper()}")).to_contain_text(f"{model.bits:.0f}")
    page.get_by_role("button", name="Copy as command").click()
    line = page.locator(".copied code").inner_text()
    monkeypatch.chdir(tmp_path)
    done = tilework(*shlex.split(line)[1:], "--runs", root)
    assert done.code == 0, (line, done.err)
    assert (tmp_path / "compare.html").read_text() == found.html()


def test_samples_of_the_same_seeds_with_what_each_model_is(
    page: Any, look: Callable[..., None], triple: list[explore.Opened]
) -> None:
    look(TRIPLE, "tab=samples&count=16&seed=5")
    until(page, "JSON.stringify(window.__tilework.shown.samples) === '[5,5,5]'", SECONDS)
    for letter, model in zip("abc", triple, strict=True):
        found = explore.sample(model, [f"seed:{n}" for n in range(5, 21)]).images
        sheet = pixels(page, f'.sheets [data-column="{letter}"] canvas')
        for k, image in enumerate(found):
            top, left = (k // 4) * 17, (k % 4) * 17
            np.testing.assert_array_equal(sheet[top : top + 16, left : left + 16, 0], image[..., 0])
        facts = page.get_by_label(f"What {letter.upper()} is")
        kl = explore.statistics(model).kl.sum()  # type: ignore[union-attr]
        expect(facts).to_contain_text(f"{kl:.1f} nats", timeout=1000 * SECONDS)
        expect(facts).to_contain_text("PSNR")
    grid = page.get_by_role("application", name="Samples of B")
    grid.focus()
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator(".lit")).to_have_count(3)
    page.keyboard.press("r")
    until(page, "JSON.stringify(window.__tilework.shown.samples) === '[21,21,21]'", SECONDS)
    page.keyboard.press("Enter")
    seen(page, "seed:25", "point")


def test_maps_are_linked(page: Any, look: Callable[..., None], triple: list[explore.Opened]) -> None:
    look(TRIPLE[::2], "tab=maps")
    until(
        page, "window.__tilework.shown.maps?.length === 2 && window.__tilework.shown.maps.every((n) => n > 0)", SECONDS
    )
    page.locator('[data-column="a"] canvas').focus()
    page.keyboard.press("ArrowRight")
    until(
        page,
        "((shown) => shown.lit && shown.encoded.every((of) => of === shown.lit))(window.__tilework.shown)",
        SECONDS,
    )
    lit = page.evaluate("window.__tilework.shown.lit")
    found = explore.same_image(triple[::2], lit)
    for letter, model in zip("AB", found.models, strict=True):
        made = pixels(page, f'[aria-label="What {letter} makes of it"] .thumb:nth-child(2) canvas')
        np.testing.assert_array_equal(made[..., 0], model.image[..., 0])
    page.keyboard.press("Enter")
    until(page, "location.hash.includes('lit=')")
    page.reload()
    until(page, f"window.__tilework.shown.lit === {json.dumps(lit)}", SECONDS)
    page.get_by_role("group", name="Labels").get_by_role("button", name="3").click()
    assert "hide=3" in page.url


def test_models_that_do_not_go_together_show_why(
    page: Any, look: Callable[..., None], opened: Callable[..., explore.Opened], triple: list[explore.Opened]
) -> None:
    look(["beta1", "rq", "small", "gone"], "tab=images&at=validation:3")
    seen(page, "validation:3", "image", 4)
    image = triple[1].images.pixels("validation", [3])[0]  # type: ignore[union-attr]
    found = explore.same_image([triple[1], opened("gone")], image)
    shows(page, "d", found.models[1].image)
    expect(page.get_by_role("group", name="Model D")).to_contain_text("own.npy")
    expect(page.get_by_label("Measured of D")).to_contain_text("the same pixels were sent")
    page.keyboard.press("d")
    expect(page.locator('[data-column="c"]')).to_contain_text("8 × 8")
    page.goto(page.url.replace("at=validation%3A3", "at=seed%3A1").replace("&look=difference", ""))
    seen(page, "seed:1", "point", 4)
    expect(page.locator('[data-column="b"]')).to_contain_text("Not the same point")
    page.get_by_role("button", name="Tokens").click()
    expect(page.locator('[data-column="a"]')).to_contain_text("continuous", timeout=1000 * SECONDS)
    page.keyboard.press("4")
    expect(page.locator('[data-column="d"]')).to_contain_text("no map without the images", timeout=1000 * SECONDS)


def test_a_process_that_dies_is_opened_again_by_one_button_and_a_run_that_is_not_there_is_reported(
    page: Any, look: Callable[..., None], served: Served, runs: dict[str, str], triple: list[explore.Opened]
) -> None:
    look(TRIPLE[:2], "tab=images&at=validation:3")
    seen(page, "validation:3", "image", 2)
    pool = served.studio.app.app.state.pool
    os.kill(next(child.pid for child in pool._open if child.chosen.run.id == runs["beta1"]), signal.SIGKILL)
    button = page.get_by_role("button", name="Open it again")
    expect(button).to_be_visible()
    button.click()
    expect(button).to_have_count(0, timeout=1000 * SECONDS)
    page.keyboard.press(".")
    seen(page, "validation:4", "image", 2)
    shows(page, "b", explore.same_image(triple[:2], "validation:4").models[1].image)
    page.goto(page.url.replace(runs["beta1"], "no-such-run"))
    expect(page.get_by_role("group", name="Model B")).to_contain_text("no-such-run", timeout=1000 * SECONDS)
    expect(page.get_by_role("group", name="Model B").get_by_role("alert")).to_contain_text("There is no run")
    page.get_by_role("group", name="Model B").get_by_role("button", name="Take it out", exact=True).last.click()
    expect(page.locator(".choose")).to_contain_text(runs["beta0.1"])


def test_a_run_that_is_deleted_while_it_is_compared_is_reported_and_taken_out_by_one_button(
    page: Any, served: Served, runs: dict[str, str], root: Path, triple: list[explore.Opened]
) -> None:
    shutil.copytree(root / runs["beta1"], root.parent / "short-lived", ignore=OPEN)
    (root.parent / "short-lived").rename(root / "short-lived")
    page.goto(f"{served.origin}/#/compare?a={runs['beta0.1']}&b=short-lived&device=cpu&tab=images&at=validation:3")
    seen(page, "validation:3", "image", 2)
    shutil.rmtree(root / "short-lived")
    column = page.get_by_role("group", name="Model B")
    expect(column.get_by_role("alert")).to_contain_text("This run was deleted")
    page.keyboard.press(".")  # what is open goes on answering
    seen(page, "validation:4", "image", 2)
    shows(page, "b", explore.same_image(triple[:2], "validation:4").models[1].image)
    column.get_by_role("button", name="Take it out", exact=True).last.click()
    expect(page.locator(".choose")).to_contain_text(runs["beta0.1"])


def test_a_run_that_cannot_be_is_compared_with_nothing(page: Any, served: Served, runs: dict[str, str]) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{served.origin}/#/compare?a={runs['beta1']}&b=..&tab=images&at=validation:3")
    expect(page.get_by_role("group", name="Model B").get_by_role("alert")).to_contain_text("There is no run '..'")
    assert not [url for url in sockets if "/ws/models" in url and runs["beta1"] not in url]


def test_models_are_chosen_on_the_page(page: Any, served: Served, runs: dict[str, str]) -> None:
    page.goto(f"{served.origin}/#/compare?tab=images&device=cpu")
    expect(page.get_by_role("list", name="Runs").get_by_role("listitem")).to_have_count(len(runs))
    page.get_by_role("button", name=runs["rq"]).click()
    expect(page.get_by_role("heading", name=f"Compare {runs['rq']} with")).to_be_visible()
    page.get_by_role("button", name=runs["rq"]).click()
    expect(page.get_by_role("tab", name="Images")).to_have_attribute("aria-selected", "true")
    which = page.get_by_label("Checkpoint of B")
    expect(which).to_have_value("step-00000030")
    seen(page, "validation:0", "image", 2)
    page.get_by_role("button", name="Add a model").click()
    page.get_by_role("list", name="Runs").get_by_role("button", name=runs["beta1"]).click()
    expect(page.get_by_role("group", name="Model C")).to_contain_text(runs["beta1"])
    page.get_by_role("button", name="Take B").click()
    expect(page.get_by_role("group", name="Model C")).to_have_count(0)
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Compare")).to_be_visible()
