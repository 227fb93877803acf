"""The one line of a spec names the data that it is trained on, not those of the recipe that it began as."""

from __future__ import annotations

import pytest

from tilework.spec.about import about
from tilework.spec.load import apply_overrides, read_yaml, recipe_names, recipe_text


def raw(name: str, *overrides: str) -> dict[str, object]:
    return apply_overrides(read_yaml(recipe_text(name), name), overrides)


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_keeps_its_words_under_any_name(name: str) -> None:
    assert about(raw(name, "name=mine")) == raw(name)["about"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("data.kind=animations", "data.path=gifs"), "p5-loops on animations: gifs"),
        (("data.kind=images", "data.path=[a, b]", "name=mine"), "p5-loops on images: a, b"),
        (("data.kind=digits",), "p5-loops on digits"),
    ],
)
def test_other_data_are_named_in_place_of_the_recipe_s(overrides: tuple[str, ...], words: str) -> None:
    assert about(raw("p5-loops", *overrides)) == words


def test_words_of_a_person_s_own_stay_and_nothing_stays_nothing() -> None:
    assert about({"about": "my sketches", "data": {"kind": "sketches"}}) == "my sketches"
    assert about({"about": "", "data": {"kind": "images"}}) == about({}) == about({"about": 3}) == ""
