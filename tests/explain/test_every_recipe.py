"""Every shipped recipe is explained, offline, as text, page and plain data."""

from __future__ import annotations

import json
import re
import socket
import xml.etree.ElementTree as ElementTree

import pytest
from explained import recipe, text_of
from shipped import AUTOENCODERS, PRIORS

from tilework.explain import glossary
from tilework.explain.facts.explanation import AutoencoderExplained, PriorExplained
from tilework.explain.facts.prior import ParentIs
from tilework.explain.inline import _MARKS
from tilework.explain.page import to_page
from tilework.explain.plain import to_plain
from tilework.explain.terms import lines_of
from tilework.explain.words.document import document


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("name", [*AUTOENCODERS, *PRIORS])
def test_text_page_and_data(name: str) -> None:
    found = recipe(name)
    page_text = document(found)
    plain = json.loads(json.dumps(to_plain(page_text, found), allow_nan=False))
    assert plain["drawings"]["network"].startswith("<svg")
    assert [one["heading"] for one in plain["text"]["sections"]] == [one.heading for one in page_text.sections]
    text = text_of(found)
    # Nothing is left of the marks, and nothing was forgotten to be put in.
    assert not re.search(r"\[\[|\]\]|\bNone\b|\bnan\b|\{|\}|  \w", text.replace("data.id", ""))
    assert all(
        glossary.find(found[3] or found[2])
        for line in lines_of(page_text)
        for found in _MARKS.finditer(line)
        if found[2]
    )
    assert all(line.count("**") % 2 == 0 for line in lines_of(page_text))
    page = to_page(page_text, found)
    assert "<script" not in page
    assert page.count("<svg") >= 1
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        tree = ElementTree.fromstring(drawing)
        stages = [one for one in tree.iter() if one.get("class") == "stage"]
        assert all(
            one.get("data-stage") and one.find("{http://www.w3.org/2000/svg}title") is not None for one in stages
        )
        ids = [one.get("id") for one in stages]
        assert len(set(ids)) == len(ids)
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert links <= set(re.findall(r'id="([^"]+)"', page)), "every link leads somewhere on the page"


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_the_last_stage_is_the_image_again(name: str) -> None:
    found = recipe(name)
    assert isinstance(found, AutoencoderExplained)
    images = found.images
    assert (
        found.network.stages[0].shape
        == found.network.stages[-1].shape
        == (images.channels, images.height, images.width)
    )
    assert sum(stage.parameters for stage in found.network.stages) == found.network.parameters
    assert sum(stage.multiply_adds for stage in found.network.stages) == found.network.multiply_adds


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_without_a_parent_names_whose_tokens_it_takes(name: str) -> None:
    found = recipe(name)
    assert isinstance(found, PriorExplained)
    assert found.parent.known_as is ParentIs.ASSUMED
    assert found.network.multiply_adds
    assert f"`{found.parent.name}`" in text_of(found)
