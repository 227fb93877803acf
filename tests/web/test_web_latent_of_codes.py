"""The Latent page of models with codes in a browser: where it begins, past the quantiser, and what of an address is in vain."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import SECONDS, expect, until
from explored import spec_of
from numpy.typing import NDArray
from served_page import Served, serving

from tilework import explore
from tilework.runs.folder import RunFolder

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("codes") / "runs"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Served]:
    with serving(root) as found:
        yield found


@pytest.fixture(scope="module")
def model(root: Path, once: Callable[..., Path], shared_cache: None) -> Callable[[str], explore.Opened]:
    """A trained model, with a copy of its run where the studio serves it."""
    known: dict[str, explore.Opened] = {}

    def get(kind: str) -> explore.Opened:
        import tilework

        if kind not in known:
            trained = once(f"explored-{kind}", lambda folder: tilework.train(spec_of(kind), runs=folder))
            run = RunFolder.find("last", trained)
            shutil.copytree(run.path, root / run.id)
            known[kind] = explore.open_model(run.id, runs=root, device="cpu")
        return known[kind]

    return get


def go(page: Any, served: Served, opened: explore.Opened, query: str = "") -> None:
    """Open the page, and wait until the model is known."""
    page.goto(f"{served.origin}/#/runs/{opened.name}/latent{query}")
    expect(page.get_by_role("region", name="Model")).to_contain_text("active", timeout=1000 * SECONDS)


def shows(page: Any, wanted: NDArray[np.uint8]) -> None:
    """Wait until the large image is this one, to the last bit."""
    until(
        page,
        f"""((want) => {{
          const canvas = document.querySelector('.image .place canvas')
          if (!canvas || canvas.width !== want[0].length || canvas.height !== want.length) return false
          const got = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
          return want.flat().every((value, i) => got[4 * i] === value)
        }})({json.dumps(wanted[..., 0].tolist())})""",
        SECONDS,
    )


def image(opened: explore.Opened, point: str, through: explore.Through = "quantiser") -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = explore.sample(opened, point, through=through).images[0]
    return found


@pytest.mark.parametrize("kind", ["vq", "fsq"])
def test_the_same_point_past_the_quantiser_and_through_it(
    page: Any, served: Served, model: Callable[[str], explore.Opened], kind: str
) -> None:
    opened = model(kind)
    first = int(explore.statistics(opened).order[0])  # the most active dimension is the first slider
    point = f"validation:3;{first}=0.7"
    coded, continuous = image(opened, point), image(opened, point, "decoder")
    assert not np.array_equal(coded, continuous)
    switch = page.get_by_role("checkbox", name="past the quantiser")
    go(page, served, opened, f"?at={point}")
    shows(page, coded)
    expect(switch).not_to_be_checked()
    page.keyboard.press("q")
    shows(page, continuous)
    expect(switch).to_be_checked()
    until(page, "location.hash.includes('through=decoder')")
    page.keyboard.press("q")
    shows(page, coded)
    until(page, "!location.hash.includes('through=')")
    switch.check()
    shows(page, continuous)

    # A move is followed there too, and the address gives the same view.
    page.get_by_role("slider", name=re.compile(rf"^z {first} ")).press("Shift+ArrowRight")
    until(page, f"window.__tilework.shown.asked !== {json.dumps(point)}")
    moved = page.evaluate("window.__tilework.shown.asked")
    shows(page, image(opened, moved, "decoder"))
    until(page, f"decodeURIComponent(location.hash).includes({json.dumps(moved)})")
    page.reload()
    shows(page, image(opened, moved, "decoder"))
    expect(switch).to_be_checked()


@pytest.mark.parametrize("kind", ["vq", "none"])
def test_a_latent_without_a_prior_begins_at_an_image(
    page: Any, served: Served, model: Callable[[str], explore.Opened], kind: str
) -> None:
    opened = model(kind)
    go(page, served, opened)
    shows(page, image(opened, "validation:0"))
    until(page, "decodeURIComponent(location.hash).includes('at=validation:0')")
    expect(page.get_by_role("textbox", name="Point")).to_have_value("validation:0")
    expect(page.get_by_role("button", name="exact z")).to_have_attribute("aria-pressed", "true")
    expect(page.locator('[data-origin="validation:0"]')).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()  # there was nothing before it


def test_what_an_address_asks_in_vain_is_named(
    page: Any, served: Served, model: Callable[[str], explore.Opened]
) -> None:
    opened = model("vq")
    go(page, served, opened, "?at=validation:2&wich=last&view=cube&through=decoder")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("“wich” is nothing that Latent knows")
    expect(alert).to_contain_text("view is none of image, rows, plane, map: “cube”")
    expect(alert).not_to_contain_text("through")
    expect(alert).not_to_contain_text("validation")
    shows(page, image(opened, "validation:2", "decoder"))  # the rest is followed
    alert.get_by_role("button", name="Close").click()
    expect(alert).to_have_count(0)

    page.evaluate(f"location.hash = '#/runs/{opened.name}/latent?at=validation:2&constructor=1'")
    expect(alert).to_contain_text("“constructor” is nothing that Latent knows")
    page.evaluate(f"location.hash = '#/runs/{opened.name}/latent?at=validation:2'")
    expect(alert).to_have_count(0)
    page.evaluate("location.hash = '#/no-page'")
    expect(alert).to_contain_text("there is no page “no-page”")
